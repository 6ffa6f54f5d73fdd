"""The built-in texts in German. How they are put together is `wording.py`'s."""

from app.notifications.languages.wording import Language, Says, alert, by_number, line_where_known, where_known
from app.notifications.models import NotificationKind

_WAIT = line_where_known("estimatedWaitMinutes", "Geschätzte Wartezeit: {{ estimatedWaitMinutes }} min")
_COME_TO = line_where_known("counterName", "Bitte kommen Sie zu: {{ counterName }}")
_COME_TO_BRIEFLY = where_known("counterName", " Bitte zu: {{ counterName }}.")

_AHEAD = by_number(
    "peopleAhead",
    ("== 0", "Sie sind als Nächstes dran"),
    ("== 1", "noch 1 Person vor Ihnen"),
    otherwise="noch {{ peopleAhead }} Personen vor Ihnen",
)

GERMAN = Language(
    ticket="Nummer:",
    queue="Warteschlange:",
    says={
        NotificationKind.JOINED: Says(
            subject="{{ ticketNumber }}: Ihr Platz in der Warteschlange",
            opening="Sie haben einen Platz in der Warteschlange. Wir melden uns, wenn Sie bald an der Reihe sind.",
            details=[_WAIT, "Ihr Platz: {{ link }}"],
            brief="{{ ticketNumber }}: Ihr Platz in der Warteschlange, {{ tenantName }}: {{ link }}",
        ),
        NotificationKind.PEOPLE_AHEAD: Says(
            subject="{{ ticketNumber }}: " + _AHEAD,
            opening=by_number(
                "peopleAhead",
                ("== 0", "Sie sind als Nächstes an der Reihe. Bitte kommen Sie jetzt zurück."),
                ("== 1", "Vor Ihnen wartet noch 1 Person. Bitte kommen Sie jetzt zurück."),
                otherwise="Vor Ihnen warten noch {{ peopleAhead }} Personen. Bitte kommen Sie bald zurück.",
            ),
            details=[_WAIT],
            brief="{{ ticketNumber }}: " + _AHEAD + ". {{ tenantName }}",
        ),
        NotificationKind.WAIT_BELOW: Says(
            subject="{{ ticketNumber }}: noch etwa {{ estimatedWaitMinutes }} min",
            opening="Noch etwa {{ estimatedWaitMinutes }} min. Bitte kommen Sie rechtzeitig zurück.",
            details=["Vor Ihnen: {{ peopleAhead }}"],
            brief="{{ ticketNumber }}: noch etwa {{ estimatedWaitMinutes }} min. {{ tenantName }}",
        ),
        NotificationKind.CALLED: Says(
            subject="{{ ticketNumber }}: Sie sind an der Reihe",
            opening="Sie sind an der Reihe.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: Sie sind an der Reihe." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.RECALLED: Says(
            subject="{{ ticketNumber }}: Sie sind noch immer an der Reihe",
            opening="Wir haben Sie noch einmal aufgerufen: Sie sind an der Reihe.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: Wir haben Sie noch einmal aufgerufen." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.NO_SHOW: Says(
            subject="{{ ticketNumber }}: Wir haben Sie vermisst",
            opening="Wir haben Sie aufgerufen, aber Sie sind nicht gekommen; Ihr Platz ist vergeben. "
            "Sie können sich jederzeit neu anstellen.",
            details=["Neu anstellen: {{ link }}"],
            brief="{{ ticketNumber }}: Wir haben Sie aufgerufen, Sie kamen nicht. Neu anstellen: {{ link }}",
        ),
        NotificationKind.COMPLETED: Says(
            subject="{{ ticketNumber }}: Danke für Ihren Besuch",
            opening="Danke für Ihren Besuch.",
            brief="{{ ticketNumber }}: Danke für Ihren Besuch. {{ tenantName }}",
        ),
        NotificationKind.FEEDBACK_REQUEST: Says(
            subject="{{ tenantName }}: Wie war es?",
            opening="Danke für Ihren Besuch. Wie war es? Sagen Sie es uns: {{ ratingLink }}",
            brief="{{ tenantName }}: Wie war Ihr Besuch ({{ ticketNumber }})? Sagen Sie es uns: {{ ratingLink }}",
        ),
        NotificationKind.OPENING_SOON: Says(
            subject="{{ queueName }} öffnet um {{ opensAt }}",
            opening="Geöffnet wird um {{ opensAt }}, in {{ minutesUntilOpening }} min. "
            "Sie haben einen Platz in der Warteschlange.",
            details=["Ihr Platz: {{ link }}"],
            brief="{{ ticketNumber }}: {{ queueName }} öffnet um {{ opensAt }}. {{ link }}",
        ),
        NotificationKind.QUEUE_ALERT: alert(
            {
                "WAITING_COUNT": "{{ value }} Wartende",
                "UNSTAFFED_WAITING_COUNT": "{{ value }} Wartende, niemand an den Schaltern",
                "AVERAGE_WAIT_SECONDS": "mittlere Wartezeit {{ value }} min",
                "P90_WAIT_SECONDS": "jeder Zehnte wartet länger als {{ value }} min",
                "ABANDONMENT_PERCENT": "{{ value }} % gehen vor dem Aufruf",
                "NO_SHOW_PERCENT": "{{ value }} % kommen nach dem Aufruf nicht",
                "API_ERROR_PERCENT": "{{ value }} % der Anfragen scheitern",
                "DEPENDENCY_DOWN": "{{ subject }} antwortet nicht",
                "WORKER_LAG_SECONDS": "die Arbeit ist {{ value }} s im Verzug",
                "RELAY_LAG_SECONDS": "Ereignisse sind {{ value }} s im Verzug",
            },
            opening="Alarm „{{ alertName }}“: ",
            limit="; die Grenze ist {{ limit }}",
            ended="Der Alarm „{{ alertName }}“ ist vorbei.",
            over="vorbei: {{ alertName }}",
        ),
    },
)
