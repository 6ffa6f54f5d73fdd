"""The built-in texts in English. How they are put together is `wording.py`'s."""

from app.notifications.languages.wording import Language, Says, alert, by_number, line_where_known, where_known
from app.notifications.models import NotificationKind

_WAIT = line_where_known("estimatedWaitMinutes", "Estimated wait: {{ estimatedWaitMinutes }} min")
_COME_TO = line_where_known("counterName", "Please come to: {{ counterName }}")
_COME_TO_BRIEFLY = where_known("counterName", " Please come to {{ counterName }}.")

_AHEAD = by_number(
    "peopleAhead",
    ("== 0", "you are next"),
    ("== 1", "1 person ahead of you"),
    otherwise="{{ peopleAhead }} people ahead of you",
)

ENGLISH = Language(
    ticket="Ticket:",
    queue="Queue:",
    says={
        NotificationKind.JOINED: Says(
            subject="{{ ticketNumber }}: you have a place in line",
            opening="You have a place in line. We will tell you when it is nearly your turn.",
            details=[_WAIT, "Your place: {{ link }}"],
            brief="{{ ticketNumber }}: you have a place in line at {{ tenantName }}: {{ link }}",
        ),
        NotificationKind.PEOPLE_AHEAD: Says(
            subject="{{ ticketNumber }}: " + _AHEAD,
            opening=by_number(
                "peopleAhead",
                ("== 0", "You are next. Please come back now."),
                ("== 1", "There is 1 person ahead of you. Please come back now."),
                otherwise="There are {{ peopleAhead }} people ahead of you. Please come back soon.",
            ),
            details=[_WAIT],
            brief="{{ ticketNumber }}: " + _AHEAD + ". {{ tenantName }}",
        ),
        NotificationKind.WAIT_BELOW: Says(
            subject="{{ ticketNumber }}: about {{ estimatedWaitMinutes }} min to go",
            opening="About {{ estimatedWaitMinutes }} min to go. Please come back in time.",
            details=["People ahead of you: {{ peopleAhead }}"],
            brief="{{ ticketNumber }}: about {{ estimatedWaitMinutes }} min to go. {{ tenantName }}",
        ),
        NotificationKind.CALLED: Says(
            subject="{{ ticketNumber }}: it is your turn",
            opening="It is your turn.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: it is your turn." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.RECALLED: Says(
            subject="{{ ticketNumber }}: it is still your turn",
            opening="We have called you again: it is your turn.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: we have called you again." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.NO_SHOW: Says(
            subject="{{ ticketNumber }}: we missed you",
            opening="We called you, but you did not come, so your place is gone. You can join again at any time.",
            details=["Join again: {{ link }}"],
            brief="{{ ticketNumber }}: we called you, but you did not come. Join again: {{ link }}",
        ),
        NotificationKind.COMPLETED: Says(
            subject="{{ ticketNumber }}: thank you for your visit",
            opening="Thank you for your visit.",
            brief="{{ ticketNumber }}: thank you for your visit. {{ tenantName }}",
        ),
        NotificationKind.FEEDBACK_REQUEST: Says(
            subject="{{ tenantName }}: how was it?",
            opening="Thank you for your visit. How was it? Tell us: {{ ratingLink }}",
            brief="{{ tenantName }}: how was your visit ({{ ticketNumber }})? Tell us: {{ ratingLink }}",
        ),
        NotificationKind.OPENING_SOON: Says(
            subject="{{ queueName }} opens at {{ opensAt }}",
            opening="It opens at {{ opensAt }}, in {{ minutesUntilOpening }} min. You have a place in line.",
            details=["Your place: {{ link }}"],
            brief="{{ ticketNumber }}: {{ queueName }} opens at {{ opensAt }}. {{ link }}",
        ),
        NotificationKind.QUEUE_ALERT: alert(
            {
                "WAITING_COUNT": "{{ value }} people waiting",
                "UNSTAFFED_WAITING_COUNT": "{{ value }} waiting, nobody at the counters",
                "AVERAGE_WAIT_SECONDS": "average wait {{ value }} min",
                "P90_WAIT_SECONDS": "one in ten waits more than {{ value }} min",
                "ABANDONMENT_PERCENT": "{{ value }} % leave before they are called",
                "NO_SHOW_PERCENT": "{{ value }} % do not come when called",
                "API_ERROR_PERCENT": "{{ value }} % of operations fail",
                "DEPENDENCY_DOWN": "{{ subject }} does not answer",
                "WORKER_LAG_SECONDS": "work is {{ value }} s late",
                "RELAY_LAG_SECONDS": "events are {{ value }} s late",
            },
            opening="Alert “{{ alertName }}”: ",
            limit="; the limit is {{ limit }}",
            ended="The alert “{{ alertName }}” is over.",
            over="over: {{ alertName }}",
        ),
    },
)
