"""What a template may name, by kind: the meaning and an example of each variable. Fills in nothing."""

from collections.abc import Mapping
from types import MappingProxyType

from app.notifications.models import NotificationKind

Value = str | int | None

_QUEUE: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {
        "queueName": ("The queue's name.", "Advice"),
        "tenantName": ("Your business's name.", "City Library"),
        "link": ("Where your visitors follow their place: your own domain if you have one.", "https://queue.example"),
    }
)
_COMMON: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {"ticketNumber": ("The number on the ticket.", "A042"), **_QUEUE}
)
_COUNTER: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {"counterName": ("Where to go; empty if the call named no counter.", "Counter 3")}
)
_AHEAD: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {
        "peopleAhead": ("How many people are ahead.", 3),
        "estimatedWaitMinutes": ("The estimated wait, rounded up; empty while it is not known.", 12),
    }
)
VARIABLES: Mapping[NotificationKind, Mapping[str, tuple[str, Value]]] = MappingProxyType(
    {
        **dict.fromkeys(NotificationKind, _COMMON),
        NotificationKind.JOINED: {**_COMMON, **_AHEAD},
        NotificationKind.PEOPLE_AHEAD: {**_COMMON, **_AHEAD},
        NotificationKind.WAIT_BELOW: {**_COMMON, **_AHEAD},
        NotificationKind.CALLED: {**_COMMON, **_COUNTER},
        NotificationKind.RECALLED: {**_COMMON, **_COUNTER},
        NotificationKind.FEEDBACK_REQUEST: {
            **_COMMON,
            "ratingLink": (
                "Where the visit is rated, for this visitor only; the same as `link` if the queue asks for no ratings.",
                "https://queue.example/ratings/AZ3q",
            ),
        },
        NotificationKind.OPENING_SOON: {
            **_COMMON,
            "opensAt": ("When it opens, in the queue's time zone, e.g. `09:00`.", "09:00"),
            "minutesUntilOpening": ("In how many minutes that is, when the message is written.", 15),
        },
        NotificationKind.QUEUE_ALERT: {
            **_QUEUE,
            "queueName": ("The queue's name; empty if it is about the installation.", "Advice"),
            "alertName": ("What you call the rule.", "Too many waiting"),
            "metric": ("What it watches, as in `AlertMetric`.", "WAITING_COUNT"),
            "severity": ("How bad it is: `INFO`, `WARNING` or `CRITICAL`.", "WARNING"),
            "subject": ("What does not answer, if it is about the installation; else empty.", "REDIS"),
            "value": ("What was measured: people, percent, minutes of waiting, or seconds of delay.", 51),
            "limit": ("Above what it is raised, in the same unit; empty if that is nothing at all.", 50),
            "isOver": ("`yes` in the message that it is over; else empty.", None),
        },
    }
)
MAY_BE_EMPTY = frozenset({"counterName", "estimatedWaitMinutes", "isOver", "limit", "subject"})
"""What is not always known: a text has to read well, and work, without it."""
