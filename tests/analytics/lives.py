"""A tenant whose staff and visitors do anything at all, in any order, under a clock by hand. Checks nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from app.core.actor import SYSTEM, Actor, ActorKind
from app.core.clock import ManualClock
from app.core.db import Database
from app.core.errors import CodedError, UserFacingError
from app.counters import service as counters
from app.identity import service as users
from app.identity.models import Role
from app.identity.service import NewUser
from app.queues import service as queues
from app.queues.categories import CategoryConfig
from app.ratings import service as ratings
from app.ratings.models import RatingSource
from app.ratings.rules import FeedbackConfig, Given
from app.sessions import calls, service
from app.sessions.calls import ReturnPlace
from app.sessions.errors import SessionMoved
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from tests.metered.world import Opened
from tests.support.contenders import Verb


@dataclass
class Life:
    """Queues of one tenant, two counters, two members of staff, and whoever has come."""

    db: Database
    clock: ManualClock
    random: Random
    tenant_id: UUID
    queue_ids: Sequence[UUID]
    categories: dict[UUID, UUID] = field(default_factory=dict)
    counter_ids: list[UUID] = field(default_factory=list)
    staff: list[Actor] = field(default_factory=list)
    sessions: list[UUID] = field(default_factory=list)
    happened: int = 0

    async def go_on(self, verbs: int) -> None:
        """So many verbs, each some time after the one before; many are refused."""
        for _ in range(verbs):
            self.clock.advance(seconds=self.random.choice([0, 0.001, 1, 20, 20, 60, 400, 1_500]))
            if not self.sessions or self.random.random() < 0.25:
                await self._join()
            else:
                # Mostly of those who came last: the others are done with.
                at = min(int(self.random.expovariate(0.25)), len(self.sessions) - 1)
                await self._do(self.sessions[-1 - at])

    async def do(self, actor: Actor, verb: Verb, *given: object) -> object:
        """One verb; a refusal is an answer."""
        try:
            async with self.db.write(self.tenant_id, actor) as tx:
                answer: object = await verb(tx, *given)
        except (UserFacingError, CodedError, SessionMoved) as refusal:
            return refusal
        self.happened += 1
        return answer

    async def _join(self) -> None:
        queue_id = self.random.choice(self.queue_ids)
        category = self.random.choice([None, self.categories[queue_id]])
        request = JoinRequest(
            queue_id,
            priority=self.random.choice([None, 0, 3]),
            category_id=category,
            party_size=self.random.randint(1, 3),
        )
        joined = await self.do(SYSTEM, service.join, request)
        assert isinstance(joined, Session), joined
        self.sessions.append(joined.id)

    async def _do(self, session_id: UUID) -> None:
        staff = self.random.choice(self.staff)
        visitor = Actor(ActorKind.VISITOR, self.tenant_id, session_id)
        given = Given(self.random.randint(1, 5), self.random.choice([None, 0, 10]))
        stories: list[list[tuple[Actor, Verb, tuple[object, ...]]]] = [
            [(staff, calls.call, (self.random.choice(self.counter_ids),))],
            [(staff, calls.call, (self.random.choice(self.counter_ids),)), (staff, calls.start, ())],
            [(staff, calls.start, ()), (staff, calls.complete, ())],
            [(staff, calls.complete, ()), (visitor, ratings.rate, (given, RatingSource.APP))],
            [(visitor, ratings.rate, (given, RatingSource.APP))],
            [(staff, calls.recall, ()), (staff, calls.mark_no_show, ())],
            [(staff, calls.return_to_queue, (self.random.choice(list(ReturnPlace)),))],
            [(self.random.choice([staff, visitor, SYSTEM]), service.cancel, ())],
            [(visitor, service.step_back, (self.random.randint(1, 3),))],
            [(staff, service.put_on_hold, ())],
            [(staff, service.unhold, ())],
            [(staff, service.set_priority, (self.random.randint(0, 9),))],
            [(staff, service.transfer, (self.random.choice(self.queue_ids),))],
            [(staff, service.add_note, ("seen",))],
        ]
        for actor, verb, more in self.random.choice(stories):
            await self.do(actor, verb, session_id, *more)
            self.clock.advance(seconds=self.random.choice([0, 3, 200]))


async def open_life(opened: Opened, clock: ManualClock, seed: int, time_zones: Sequence[str]) -> Life:
    """A tenant with a queue in each of these time zones."""
    db = opened.database(clock)
    worlds = [await opened.world(clock, db, mode="STAFFED", time_zone=zone) for zone in time_zones]
    life = Life(db, clock, Random(seed), opened.tenant_id, [world.queue.id for world in worlds])
    async with db.write(opened.tenant_id) as tx:
        for queue_id in life.queue_ids:
            category = await queues.create_category(tx, queue_id, CategoryConfig(name="Parcels"))
            life.categories[queue_id] = category.id
            await ratings.set_feedback(tx, queue_id, FeedbackConfig(True, True, False, 30))
        for name in ("One", "Two"):
            life.counter_ids.append((await counters.create(tx, name, life.queue_ids)).id)
            user = await users.create(tx, NewUser(f"{name}@{seed}.example", "no password", Role.STAFF))
            life.staff.append(Actor(ActorKind.USER, opened.tenant_id, user.id))
    return life
