"""Breaker and rate as many see them at once, in one process and over several connections."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from app.core.ids import decode
from app.notifications.channels.interface import Accepted, InDoubt, Refused, TryLater
from app.notifications.models import NotificationChannel
from app.notifications.providers import repository
from app.notifications.providers.gate import Open, ProviderGate, Wait
from app.notifications.providers.rules import MOST_FAILURES, PAUSE, Health
from app.notifications.providers.service import Usable, providers_for
from app.settings import Settings
from tests.message_providers.conftest import account, created
from tests.support.api import Business

BROKEN = TryLater("It answered 500.")


class Line:
    """A provider, and a gate whose time stands still."""

    def __init__(self, settings: Settings, tenant_id: UUID) -> None:
        self.clock = ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
        self.settings = settings
        self.tenant_id = tenant_id
        self.db = Database(role_url(settings, APP_ROLE), secret=settings.secret, clock=self.clock, name="gate")
        self.gate = ProviderGate(self.db, tenant_id)

    async def look(self) -> Usable:
        """The provider as it is now."""
        async with self.db.read(self.tenant_id) as tx:
            (found,) = await providers_for(tx, self.settings, NotificationChannel.SMS)
        return found

    async def health(self) -> Health:
        return (await self.look()).health

    async def fail(self, count: int) -> None:
        for _ in range(count):
            await self.gate.failed(await self.look(), BROKEN)


@pytest.fixture
async def line(carrying_settings: Settings, business: Business):  # type: ignore[no-untyped-def]
    made = await created(business.admin, **account(ratePerMinute=None))
    opened = Line(carrying_settings, decode("MessageProvider", made["id"]).tenant_id)
    yield opened
    await opened.db.dispose()


async def rated(line: Line, per_minute: int) -> Usable:
    async with line.db.write(line.tenant_id) as tx:
        row = await repository.lock(tx, (await line.look()).key)
        row.rate_per_minute = per_minute
    return await line.look()


async def test_who_does_well_costs_no_row(line: Line) -> None:
    found = await line.look()
    assert await line.gate.enter(found) == Open()
    await line.gate.succeeded(found, Accepted("SM1"))
    async with line.db.read(line.tenant_id) as tx:
        assert await tx.rows("select 1 from message_provider_health where tenant_id = $1", line.tenant_id) == []


async def test_everybody_s_failures_count_together(line: Line) -> None:
    found = await line.look()
    await asyncio.gather(*(line.gate.failed(found, BROKEN) for _ in range(MOST_FAILURES)))
    health = await line.health()
    assert (health.failures, health.paused_until) == (MOST_FAILURES, line.clock.now() + PAUSE)
    held = await line.gate.enter(await line.look())
    assert isinstance(held, Wait)
    assert PAUSE.total_seconds() <= held.seconds <= PAUSE.total_seconds() + 0.5


async def test_of_many_who_come_after_the_pause_one_tries(line: Line) -> None:
    await line.fail(MOST_FAILURES)
    line.clock.advance(seconds=PAUSE.total_seconds())
    found = await line.look()
    answers = await asyncio.gather(*(line.gate.enter(found) for _ in range(20)))
    assert sum(isinstance(each, Open) for each in answers) == 1
    await line.gate.succeeded(found, Accepted("SM1"))
    well = await line.look()
    assert await asyncio.gather(*(line.gate.enter(well) for _ in range(20))) == [Open()] * 20


async def test_a_trial_whose_worker_died_keeps_nobody_out_for_good(line: Line) -> None:
    await line.fail(MOST_FAILURES)
    line.clock.advance(seconds=PAUSE.total_seconds())
    assert await line.gate.enter(await line.look()) == Open()
    assert isinstance(await line.gate.enter(await line.look()), Wait)
    line.clock.advance(seconds=10)
    assert await line.gate.enter(await line.look()) == Open()


@pytest.mark.parametrize("outcome", [Accepted("SM1"), Refused("It answered 400 21211.", is_gone=True)])
async def test_an_answer_for_good_puts_it_right(line: Line, outcome: Accepted | Refused) -> None:
    await line.fail(MOST_FAILURES - 1)
    await line.gate.settle(await line.look(), outcome)
    assert (await line.health()).is_well
    await line.fail(MOST_FAILURES - 1)
    assert (await line.health()).paused_until is None, "they were not in a row"


@pytest.mark.parametrize("outcome", [TryLater("It answered 503."), InDoubt("The connection was lost.")])
async def test_what_is_the_provider_s_fault_counts(line: Line, outcome: TryLater | InDoubt) -> None:
    await line.gate.settle(await line.look(), outcome)
    health = await line.health()
    assert (health.failures, health.last_error) == (1, outcome.reason)


async def test_a_rate_holds_for_all_together(line: Line) -> None:
    found = await rated(line, 600)
    answers = await asyncio.gather(*(line.gate.enter(found) for _ in range(40)))
    assert sum(isinstance(each, Open) for each in answers) == 10, "a second's worth at once"
    line.clock.advance(seconds=1)
    answers = await asyncio.gather(*(line.gate.enter(found) for _ in range(40)))
    assert sum(isinstance(each, Open) for each in answers) == 10
    waits = [each.seconds for each in answers if isinstance(each, Wait)]
    assert len(waits) == 30
    assert all(0.1 <= each <= 0.7 for each in waits)


async def test_tenants_have_breakers_of_their_own_for_the_installation_s_provider(
    line: Line, carrying_settings: Settings, business: Business
) -> None:
    line.settings = carrying_settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:25"})
    async with line.db.read(line.tenant_id) as tx:
        (mail,) = await providers_for(tx, line.settings, NotificationChannel.EMAIL)
    for _ in range(MOST_FAILURES):
        await line.gate.failed(mail, BROKEN)
    async with line.db.read(line.tenant_id) as tx:
        (mail,) = await providers_for(tx, line.settings, NotificationChannel.EMAIL)
    assert isinstance(await line.gate.enter(mail), Wait)
    assert isinstance(await line.gate.enter(await line.look()), Open), "the tenant's own for SMS is another one"
    other = ProviderGate(line.db, UUID(int=line.tenant_id.int ^ 1))
    assert await other.enter(replace(mail, health=Health())) == Open()
