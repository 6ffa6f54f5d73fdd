"""The run: visitors and agents of the plan as concurrent clients of a server, and a record of what they were told.

Decides nothing about order: who is next, and whether somebody may still go, is the server's answer.
"""

import asyncio
from collections import defaultdict
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from app.replay.client import ApiError, Bearer, SessionToken, Traffic
from app.replay.floor import Floor
from app.replay.invariants import Answer, Summary, Update
from app.replay.log import ENDED
from app.replay.operations import Api, RefusedError, SessionState
from app.replay.plan import Plan, Visitor
from app.replay.stage import Seat, Stage

# A lost wake-up must not leave somebody waiting for ever; that it was needed is counted and reported.
LONGEST_IDLE_SECONDS = 5.0

# An own feed that has not told the end so long after the end is stuck, not slow.
FEED_END_SECONDS = 10.0

IDENTIFIER = "call-"


@dataclass(frozen=True, slots=True)
class Pace:
    """Maps the source's seconds of the day to this machine's clock."""

    speed: float
    starts: float
    began: float

    def second(self) -> float:
        """Second of the source's day it is now."""
        return self.starts + (asyncio.get_running_loop().time() - self.began) * self.speed

    def real(self, source_seconds: float) -> float:
        return source_seconds / self.speed

    def remaining(self, second: float) -> float:
        """Real seconds until that second of the day; 0 when it is past."""
        return max(0.0, self.real(second - self.second()))


@dataclass(slots=True)
class Record:
    """What happened so far, as the clients saw it."""

    revision: int = 0
    """The newest revision any answer carried."""
    joined: int = 0
    served: int = 0
    hung_up: int = 0
    gone_when_called: int = 0
    serving: int = 0
    agents: int = 0
    asked_in_vain: int = 0
    late_wakeups: int = 0
    unwatched: int = 0
    stuck_feeds: int = 0
    lags: list[float] = field(default_factory=list)
    """How late each join was sent, in seconds of this machine's clock."""
    updates: list[Update] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    """Session to its visitor's number in the plan."""
    estimates: dict[str, float] = field(default_factory=dict)
    """The first estimated wait each session was shown, in seconds of the server's clock."""


@dataclass(slots=True)
class Player:
    """One run of a plan on a stage that is built."""

    api: Api
    stage: Stage
    plan: Plan
    speed: float
    most_sockets: int
    record: Record = field(default_factory=Record)
    floor: Floor = field(default_factory=Floor)
    _pace: Pace | None = None
    _questions: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    # A session's end is told by whoever learns it first: its agent, its visitor, its feed.
    _ends: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def pace(self) -> Pace:
        if self._pace is None:
            raise RuntimeError("the run has not begun")
        return self._pace

    @property
    def began(self) -> bool:
        return self._pace is not None

    @property
    def traffic(self) -> Traffic:
        return self.api.client.traffic

    async def play(self) -> None:
        """The day itself; returns when everybody who joined is served or gone."""
        self._pace = Pace(self.speed, self.plan.starts, asyncio.get_running_loop().time())
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(self._watch_queue())
            agents = [group.create_task(self._work(seat)) for seat in self.stage.seats]
            async with asyncio.TaskGroup() as visits:
                for visitor in self.plan.visitors:
                    await asyncio.sleep(self.pace.remaining(visitor.joins))
                    visits.create_task(self._visit(visitor))
            self._over.set()
            self.floor.close()
            await asyncio.gather(*agents)
            watcher.cancel()

    async def _watch_queue(self) -> None:
        """The shared screen of the floor: how many wait."""
        async with aclosing(self.api.watch_queue(self.stage.queue_id, self.stage.admin)) as states:
            async for state in states:
                self.record.summaries.append(Summary(state.revision, state.waiting_count))
                self.floor.update(state.waiting_count, state.revision)

    # Visitors

    async def _visit(self, visitor: Visitor) -> None:
        """One caller, from joining to the end of the session."""
        self.record.lags.append(self.pace.real(self.pace.second() - visitor.joins))
        joined = await self.api.demand(
            "queueJoin",
            # The bank's switch knows who is a priority customer, so it lets them in; a visitor alone could not say so.
            self.stage.admin,
            queue_id=self.stage.queue_id,
            user_identifier=f"{IDENTIFIER}{visitor.number}",
            priority=visitor.priority,
            idempotency_key=f"replay-join-{visitor.number}-{self.stage.suffix}",
        )
        session, token = joined.session, joined.session_token
        if session is None or token is None:
            raise ApiError("queueJoin answered without session or token")
        self.record.joined += 1
        self.record.numbers[session.id] = visitor.number
        self._answered("SESSION_JOINED", session)
        key, reached, end = SessionToken(token), asyncio.Event(), self._ends[session.id]
        async with asyncio.TaskGroup() as own:
            feed = own.create_task(self._follow(session.id, key, reached))
            if visitor.hangs_up is not None:
                await self._hang_up(visitor.hangs_up, session.id, key, reached)
            await end.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(FEED_END_SECONDS):
                    await asyncio.wait([feed])
            if not feed.done():
                self.record.stuck_feeds += 1
                feed.cancel()

    async def _follow(self, session_id: str, key: Bearer, reached: asyncio.Event) -> None:
        """Watch the own place until the end: the visitor's own socket, the visitor's own token."""
        if self.traffic.open_sockets >= self.most_sockets:
            self.record.unwatched += 1
            return
        async with aclosing(self.api.watch_session(session_id, key)) as states:
            async for state in states:
                self.record.updates.append(
                    Update(state.id, state.revision, state.status, state.position, state.ahead_count)
                )
                if state.status == "WAITING" and state.estimated_wait_seconds is not None:
                    self.record.estimates.setdefault(state.id, state.estimated_wait_seconds)
                if state.status != "WAITING":
                    reached.set()
                if state.status in ENDED:
                    self._ends[session_id].set()
                    return

    async def _hang_up(self, at: float, session_id: str, key: Bearer, reached: asyncio.Event) -> None:
        """Go at the time the caller went in the source, unless somebody answered before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pace.remaining(at)):
                await reached.wait()
        if reached.is_set():
            return
        outcome = await self.api.mutate("sessionCancel", key, session_id=session_id, reason="hung up")
        if outcome.succeeded and outcome.session is not None:
            self._answered("SESSION_CANCELLED", outcome.session)
        elif outcome.session_status != "CANCELLED":
            # Called in the meantime: the caller is being answered.
            return
        self.record.hung_up += 1
        self._ends[session_id].set()

    # Agents

    async def _work(self, seat: Seat) -> None:
        """One agent's day: shift, breaks, and one caller after the other."""
        agent = seat.agent
        await self._rest(agent.starts)
        if self._over.is_set():
            return
        await self.api.demand("shiftStart", seat.login, counter_id=seat.counter_id)
        seat.on_shift = True
        self.record.agents += 1
        while not self._over.is_set():
            now = self.pace.second()
            pause = agent.break_at(now)
            if pause is not None:
                await self.api.demand("shiftPause", seat.login, counter_id=seat.counter_id)
                self.record.agents -= 1
                await self._rest(pause.ends)
                await self.api.demand("shiftResume", seat.login, counter_id=seat.counter_id)
                self.record.agents += 1
            elif now >= agent.ends and self._may_leave(seat):
                break
            else:
                session = await self._call_next(seat)
                if session is not None:
                    await self._serve(seat, session)
        self.record.agents -= 1
        await self.api.demand("shiftEnd", seat.login, counter_id=seat.counter_id)
        seat.on_shift = False

    def _may_leave(self, seat: Seat) -> bool:
        """The last agent stays until another one comes; from the last caller on all stay until the line is empty."""
        if self.record.joined == len(self.plan.visitors) and self.floor.waiting:
            return False
        return any(other.on_shift for other in self.stage.seats if other is not seat)

    async def _rest(self, until: float) -> None:
        """Wait for that second of the day, or for the day to be over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pace.remaining(until)):
                await self._over.wait()

    async def _call_next(self, seat: Seat) -> SessionState | None:
        """Wait for somebody to wait, and ask for the next; null when it is time to look at the clock again."""
        change = seat.agent.next_change(self.pace.second())
        patience = LONGEST_IDLE_SECONDS if change is None else min(LONGEST_IDLE_SECONDS, self.pace.remaining(change))
        woken = await self.floor.until_somebody_waits(patience)
        if not woken:
            if self._over.is_set() or patience < LONGEST_IDLE_SECONDS:
                return None
            self.floor.volunteer()
        known, session = self.floor.revision, None
        self._questions += 1
        try:
            outcome = await self.api.mutate(
                "queueCallNext",
                seat.login,
                queue_id=self.stage.queue_id,
                counter_id=seat.counter_id,
                idempotency_key=f"replay-call-{self._questions}-{self.stage.suffix}",
            )
            session = outcome.session if outcome.succeeded else None
        finally:
            self.floor.asked(known, None if session is None else session.revision)
        if session is not None:
            self.record.late_wakeups += not woken
            self._answered("SESSION_CALLED", session)
        elif outcome.kind == "NobodyWaitingError":
            self.record.asked_in_vain += woken
        else:
            raise RefusedError("queueCallNext", outcome)
        return session

    async def _serve(self, seat: Seat, session: SessionState) -> None:
        """Start, serve as long as the source says, complete."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        visitor = self._visitor(session)
        outcome = await self.api.mutate("sessionStart", seat.login, session_id=session.id)
        if not (outcome.succeeded or outcome.session_status == "SERVING"):
            # Hung up between the call and the start.
            self.record.gone_when_called += 1
            self._ends[session.id].set()
            return
        self._answered("SESSION_STARTED", outcome.session or session)
        self.record.serving += 1
        # Measured from the answer of the call, so that the server's own time is part of the service, not added to it.
        await asyncio.sleep(max(0.0, began + self.pace.real(visitor.service_seconds) - loop.time()))
        outcome = await self.api.mutate("sessionComplete", seat.login, session_id=session.id)
        if not (outcome.succeeded or outcome.session_status == "COMPLETED"):
            raise RefusedError("sessionComplete", outcome)
        self._answered("SESSION_COMPLETED", outcome.session or session)
        self.record.serving -= 1
        self.record.served += 1
        self._ends[session.id].set()

    def _visitor(self, session: SessionState) -> Visitor:
        number = (session.user_identifier or "").removeprefix(IDENTIFIER)
        if not number.isdigit() or not 0 < int(number) <= len(self.plan.visitors):
            raise ApiError(f"{session.ticket_number} was called, but is nobody of this replay")
        return self.plan.visitors[int(number) - 1]

    def _answered(self, event_type: str, session: SessionState) -> None:
        """Note what the server said is so: from now on the log must say it, too."""
        self.record.revision = max(self.record.revision, session.revision)
        self.record.answers.append(Answer(session.id, event_type, session.ticket_number))
