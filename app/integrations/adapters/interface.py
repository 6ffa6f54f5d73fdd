"""What all other systems have in common: what they are asked, and what they answer. Knows no system, no database.

An adapter is a class with typed options and credentials. It asks once, within five seconds, and neither tries again nor
writes anything down: who asks does. Plug-ins add adapters of their own.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Generic

from app.integrations.models import IntegrationKind
from app.notifications.channels.interface import (
    BadCallback,
    CallbackRequest,
    CredentialsT,
    OptionsT,
    Settings,
    Surroundings,
)

TIMEOUT_SECONDS = 5.0
"""How long another system may take for one answer."""

__all__ = [
    "TIMEOUT_SECONDS",
    "Adapter",
    "AdapterFailed",
    "BadCallback",
    "CallbackRequest",
    "Crm",
    "Customer",
    "Field",
    "News",
    "Order",
    "Page",
    "PageState",
    "Payments",
    "Person",
    "Refund",
    "Settings",
    "Surroundings",
    "Visit",
]


class AdapterFailed(Exception):
    """It was not done. The reason is a sentence for staff, without anything personal and without a credential.

    `is_refusal`: the system answered, and will answer the same again; else it is away, or busy, and says so (`after`).
    """

    def __init__(self, reason: str, *, is_refusal: bool = False, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason, self.is_refusal, self.after = reason, is_refusal, after


class Adapter(ABC, Generic[OptionsT, CredentialsT]):
    """One way to talk to another system. Subclasses say what they are in class variables.

    - `name`: what tenants choose it by, e.g. `HUBSPOT`; at most 40 of A-Z, 0-9 and _
    - `Options`, `Credentials`: models of what has to be given; credentials are sealed, and never shown again
    - base URLs are options, with the real one as their default, so that tests and gateways can stand in their place
    - all that goes out goes through `asking.ask`: addresses checked, five seconds, no redirects
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[IntegrationKind]
    Options: ClassVar[type[Settings]]
    Credentials: ClassVar[type[Settings]]

    def __init__(self, options: OptionsT, credentials: CredentialsT, around: Surroundings) -> None:
        self.options, self.credentials, self.around = options, credentials, around

    @abstractmethod
    async def check(self) -> str:
        """Ask something that changes nothing and needs the credentials; a sentence about it. Raises `AdapterFailed`."""


# --- customers ---


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to look for: by what a visitor has given. Not to be logged."""

    email: str | None
    phone: str | None
    identifier: str | None

    def __repr__(self) -> str:
        return "Person()"


@dataclass(frozen=True, slots=True)
class Field:
    """Something the CRM knows, as staff are shown it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the CRM has found. `url`: where staff can look at them there."""

    id: str
    name: str | None
    url: str | None = None
    fields: Sequence[Field] = ()

    def __repr__(self) -> str:
        return "Customer()"


Visit = Mapping[str, str]
"""What can be written to a customer, by name: see `rules.visit_of`. All of it text; times are ISO 8601 in UTC."""


class Crm(Adapter[OptionsT, CredentialsT]):
    """Finds customers, and writes down at them that they were here."""

    kind = IntegrationKind.CRM

    @abstractmethod
    async def find(self, person: Person) -> Customer | None:
        """Whoever it is, by e-mail address first, then by phone, then by identifier. Raises `AdapterFailed`."""

    @abstractmethod
    async def update(self, customer_id: str, visit: Visit) -> None:
        """Write a visit down. Sets values, so that doing it twice is doing it once. Raises `AdapterFailed`."""


# --- payments ---


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid, in the smallest unit. `key` is the same on every try of this page, as all else is."""

    key: str
    payment_id: str
    amount: int
    currency: str
    description: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Page:
    """Where it can be paid."""

    reference: str
    url: str


class PageState(StrEnum):
    """What has become of a page."""

    OPEN = "OPEN"
    PAID = "PAID"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class News:
    """How a page stands, signed by the payment system or asked of it. `charge`: what a refund names."""

    payment_id: str
    reference: str
    state: PageState
    amount: int | None = None
    currency: str | None = None
    charge: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """What goes back. `key` is this refund's alone, and the same on every try."""

    key: str
    charge: str
    amount: int
    currency: str


class Payments(Adapter[OptionsT, CredentialsT]):
    """Takes a fee, says that it was paid, and gives it back."""

    kind = IntegrationKind.PAYMENT

    @abstractmethod
    async def open_page(self, order: Order) -> Page:
        """Where the visitor pays; the same page for the same key. Raises `AdapterFailed`."""

    @abstractmethod
    async def look(self, reference: str) -> News:
        """How a page stands, where a callback was lost. Raises `AdapterFailed`."""

    @abstractmethod
    async def close_page(self, reference: str) -> None:
        """Nobody is to pay there any more. Nothing happens if that is so already. Raises `AdapterFailed`."""

    @abstractmethod
    async def refund(self, refund: Refund) -> None:
        """Give it back, once for a key. Raises `AdapterFailed`."""

    @abstractmethod
    def read_callback(self, request: CallbackRequest, now: datetime) -> News | None:
        """What it tells us; None if that concerns no page. Raises `BadCallback` unless it is signed as it has to be."""
