"""Sending a test through a provider: the way every message goes, and what it says to that. Nothing is owed here.

The breaker is told how it went but not asked: who has just put something right wants to see that it works.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.core.db import Database, ReadTx, WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import record
from app.core.ids import new_id
from app.identity import rules as identity
from app.identity.factors.rules import dialled
from app.notifications.channels.interface import Accepted, Message, Outcome, Refused, TryLater
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.providers import repository
from app.notifications.providers.events import MESSAGE_PROVIDER, MessageProviderTested
from app.notifications.providers.gate import ProviderGate
from app.notifications.providers.models import MessageProvider
from app.notifications.providers.service import Usable, usable
from app.settings import Settings
from app.tenants import repository as tenants

_DEADLINE_SECONDS = 35.0
"""Providers promise 30; one of a plug-in may not keep that."""

_MOST_CHARACTERS = 4_000


class TestOutcome(StrEnum):
    """How a test ended."""

    __test__ = False

    ACCEPTED = "ACCEPTED"
    TRY_LATER = "TRY_LATER"
    REFUSED = "REFUSED"
    IN_DOUBT = "IN_DOUBT"


@dataclass(frozen=True, slots=True)
class Trial:
    """A test that can be sent."""

    usable: Usable
    provider_id: UUID
    message: Message


async def prepare(
    tx: ReadTx,
    settings: Settings,
    provider_id: UUID,
    now: datetime,
    *,
    channel: NotificationChannel | None,
    to: str | None,
) -> Trial:
    """A test for somebody. Raises `NotFound`, `InvalidInput`, `ProviderNotInstalled`."""
    row = await repository.find(tx, provider_id)
    if row is None:
        raise NotFound("MessageProvider")
    chosen = NotificationChannel(row.channels[0]) if channel is None else channel
    if chosen not in row.channels:
        raise InvalidInput("channel", f"This provider is used for {', '.join(row.channels)}.")
    health = (await repository.health_of(tx, [row.id]))[row.id]
    tenant = await tenants.get(tx, tx.tenant)
    message = Message(
        key=f"{new_id().hex}.{tx.tenant.hex[:8]}",
        channel=chosen,
        kind=NotificationKind.TEST,
        to=_recipient(chosen, to),
        subject=f"Test of {tenant.name}",
        body=f"This is a test of {tenant.name}: messages by “{row.name}” arrive.",
        language="en",
        written_at=now,
        values={"tenantName": tenant.name},
    )
    return Trial(usable(row, settings, health), row.id, message)


async def send(db: Database, tenant_id: UUID, trial: Trial) -> tuple[Outcome, float]:
    """What the provider says, and after how many seconds. Its breaker is told."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            outcome = await trial.usable.provider.send(trial.message)
    except TimeoutError:
        outcome = TryLater(f"No answer within {_DEADLINE_SECONDS:g} s.")
    seconds = time.monotonic() - began
    await ProviderGate(db, tenant_id).settle(trial.usable, outcome)
    return outcome, seconds


async def note(tx: WriteTx, trial: Trial, outcome: Outcome) -> MessageProvider:
    """Write down that it was tested; the provider. Raises `NotFound` if it was deleted meanwhile."""
    provider = await repository.lock(tx, trial.provider_id)
    provider.revision += 1
    tested = MessageProviderTested(trial.message.channel, outcome_of(outcome))
    record(tx, MESSAGE_PROVIDER, provider.id, provider.revision, tested, tx.now())
    await tx.flush()
    return provider


def outcome_of(outcome: Outcome) -> TestOutcome:
    """Its name."""
    if isinstance(outcome, Accepted):
        return TestOutcome.ACCEPTED
    if isinstance(outcome, TryLater):
        return TestOutcome.TRY_LATER
    return TestOutcome.REFUSED if isinstance(outcome, Refused) else TestOutcome.IN_DOUBT


def _recipient(channel: NotificationChannel, to: str | None) -> str:
    given = (to or "").strip()
    if len(given) > _MOST_CHARACTERS or "\x00" in given:
        raise InvalidInput("to", f"`to` has at most {_MOST_CHARACTERS:,} characters.")
    match channel:
        case NotificationChannel.EMAIL:
            return identity.email(given, "to")
        case NotificationChannel.SMS | NotificationChannel.WHATSAPP:
            return _number(given)
        case NotificationChannel.CHAT:
            return ""
        case NotificationChannel.PUSH | NotificationChannel.IN_APP:
            if not given:
                raise InvalidInput("to", "Give what the device has registered with.")
            return given


def _number(given: str) -> str:
    number = dialled(given)
    if number is None:
        raise InvalidInput("to", "Give a phone number with its country's code, e.g. `+49 30 901820`.")
    return number
