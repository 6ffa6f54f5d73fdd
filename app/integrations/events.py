"""Facts about integrations and payments. No credential, no address, no name of a person."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.integrations.models import IntegrationKind

INTEGRATION, PAYMENT = "integration", "payment"


@dataclass(frozen=True, slots=True)
class IntegrationCreated(Event):
    type: ClassVar[str] = "INTEGRATION_CREATED"
    kind: IntegrationKind
    adapter: str


@dataclass(frozen=True, slots=True)
class IntegrationUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "INTEGRATION_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class IntegrationDeleted(Event):
    type: ClassVar[str] = "INTEGRATION_DELETED"
    kind: IntegrationKind
    adapter: str


@dataclass(frozen=True, slots=True)
class IntegrationTested(Event):
    """Somebody has tried it; whether it did what it was asked."""

    type: ClassVar[str] = "INTEGRATION_TESTED"
    succeeded: bool


@dataclass(frozen=True, slots=True)
class PaymentEvent(Event):
    """A fee, in the currency's smallest unit."""

    session_id: UUID
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentOpened(PaymentEvent):
    type: ClassVar[str] = "PAYMENT_OPENED"


@dataclass(frozen=True, slots=True)
class PaymentPageOpened(PaymentEvent):
    """There is a page to pay on; another one, if the last has ended."""

    type: ClassVar[str] = "PAYMENT_PAGE_OPENED"
    page_number: int


@dataclass(frozen=True, slots=True)
class PaymentReceived(PaymentEvent):
    type: ClassVar[str] = "PAYMENT_RECEIVED"


@dataclass(frozen=True, slots=True)
class PaymentCancelled(PaymentEvent):
    """The session ended, or was let in without it, before anything was paid."""

    type: ClassVar[str] = "PAYMENT_CANCELLED"


@dataclass(frozen=True, slots=True)
class PaymentRefundOwed(PaymentEvent):
    type: ClassVar[str] = "PAYMENT_REFUND_OWED"


@dataclass(frozen=True, slots=True)
class PaymentRefunded(PaymentEvent):
    type: ClassVar[str] = "PAYMENT_REFUNDED"


@dataclass(frozen=True, slots=True)
class PaymentRefundFailed(PaymentEvent):
    """The payment system will not do it: somebody has to."""

    type: ClassVar[str] = "PAYMENT_REFUND_FAILED"
