"""The model test: whatever is done to a metered line, in whichever order, its promises hold after every step.

On the real database, under a clock that is moved. What the promises are stands in `model.py`.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.admission import service as admission
from app.admission.service import Bearer
from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.ids import new_id
from app.queues import service as queues
from app.queues.line import lock
from app.sessions import calls, service
from app.sessions.calls import ReturnPlace
from app.sessions.metered import presence_rows
from app.sessions.metered.clockwork import settle_due
from app.sessions.metered.presence_rows import Seen
from app.sessions.metered.settle import settle
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from app.settings import Settings
from tests.metered.model import Limits, broken, owed, releases_of
from tests.metered.world import START, Opened, World, open_worlds
from tests.servers import own_database

RATES = st.sampled_from([600, None, 1, 2, 7, 60, 0])
CAPS = st.sampled_from([5, 2, 1, None])
TIMERS = st.sampled_from([None, 1, 20, 90])
PAUSES = st.sampled_from([0.0, 0.01, 0.3, 1.0, 1.0, 5.0, 20.0, 61.0])
WHO = st.integers(0, 1_000)

WALKS = int(os.environ.get("VQ_TEST_WALKS", "40"))
"""How many ways are gone; more by hand, for whoever changes what a walk looks at."""


class Died(Exception):
    """The process is gone before the commit."""


class MeteredLine(RuleBasedStateMachine):
    """One metered queue, and everything that can be done to it."""

    run: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]
    opened: ClassVar[Opened]
    reporter: ClassVar[UUID]
    db: ClassVar[Database]

    @initialize(rate=RATES, cap=CAPS, claim=TIMERS, stay=TIMERS, grace=st.sampled_from([None, 30]))
    def open(self, rate: int | None, cap: int | None, claim: int | None, stay: int | None, grace: int | None) -> None:
        self.clock = ManualClock(START)
        self.limits = [Limits(1, rate, cap)]
        self.has_looked = False
        self.world: World = self.run(
            self.opened.world(
                self.clock,
                self.db,
                release_rate_per_minute=rate,
                max_concurrent_users=cap,
                claim_seconds=claim,
                stay_seconds=stay,
                grace_seconds=grace,
            )
        )
        # There is something to decide from the start.
        self.people: list[UUID] = [self.run(self.world.join()).id for _ in range(6)]

    # What visitors do.

    @rule(priority=st.integers(0, 2), count=st.integers(1, 6))
    def join(self, priority: int, count: int) -> None:
        for _ in range(count):
            joined = self.run(self._join(priority=priority))
            self.people += [joined.id] if isinstance(joined, Session) else []

    @precondition(lambda self: self.people)
    @rule(who=WHO)
    def give_up(self, who: int) -> None:
        self._do(service.cancel, self._one(who))

    @precondition(lambda self: self.people)
    @rule(who=WHO)
    def enter(self, who: int) -> None:
        self._do(admission.enter, Bearer(self.world.queue.tenant_id, self._one(who)))

    @precondition(lambda self: self.people)
    @rule(who=WHO)
    def renew(self, who: int) -> None:
        self._do(admission.renew, Bearer(self.world.queue.tenant_id, self._one(who)))

    @precondition(lambda self: self.people)
    @rule(who=WHO)
    def leave(self, who: int) -> None:
        self._do(admission.leave, Bearer(self.world.queue.tenant_id, self._one(who)))

    @precondition(lambda self: self.people)
    @rule(who=WHO, is_present=st.booleans())
    def is_seen(self, who: int, is_present: bool) -> None:
        async def write() -> None:
            async with self.world.db.write(self.world.queue.tenant_id) as tx:
                await presence_rows.write(tx, self.reporter, [Seen(self._one(who), is_present, self.clock.now())])

        self.run(write())

    # What staff does.

    @precondition(lambda self: self.people)
    @rule(
        who=WHO,
        verb=st.sampled_from(
            [service.put_on_hold, service.unhold, admission.revoke, calls.mark_no_show, calls.complete]
        ),
    )
    def manage(self, who: int, verb: Any) -> None:
        self._do(verb, self._one(who))

    @precondition(lambda self: self.people)
    @rule(who=WHO, place=st.sampled_from(list(ReturnPlace)))
    def put_back(self, who: int, place: ReturnPlace) -> None:
        self._do(calls.return_to_queue, self._one(who), place)

    @precondition(lambda self: self.people)
    @rule(who=WHO, places=st.integers(1, 3))
    def step_back(self, who: int, places: int) -> None:
        self._do(service.step_back, self._one(who), places)

    @precondition(lambda self: self.people)
    @rule(who=WHO, priority=st.integers(0, 3))
    def prefer(self, who: int, priority: int) -> None:
        self._do(service.set_priority, self._one(who), priority)

    @rule(rate=RATES, cap=CAPS, count=st.integers(0, 3))
    def change_limits(self, rate: int | None, cap: int | None, count: int) -> None:
        self.limits.append(Limits(self._revision() + 1, rate, cap))
        self.run(self.world.change(release_rate_per_minute=rate, max_concurrent_users=cap))
        self.join(0, count)

    @rule(claim=TIMERS, stay=TIMERS, grace=st.sampled_from([None, 30]))
    def change_timers(self, claim: int | None, stay: int | None, grace: int | None) -> None:
        self.run(self.world.change(claim_seconds=claim, stay_seconds=stay, grace_seconds=grace))

    @rule(verb=st.sampled_from([queues.pause, queues.close, queues.start_maintenance]), is_over=st.booleans())
    def interrupt(self, verb: Any, is_over: bool) -> None:
        self._do(verb, self.world.queue.id)
        if is_over:
            self._do(queues.open_queue, self.world.queue.id)

    @rule()
    def reopen(self) -> None:
        self._do(queues.open_queue, self.world.queue.id)

    # What time and workers do.

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule(seconds=PAUSES, workers=st.integers(1, 3))
    def workers_look(self, seconds: float, workers: int) -> None:
        self.clock.advance(seconds=seconds)

        async def look() -> None:
            await asyncio.gather(*(settle_due(self.world.db, self.world.queue) for _ in range(workers)))

        self.run(look())
        self.run(self.world.settle())
        self.has_looked = True

    @rule(count=st.integers(1, 5), workers=st.integers(0, 2), seed=st.integers(0, 9))
    def rush(self, count: int, workers: int, seed: int) -> None:
        async def rush() -> list[UUID]:
            joins = [self._join() for _ in range(count)]
            gone = [
                self.world.do(service.cancel, id) for id in Random(seed).sample(self.people, min(2, len(self.people)))
            ]
            looks = [settle_due(self.world.db, self.world.queue) for _ in range(workers)]
            answers = await asyncio.gather(*joins, *gone, *looks)
            return [joined.id for joined in answers[:count] if isinstance(joined, Session)]

        self.people += self.run(rush())

    @rule(who=WHO, seconds=PAUSES, verb=st.sampled_from([None, service.cancel, calls.complete, admission.revoke]))
    def worker_dies_before_the_commit(self, who: int, seconds: float, verb: Any) -> None:
        self.clock.advance(seconds=seconds)
        before = self._revision()

        async def half_done(tx: Any) -> None:
            if verb is None or not self.people:
                await settle(tx, await lock(tx, self.world.queue.id))
            else:
                await verb(tx, self._one(who))
            await tx.flush()
            raise Died

        with suppress(Died):
            self._do(half_done)
        assert self._revision() == before

    @rule(seconds=PAUSES)
    def worker_dies_after_the_commit(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.run(settle_due(self.world.db, self.world.queue))
        revision = self._revision()
        # Another one does not know that it was done.
        self.run(settle_due(self.world.db, self.world.queue))
        assert self._revision() == revision

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "world"):
            return
        stored, releases = self.run(self.world.stored()), self.run(releases_of(self.world))
        assert broken(stored, releases, self.limits) == []
        if self.has_looked:
            assert owed(stored, self.limits[-1], self.clock.now()) == []
        self.has_looked = False

    async def _join(self, **given: Any) -> Any:
        """Somebody who joins, or is refused."""
        return await self.world.do(service.join, JoinRequest(self.world.queue.id, **given))

    def _do(self, verb: Any, *given: Any) -> None:
        self.run(self.world.do(verb, *given))

    def _one(self, who: int) -> UUID:
        return self.people[who % len(self.people)]

    def _revision(self) -> int:
        return int(self.run(self.world.stored()).line.revision)


def walk(there: Settings, examples: int, steps: int, **given: Any) -> None:
    """So many walks of so many steps."""
    with asyncio.Runner() as runner:
        opened = runner.run(open_worlds(there))
        MeteredLine.run = staticmethod(runner.run)  # type: ignore[assignment]
        MeteredLine.opened, MeteredLine.db = opened, opened.database(ManualClock(START))
        MeteredLine.reporter = new_id()
        runner.run(_report(there, MeteredLine.reporter))
        try:
            run_state_machine_as_test(
                MeteredLine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    **given,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            for db in opened.databases:
                runner.run(db.dispose())


async def _report(there: Settings, reporter: UUID) -> None:
    """An API process that is always there: absences can be told."""
    system = Database(role_url(there, SYSTEM_ROLE), secret=there.secret, pool_size=1, name="model")
    async with system.write(None) as tx:
        await tx.rows(
            "insert into presence_reporters (id, began_at, alive_at)"
            " values ($1, $2::timestamptz, $2::timestamptz + interval '9 years')",
            reporter,
            START,
        )
    await system.dispose()


def test_whatever_happens_the_promises_hold(migrated_settings: Settings) -> None:
    there = own_database(migrated_settings, "model")
    # In a thread: the machine runs a loop of its own.
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(walk, there, WALKS, 40, derandomize=True).result()
