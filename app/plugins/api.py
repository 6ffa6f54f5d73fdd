"""What plug-ins may use: all of it stays as it is within one `API_VERSION`. Nothing else of `app` is promised.

A plug-in is a function `register(registry: Registry) -> None`, named by an entry point of `virtual_queue.plugins`.
"""

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import JobKind, RetryLater, job
from app.core.outbound import Answer, NoAnswer, send
from app.integrations.adapters.asking import ask
from app.integrations.adapters.interface import (
    Adapter,
    AdapterFailed,
    Crm,
    Customer,
    Field,
    News,
    Order,
    Page,
    PageState,
    Payments,
    Person,
    Refund,
    Visit,
)
from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackReading,
    CallbackRequest,
    Inbound,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    StatusReport,
    Surroundings,
    TryLater,
)
from app.notifications.models import NotificationChannel, NotificationKind
from app.plugins.registry import API_VERSION, Registry

__all__ = [
    "API_VERSION",
    "Accepted",
    "Adapter",
    "AdapterFailed",
    "Answer",
    "BadCallback",
    "CallbackReading",
    "CallbackRequest",
    "Crm",
    "Customer",
    "Fact",
    "Field",
    "InDoubt",
    "Inbound",
    "JobContext",
    "JobKind",
    "Message",
    "News",
    "NoAnswer",
    "NotificationChannel",
    "NotificationKind",
    "Order",
    "Outcome",
    "Page",
    "PageState",
    "Payments",
    "Person",
    "Provider",
    "Refund",
    "Refused",
    "Registry",
    "RetryLater",
    "Settings",
    "StatusReport",
    "Surroundings",
    "TryLater",
    "Visit",
    "ask",
    "job",
    "send",
]
