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
        NotificationKind.OPENING_SOON: {
            **_COMMON,
            "opensAt": ("When it opens, in the queue's time zone, e.g. `09:00`.", "09:00"),
            "minutesUntilOpening": ("In how many minutes that is, when the message is written.", 15),
        },
        NotificationKind.QUEUE_ALERT: {
            **_QUEUE,
            "waitingCount": ("How many people are waiting.", 51),
            "limit": ("How many may wait before staff are told; empty if nobody works at the counters.", 50),
        },
    }
)
MAY_BE_EMPTY = frozenset({"counterName", "estimatedWaitMinutes", "limit"})
"""What is not always known: a text has to read well, and work, without it."""
