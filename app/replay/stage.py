"""What a run needs on the server and takes away afterwards: its own queue, a counter and a user for every agent.

It builds and clears; what happens in between is the player's.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.replay.client import ApiError, ServerAwayError
from app.replay.operations import Api, Login, Outcome, RefusedError
from app.replay.plan import CREDIT_SECONDS, Agent, Plan

# Clearing up talks to the server for so many things at once.
CLEARING_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Credentials:
    tenant: str
    email: str
    password: str


@dataclass(slots=True)
class Seat:
    """An agent with a counter and a login of their own: nobody may work two shifts at once."""

    agent: Agent
    counter_id: str
    user_id: str
    login: Login
    on_shift: bool = False


@dataclass(slots=True)
class Stage:
    api: Api
    credentials: Credentials
    day: str
    speed: float
    worth: Mapping[int, float] = field(default_factory=lambda: CREDIT_SECONDS)
    about: str = "A day of a bank's call centre, played by `vq replay`."
    suffix: str = field(default_factory=lambda: secrets.token_hex(3))
    admin: Login = field(init=False)
    queue_id: str = ""
    queue_slug: str = ""
    seats: list[Seat] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admin = self._login(self.credentials.email, self.credentials.password)

    @property
    def credits(self) -> dict[int, float]:
        """Waiting credit by priority, in seconds of the server's clock: the day is compressed, so are its credits."""
        return {priority: seconds / self.speed for priority, seconds in self.worth.items()}

    async def build(self, plan: Plan) -> None:
        """Sign in and create everything. A server that is away is said at once."""
        await self.admin.sign_in(patience=0.0)
        self.queue_slug = f"replay-{self.day}-{self.suffix}"
        # Ticket numbers must not start again in the middle of the run: the daily reset is put half a day away.
        reset = datetime.now(UTC) + timedelta(hours=12)
        created = await self.api.demand(
            "queueCreate",
            self.admin,
            name=f"Replay of {self.day} at speed {self.speed:g}",
            slug=self.queue_slug,
            description=self.about,
            mode="STAFFED",
            discipline="TIME_CREDIT",
            priority_credits=[{"priority": priority, "seconds": worth} for priority, worth in self.credits.items()],
            ticket_prefix="R",
            ticket_first_number=1,
            ticket_last_number=max(99_999, len(plan.visitors)),
            time_zone="UTC",
            daily_reset_time=reset.strftime("%H:%M:%S"),
            idempotency_key=f"replay-queue-{self.suffix}",
        )
        if created.queue is None:
            raise ApiError("queueCreate answered without a queue")
        self.queue_id = created.queue.id
        for agent in plan.agents:
            self.seats.append(await self._seat(agent))

    async def _seat(self, agent: Agent) -> Seat:
        email = f"{agent.name.lower()}.{self.suffix}@replay.example"
        password = secrets.token_urlsafe(18)
        user = await self.api.demand(
            "userCreate", self.admin, email=email, password=password, role="STAFF", first_name=agent.name.title()
        )
        counter = await self.api.demand(
            "counterCreate",
            self.admin,
            name=f"{agent.name} {self.suffix}",
            queue_ids=[self.queue_id],
            idempotency_key=f"replay-counter-{agent.name}-{self.suffix}",
        )
        if user.user is None or counter.counter is None:
            raise ApiError("userCreate or counterCreate answered without its object")
        login = self._login(email, password)
        # Here, not when the shift starts: checking a password is slow on purpose, and the day is running then.
        await login.sign_in()
        return Seat(agent, counter.counter.id, user.user.id, login)

    async def clear(self, *, patience: float) -> list[str]:
        """End what still runs, close and archive the queue. Gives back what could not be cleared, in one line each."""
        if not self.queue_id:
            return []
        failures: list[str] = []
        permits = asyncio.Semaphore(CLEARING_AT_ONCE)

        async def attempt(name: str, **values: object) -> Outcome | None:
            async with permits:
                try:
                    return await self.api.mutate(name, self.admin, patience=patience, **values)
                except (ApiError, RefusedError, ServerAwayError) as problem:
                    failures.append(f"{name}: {problem}")
                    return None

        async def leave(seat: Seat) -> None:
            if seat.on_shift:
                await attempt("shiftEnd", counter_id=seat.counter_id)
            await attempt("counterUpdate", counter_id=seat.counter_id, is_active=False)
            await attempt("userDeactivate", user_id=seat.user_id)

        await attempt("queueClose", queue_id=self.queue_id)
        tried: set[str] = set()
        for status, verb in (("SERVING", "sessionComplete"), ("CALLED", "sessionCancel"), ("WAITING", "sessionCancel")):
            while not failures and (left := await self._left(status, failures, patience)):
                if tried.issuperset(left):
                    failures.append(f"{verb} leaves {len(left)} sessions {status}")
                tried.update(left)
                await asyncio.gather(*(attempt(verb, session_id=session) for session in left))
        if not failures:
            await asyncio.gather(*(leave(seat) for seat in self.seats))
            archived = await attempt("queueArchive", queue_id=self.queue_id)
            if archived is not None and not archived.succeeded:
                failures.append(f"queueArchive: {archived.kind}: {archived.message}")
        return list(dict.fromkeys(failures))

    async def _left(self, status: str, failures: list[str], patience: float) -> list[str]:
        """Sessions nobody took care of, also those whose join was answered too late to be known here."""
        try:
            return await self.api.sessions(self.queue_id, status, self.admin, patience=patience)
        except (ApiError, RefusedError, ServerAwayError) as problem:
            failures.append(f"sessions: {problem}")
            return []

    def _login(self, email: str, password: str) -> Login:
        return Login(self.api, self.credentials.tenant, email, password)
