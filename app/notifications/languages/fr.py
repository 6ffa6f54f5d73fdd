"""The built-in texts in French. How they are put together is `wording.py`'s.

The brief ones keep to letters of the GSM alphabet (é, è, à, ù, but no ê and no ç): a text message stays one segment.
"""

from app.notifications.languages.wording import Language, Says, alert, by_number, line_where_known, where_known
from app.notifications.models import NotificationKind

_WAIT = line_where_known("estimatedWaitMinutes", "Attente estimée : {{ estimatedWaitMinutes }} min")
_COME_TO = line_where_known("counterName", "Présentez-vous ici : {{ counterName }}")
_COME_TO_BRIEFLY = where_known("counterName", " Présentez-vous ici : {{ counterName }}.")

_AHEAD = by_number(
    "peopleAhead",
    ("== 0", "à vous juste après"),
    ("== 1", "encore 1 personne avant vous"),
    otherwise="encore {{ peopleAhead }} personnes avant vous",
)

FRENCH = Language(
    ticket="Numéro :",
    queue="File d'attente :",
    says={
        NotificationKind.JOINED: Says(
            subject="{{ ticketNumber }} : votre place dans la file d'attente",
            opening="Vous avez une place dans la file d'attente. Nous vous préviendrons quand votre tour approchera.",
            details=[_WAIT, "Votre place : {{ link }}"],
            brief="{{ ticketNumber }} : votre place dans la file d'attente, {{ tenantName }} : {{ link }}",
        ),
        NotificationKind.PEOPLE_AHEAD: Says(
            subject="{{ ticketNumber }} : " + _AHEAD,
            opening=by_number(
                "peopleAhead",
                ("== 0", "C'est à vous juste après. Merci de revenir maintenant."),
                ("== 1", "Il reste 1 personne avant vous. Merci de revenir maintenant."),
                otherwise="Il reste {{ peopleAhead }} personnes avant vous. Merci de revenir bientôt.",
            ),
            details=[_WAIT],
            brief="{{ ticketNumber }} : " + _AHEAD + ". {{ tenantName }}",
        ),
        NotificationKind.WAIT_BELOW: Says(
            subject="{{ ticketNumber }} : encore {{ estimatedWaitMinutes }} min environ",
            opening="Encore {{ estimatedWaitMinutes }} min environ. Merci de revenir à temps.",
            details=["Personnes avant vous : {{ peopleAhead }}"],
            brief="{{ ticketNumber }} : encore {{ estimatedWaitMinutes }} min environ. {{ tenantName }}",
        ),
        NotificationKind.CALLED: Says(
            subject="{{ ticketNumber }} : c'est votre tour",
            opening="C'est votre tour.",
            details=[_COME_TO],
            brief="{{ ticketNumber }} : c'est votre tour." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.RECALLED: Says(
            subject="{{ ticketNumber }} : c'est toujours votre tour",
            opening="Nous vous appelons encore une fois : c'est votre tour.",
            details=[_COME_TO],
            brief="{{ ticketNumber }} : nous vous appelons encore une fois." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.NO_SHOW: Says(
            subject="{{ ticketNumber }} : rendez-vous manqué",
            opening="Nous vous avons appelé, mais personne n'est venu : votre place n'est plus gardée. "
            "Vous pouvez rejoindre la file à tout moment.",
            details=["Rejoindre la file : {{ link }}"],
            brief="{{ ticketNumber }} : appelé, mais absent. Rejoindre la file : {{ link }}",
        ),
        NotificationKind.COMPLETED: Says(
            subject="{{ ticketNumber }} : merci de votre visite",
            opening="Merci de votre visite.",
            brief="{{ ticketNumber }} : merci de votre visite. {{ tenantName }}",
        ),
        NotificationKind.FEEDBACK_REQUEST: Says(
            subject="{{ tenantName }} : votre avis",
            opening="Merci de votre visite. Comment était-ce ? Dites-le-nous : {{ ratingLink }}",
            brief="{{ tenantName }} : votre avis sur votre visite ({{ ticketNumber }}) ? {{ ratingLink }}",
        ),
        NotificationKind.OPENING_SOON: Says(
            subject="{{ queueName }} ouvre à {{ opensAt }}",
            opening="L'ouverture est à {{ opensAt }}, dans {{ minutesUntilOpening }} min. Vous avez une place.",
            details=["Votre place : {{ link }}"],
            brief="{{ ticketNumber }} : {{ queueName }} ouvre à {{ opensAt }}. {{ link }}",
        ),
        NotificationKind.QUEUE_ALERT: alert(
            {
                "WAITING_COUNT": "{{ value }} personnes attendent",
                "UNSTAFFED_WAITING_COUNT": "{{ value }} en attente, personne aux guichets",
                "AVERAGE_WAIT_SECONDS": "attente moyenne {{ value }} min",
                "P90_WAIT_SECONDS": "une personne sur dix attend plus de {{ value }} min",
                "ABANDONMENT_PERCENT": "{{ value }} % partent avant l'appel",
                "NO_SHOW_PERCENT": "{{ value }} % ne viennent pas à l'appel",
                "API_ERROR_PERCENT": "{{ value }} % des requêtes échouent",
                "DEPENDENCY_DOWN": "{{ subject }} ne répond pas",
                "WORKER_LAG_SECONDS": "retard du travail : {{ value }} s",
                "RELAY_LAG_SECONDS": "retard des événements : {{ value }} s",
            },
            opening="Alerte « {{ alertName }} » : ",
            limit=" ; la limite est {{ limit }}",
            ended="L'alerte « {{ alertName }} » est terminée.",
            over="terminé : {{ alertName }}",
            colon=" : ",
        ),
    },
)
