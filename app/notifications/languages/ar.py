"""The built-in texts in Arabic, written from right to left. How they are put together is `wording.py`'s.

Each text begins with an Arabic word, never with a value: mail clients and phones take the direction from the first
letter that has one.
"""

from app.notifications.languages.wording import Language, Says, alert, by_number, line_where_known, where_known
from app.notifications.models import NotificationKind

_COME_TO = line_where_known("counterName", "يرجى التوجه إلى: {{ counterName }}")
_COME_TO_BRIEFLY = where_known("counterName", " يرجى التوجه إلى {{ counterName }}.")

_AHEAD = by_number(
    "peopleAhead",
    ("== 0", "دورك هو التالي"),
    ("== 1", "أمامك شخص واحد"),
    ("== 2", "أمامك شخصان"),
    ("<= 10", "أمامك {{ peopleAhead }} أشخاص"),
    ("<= 99", "أمامك {{ peopleAhead }} شخصًا"),
    # From a hundred on it goes by the last two figures, which a template cannot take: this form is never wrong.
    otherwise="عدد الأشخاص أمامك {{ peopleAhead }}",
)


def _minutes(name: str) -> str:
    return by_number(
        name,
        ("== 1", "دقيقة واحدة"),
        ("== 2", "دقيقتين"),
        (f"and {name} <= 10", f"{{{{ {name} }}}} دقائق"),  # where it is not known, nothing is compared
        otherwise=f"{{{{ {name} }}}} دقيقة",
    )


_WAIT = line_where_known("estimatedWaitMinutes", "الانتظار المتوقع: نحو " + _minutes("estimatedWaitMinutes") + "\n")
_LEFT = "الوقت المتبقي: نحو " + _minutes("estimatedWaitMinutes")

ARABIC = Language(
    ticket="الرقم:",
    queue="الطابور:",
    says={
        NotificationKind.JOINED: Says(
            subject="الرقم {{ ticketNumber }}: حُجز مكانك في الطابور",
            opening="حُجز مكانك في الطابور. سنخبرك عندما يقترب دورك.",
            details=[_WAIT, "مكانك: {{ link }}"],
            brief="رقمك {{ ticketNumber }} في {{ tenantName }}: {{ link }}",
        ),
        NotificationKind.PEOPLE_AHEAD: Says(
            subject="الرقم {{ ticketNumber }}: "
            "{% if peopleAhead == 0 %}دورك هو التالي{% else %}أمامك {{ peopleAhead }}{% endif %}",
            opening=_AHEAD + ". يرجى العودة{% if peopleAhead <= 1 %} الآن{% else %} قريبًا{% endif %}.",
            details=[_WAIT],
            brief="الرقم {{ ticketNumber }}: " + _AHEAD + ". {{ tenantName }}",
        ),
        NotificationKind.WAIT_BELOW: Says(
            subject="الرقم {{ ticketNumber }}: اقترب دورك",
            opening=_LEFT + ". يرجى العودة في الوقت المناسب.",
            details=["عدد الأشخاص أمامك: {{ peopleAhead }}"],
            brief="الرقم {{ ticketNumber }}: " + _LEFT + ". {{ tenantName }}",
        ),
        NotificationKind.CALLED: Says(
            subject="الرقم {{ ticketNumber }}: حان دورك",
            opening="حان دورك.",
            details=[_COME_TO],
            brief="الرقم {{ ticketNumber }}: حان دورك." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.RECALLED: Says(
            subject="الرقم {{ ticketNumber }}: ما زال دورك",
            opening="نناديك مرة أخرى: حان دورك.",
            details=[_COME_TO],
            brief="الرقم {{ ticketNumber }}: نناديك مرة أخرى." + _COME_TO_BRIEFLY + " {{ tenantName }}",
        ),
        NotificationKind.NO_SHOW: Says(
            subject="الرقم {{ ticketNumber }}: لم تحضر",
            opening="نادينا رقمك ولم تحضر، فلم يعد مكانك محجوزًا. يمكنك الانضمام من جديد في أي وقت.",
            details=["الانضمام من جديد: {{ link }}"],
            brief="الرقم {{ ticketNumber }}: ناديناك ولم تحضر. للانضمام من جديد: {{ link }}",
        ),
        NotificationKind.COMPLETED: Says(
            subject="الرقم {{ ticketNumber }}: شكرًا لزيارتك",
            opening="شكرًا لزيارتك.",
            brief="الرقم {{ ticketNumber }}: شكرًا لزيارتك. {{ tenantName }}",
        ),
        NotificationKind.FEEDBACK_REQUEST: Says(
            subject="كيف كانت زيارتك؟ {{ tenantName }}",
            opening="شكرًا لزيارتك. كيف كانت؟ أخبرنا: {{ ratingLink }}",
            brief="كيف كانت زيارتك ({{ ticketNumber }}) إلى {{ tenantName }}؟ {{ ratingLink }}",
        ),
        NotificationKind.OPENING_SOON: Says(
            subject="تُفتح {{ queueName }} الساعة {{ opensAt }}",
            opening="الافتتاح الساعة {{ opensAt }}، بعد " + _minutes("minutesUntilOpening") + ". مكانك محجوز.",
            details=["مكانك: {{ link }}"],
            brief="الرقم {{ ticketNumber }}: تُفتح {{ queueName }} الساعة {{ opensAt }}. {{ link }}",
        ),
        NotificationKind.QUEUE_ALERT: alert(
            {
                "WAITING_COUNT": "عدد المنتظرين {{ value }}",
                "UNSTAFFED_WAITING_COUNT": "عدد المنتظرين {{ value }} ولا أحد عند الشبابيك",
                "AVERAGE_WAIT_SECONDS": "متوسط الانتظار بالدقائق {{ value }}",
                "P90_WAIT_SECONDS": "واحد من كل عشرة ينتظر أكثر من {{ value }} من الدقائق",
                "ABANDONMENT_PERCENT": "نسبة من يغادر قبل النداء {{ value }}%",
                "NO_SHOW_PERCENT": "نسبة من لا يحضر عند النداء {{ value }}%",
                "API_ERROR_PERCENT": "نسبة الطلبات التي تفشل {{ value }}%",
                "DEPENDENCY_DOWN": "لا يستجيب {{ subject }}",
                "WORKER_LAG_SECONDS": "تأخر العمل بالثواني {{ value }}",
                "RELAY_LAG_SECONDS": "تأخر الأحداث بالثواني {{ value }}",
            },
            opening="تنبيه {{ alertName }}: ",
            limit="، والحد {{ limit }}",
            ended="انتهى التنبيه {{ alertName }}.",
            over="انتهى {{ alertName }}",
            begins="تنبيه ",
        ),
    },
)
