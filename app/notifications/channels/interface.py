"""What all who carry messages have in common: what they are given, and how it ends. Knows no provider, no database.

A provider is a class with typed options and credentials. It sends one message and says in one of four ways what became
of it; it neither tries again nor waits nor writes anything down: that is `delivery.py`'s work.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app.core.outbound.ranges import Network
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.texts import Value


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. Not to be logged."""

    name: str
    media_type: str
    content: bytes

    def __repr__(self) -> str:
        return f"Attachment({self.media_type}, {len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient. Not to be logged.

    - `key`: the same on every try and of this message alone, at most 64 of `[0-9a-z.-]`: what providers call an
      idempotency key, and what its Message-ID is made of
    - `to`: an e-mail address; a phone number in E.164 (`+4930901820`) for SMS and WHATSAPP; for PUSH what the device
      has registered with, as JSON; empty for CHAT, where the provider's options say where to
    - `values`: what the text was filled in with, for providers that fill in templates of their own (WhatsApp)
    - `unsubscribe_url`: where one click is enough (RFC 8058); None where nobody can opt out
    - `attachments`: of e-mails only, together at most some 5 MB
    """

    key: str
    channel: NotificationChannel
    kind: NotificationKind
    to: str
    subject: str
    body: str
    language: str
    written_at: datetime
    values: Mapping[str, Value] = field(default_factory=dict)
    link: str | None = None
    unsubscribe_url: str | None = None
    attachments: Sequence[Attachment] = ()

    def __repr__(self) -> str:
        return f"Message({self.key})"


MAX_ID = 300
_MAX_REASON = 1_000
_MAX_TEXT = 10_000


class _Words:
    """What others say may be anything, and is stored: no control characters, no half characters, not too long."""

    __slots__ = ()
    _longest: ClassVar[Mapping[str, int]] = {}

    def __post_init__(self) -> None:
        for name, longest in self._longest.items():
            text = getattr(self, name)
            if text is not None:
                kept = "".join(each for each in text[:longest] if each >= " " or each in "\n\t")
                object.__setattr__(self, name, kept.encode("utf-8", "replace").decode())


@dataclass(frozen=True, slots=True)
class Accepted(_Words):
    """The provider has taken it, and calls it so in its callbacks; None if it has no name for it."""

    _longest: ClassVar[Mapping[str, int]] = {"provider_message_id": MAX_ID}
    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TryLater(_Words):
    """It was certainly not sent, and may be later: too fast, out of order, nobody there.

    `after`: how long the provider wants to be left alone (`Retry-After`). `is_ours`: wrong credentials and the like,
    which somebody has to put right.
    """

    _longest: ClassVar[Mapping[str, int]] = {"reason": _MAX_REASON}
    reason: str
    after: timedelta | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Refused(_Words):
    """It never will be sent. `is_gone`: nobody is at this address (any more), so nothing else should be sent there."""

    _longest: ClassVar[Mapping[str, int]] = {"reason": _MAX_REASON}
    reason: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt(_Words):
    """The connection was lost while it was handed over: it may have been taken."""

    _longest: ClassVar[Mapping[str, int]] = {"reason": _MAX_REASON}
    reason: str


Outcome = Accepted | TryLater | Refused | InDoubt
"""How an attempt ended. The reasons are sentences for staff, without the recipient's address and the text."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """What a provider posts to us, as it came. `url` is the address it was told, with its query, as it signs it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class StatusReport(_Words):
    """What became of a message that was accepted. Reports come twice, late and out of order."""

    _longest: ClassVar[Mapping[str, int]] = {"provider_message_id": MAX_ID, "reason": _MAX_REASON}
    provider_message_id: str
    # None: it is on its way, which we knew.
    is_delivered: bool | None
    occurred_at: datetime | None = None
    reason: str | None = None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Inbound(_Words):
    """A message somebody sent us, e.g. an answer by SMS. `id` is the provider's, the same when it comes twice."""

    _longest: ClassVar[Mapping[str, int]] = {"id": MAX_ID, "sender": MAX_ID, "text": _MAX_TEXT}
    id: str
    channel: NotificationChannel
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class CallbackReading:
    """What a callback says, and what to answer; `text/plain` unless the provider wants something else."""

    reports: Sequence[StatusReport] = ()
    inbound: Sequence[Inbound] = ()
    answer: str = ""
    content_type: str = "text/plain"


class BadCallback(Exception):
    """It is not signed as it should be, or cannot be read. The text is for the log, and has no personal data in it."""


class Settings(BaseModel):
    """What a provider's options and credentials are made of: nothing unknown, nothing changed afterwards.

    Tenants write the names in camelCase, as everything in the schema.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, alias_generator=to_camel, populate_by_name=True
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a provider is given besides its own settings.

    - `allowed`: internal networks that may be asked (`VQ_OUTBOUND_NETWORKS`); everything goes through `core/outbound`
    - `callback_url`: where it is to report to; None if the installation has no public address
    """

    allowed: Sequence[Network] = ()
    callback_url: str | None = None


OptionsT = TypeVar("OptionsT", bound=Settings)
CredentialsT = TypeVar("CredentialsT", bound=Settings)


class Provider(ABC, Generic[OptionsT, CredentialsT]):
    """One way to carry messages. Subclasses say what they are in class variables and are listed in `registry.py`.

    - `name`: what tenants choose it by, e.g. `TWILIO`; at most 40 characters
    - `reports`: it is to be told `around.callback_url`, because `read_callback` understands it
    - `Options`, `Credentials`: models of what has to be given; credentials are sealed, and never shown again
    - `repeats_safely`: a message sent twice with the same `key` arrives once, or does no harm
    - `servers_vary`: each recipient brings a server of their own; that one is away says nothing about the others, so
      there is no breaker: else whoever brings a bad one would keep messages from everybody
    - base URLs are options, with the real one as their default, so that tests and gateways can stand in their place
    """

    name: ClassVar[str]
    title: ClassVar[str]
    channels: ClassVar[frozenset[NotificationChannel]]
    Options: ClassVar[type[Settings]]
    Credentials: ClassVar[type[Settings]]
    repeats_safely: ClassVar[bool] = False
    servers_vary: ClassVar[bool] = False
    reports: ClassVar[bool] = False

    def __init__(self, options: OptionsT, credentials: CredentialsT, around: Surroundings) -> None:
        self.options, self.credentials, self.around = options, credentials, around

    def carries(self, message: Message) -> bool:
        """Whether it can reach this recipient at all; if not, the next provider is asked. A device is of one kind."""
        return True

    @abstractmethod
    async def send(self, message: Message) -> Outcome:
        """Send a message, once, within 30 seconds. Raises nothing that can be foreseen."""

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """What a callback says. Raises `BadCallback`. Only of providers that are told where to report to.

        Whatever has to be asked for first (a certificate, say) is asked for here, within 5 seconds. A GET has no body:
        what it says stands in the query of its address.
        """
        raise BadCallback(f"{self.name} does not report")
