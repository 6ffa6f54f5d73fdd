"""The built-in texts in Spanish. How they are put together is `wording.py`'s.

The brief ones keep to letters of the GSM alphabet (é, ñ, ¿, but no á, í, ó, ú): a text message stays one segment.
"""

from app.notifications.languages.wording import Language, Says, alert, by_number, line_where_known, where_known
from app.notifications.models import NotificationKind

_WAIT = line_where_known("estimatedWaitMinutes", "Espera estimada: {{ estimatedWaitMinutes }} min")
_COME_TO = line_where_known("counterName", "Acuda a: {{ counterName }}")
_COME_TO_BRIEFLY = where_known("counterName", " Acuda a: {{ counterName }}.")

_AHEAD = by_number(
    "peopleAhead",
    ("== 0", "usted es el siguiente"),
    ("== 1", "queda 1 persona delante"),
    otherwise="quedan {{ peopleAhead }} personas delante",
)

SPANISH = Language(
    ticket="Número:",
    queue="Cola:",
    says={
        NotificationKind.JOINED: Says(
            subject="{{ ticketNumber }}: ya tiene un lugar en la cola",
            opening="Ya tiene un lugar en la cola. Le avisaremos cuando se acerque su turno.",
            details=[_WAIT, "Su lugar: {{ link }}"],
            brief="{{ ticketNumber }}: ya tiene un lugar en la cola de {{ tenantName }}: {{ link }}",
        ),
        NotificationKind.PEOPLE_AHEAD: Says(
            subject="{{ ticketNumber }}: " + _AHEAD,
            opening=by_number(
                "peopleAhead",
                ("== 0", "Usted es el siguiente. Por favor, vuelva ahora."),
                ("== 1", "Queda 1 persona delante de usted. Por favor, vuelva ahora."),
                otherwise="Quedan {{ peopleAhead }} personas delante de usted. Por favor, vuelva pronto.",
            ),
            details=[_WAIT],
            brief="{{ ticketNumber }}: " + _AHEAD + ". {{ tenantName }}",
        ),
        NotificationKind.WAIT_BELOW: Says(
            subject="{{ ticketNumber }}: espera: {{ estimatedWaitMinutes }} min aprox",
            opening="Tiempo restante aproximado: {{ estimatedWaitMinutes }} min. Por favor, vuelva a tiempo.",
            details=["Personas delante de usted: {{ peopleAhead }}"],
            brief="{{ ticketNumber }}: espera: {{ estimatedWaitMinutes }} min aprox. {{ tenantName }}",
        ),
        NotificationKind.CALLED: Says(
            subject="{{ ticketNumber }}: es su turno",
            opening="Es su turno.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: es su turno." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.RECALLED: Says(
            subject="{{ ticketNumber }}: sigue siendo su turno",
            opening="Le llamamos de nuevo: es su turno.",
            details=[_COME_TO],
            brief="{{ ticketNumber }}: le llamamos de nuevo." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.NO_SHOW: Says(
            subject="{{ ticketNumber }}: no le hemos visto",
            opening="Le hemos llamado, pero no ha venido, y su lugar ya no está reservado. "
            "Puede volver a la cola cuando quiera.",
            details=["Volver a la cola: {{ link }}"],
            brief="{{ ticketNumber }}: le hemos llamado, pero no ha venido. Volver a la cola: {{ link }}",
        ),
        NotificationKind.COMPLETED: Says(
            subject="{{ ticketNumber }}: gracias por su visita",
            opening="Gracias por su visita.",
            brief="{{ ticketNumber }}: gracias por su visita. {{ tenantName }}",
        ),
        NotificationKind.FEEDBACK_REQUEST: Says(
            subject="{{ tenantName }}: ¿qué tal ha ido?",
            opening="Gracias por su visita. ¿Qué tal ha ido? Díganoslo: {{ ratingLink }}",
            brief="{{ tenantName }}: ¿qué tal su visita ({{ ticketNumber }})? {{ ratingLink }}",
        ),
        NotificationKind.OPENING_SOON: Says(
            subject="{{ queueName }} abre a las {{ opensAt }}",
            opening="Abre a las {{ opensAt }}, dentro de {{ minutesUntilOpening }} min. Ya tiene un lugar.",
            details=["Su lugar: {{ link }}"],
            brief="{{ ticketNumber }}: {{ queueName }} abre a las {{ opensAt }}. {{ link }}",
        ),
        NotificationKind.QUEUE_ALERT: alert(
            {
                "WAITING_COUNT": "{{ value }} personas esperan",
                "UNSTAFFED_WAITING_COUNT": "{{ value }} esperan, nadie en los mostradores",
                "AVERAGE_WAIT_SECONDS": "espera media {{ value }} min",
                "P90_WAIT_SECONDS": "una de cada diez personas espera más de {{ value }} min",
                "ABANDONMENT_PERCENT": "el {{ value }} % se va antes de ser llamado",
                "NO_SHOW_PERCENT": "el {{ value }} % no acude a la llamada",
                "API_ERROR_PERCENT": "falla el {{ value }} % de las peticiones",
                "DEPENDENCY_DOWN": "{{ subject }} no responde",
                "WORKER_LAG_SECONDS": "el trabajo lleva {{ value }} s de retraso",
                "RELAY_LAG_SECONDS": "los eventos llevan {{ value }} s de retraso",
            },
            opening="Aviso «{{ alertName }}»: ",
            limit="; el límite es {{ limit }}",
            ended="El aviso «{{ alertName }}» ha terminado.",
            over="terminado: {{ alertName }}",
        ),
    },
)
