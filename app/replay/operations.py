"""The operations of the API the replay uses, with typed answers. No schedule and no retries in here.

Every expected error arrives as an `Outcome` that names the union member; errors that can happen anywhere are raised.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.replay.client import ApiError, Bearer, Client, Data, Variables
from app.replay.log import LogEvent

# Renew well before the end, so that no request travels with a token that expires on the way.
RENEW_BEFORE_SECONDS = 60.0

# The log is read when all is over: nothing in it is still to come.
LOG_SECONDS = 10.0


class Answer(BaseModel):
    """Part of an answer; unknown fields are refused nowhere, missing ones are."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


A = TypeVar("A", bound=Answer)


class SessionState(Answer):
    id: str
    status: str
    ticket_number: str
    revision: int
    position: int | None = None
    ahead_count: int | None = None
    estimated_wait_seconds: float | None = None
    user_identifier: str | None = None
    """Only asked for where staff calls."""


class QueueState(Answer):
    id: str
    status: str
    revision: int
    waiting_count: int


class QueueFound(QueueState):
    slug: str


class QueueEdge(Answer):
    node: QueueFound


class QueuesLike(Answer):
    edges: list[QueueEdge]


class Named(Answer):
    id: str


class SessionEdge(Answer):
    node: Named


class SessionPage(Answer):
    edges: list[SessionEdge]


class QueueWithSessions(Answer):
    sessions: SessionPage


class Outcome(Answer):
    """A member of a result union: `kind` is the type's name, the rest is what this member carries."""

    kind: str = Field(alias="__typename")
    message: str | None = None
    session_status: str | None = None
    session: SessionState | None = None
    session_token: str | None = None
    queue: QueueState | None = None
    counter: Named | None = None
    user: Named | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in_seconds: float | None = None

    @property
    def succeeded(self) -> bool:
        return self.kind.endswith("Success")


class RefusedError(Exception):
    """A typed error where the replay cannot go on."""

    def __init__(self, operation: str, outcome: Outcome) -> None:
        super().__init__(f"{operation} was refused: {outcome.kind}: {outcome.message or 'no message'}")
        self.outcome = outcome


class EventData(Answer):
    """The event in full; `session` is its state after the event, `line` the queue's counts."""

    session: dict[str, object] | None = None
    line: dict[str, object] | None = None


class EventItem(Answer):
    revision: int
    type: str
    occurred_at: AwareDatetime
    session_id: str | None
    ticket_number: str | None
    data: EventData

    def to_log(self) -> LogEvent:
        session = self.data.session or {}
        counter = session.get("counterName")
        return LogEvent(
            revision=self.revision,
            type=self.type,
            occurred_at=self.occurred_at,
            session_id=self.session_id,
            ticket_number=self.ticket_number,
            counter_name=counter if isinstance(counter, str) else None,
            session=session,
            line=self.data.line or {},
        )


_SESSION = "id status ticketNumber revision position aheadCount estimatedWaitSeconds"
_QUEUE = "id status revision waitingCount"
_LOGIN = "accessToken refreshToken expiresInSeconds"

_SUCCESS_FIELDS = {
    "userLogin": _LOGIN,
    "loginRefresh": _LOGIN,
    "queueJoin": f"sessionToken session {{ {_SESSION} }}",
    "queueCallNext": f"session {{ {_SESSION} userIdentifier }}",
    "counterCreate": "counter { id }",
    "counterUpdate": "counter { id }",
    "userCreate": "user { id }",
    "userDeactivate": "user { id }",
    **{f"shift{verb}": "shift { id }" for verb in ("Start", "End", "Pause", "Resume")},
    **{f"queue{verb}": f"queue {{ {_QUEUE} }}" for verb in ("Create", "Close", "Archive")},
    **{f"session{verb}": f"session {{ {_SESSION} }}" for verb in ("Start", "Complete", "Cancel", "MarkNoShow")},
}


def mutation(name: str) -> str:
    """The document of a mutation: what the success member carries, and of every error its message."""
    type_name = name[0].upper() + name[1:]
    members = [f"... on {type_name}Success {{ {_SUCCESS_FIELDS[name]} }}", "... on UserError { message }"]
    if name.startswith("session"):
        members.append("... on IllegalTransitionError { sessionStatus }")
    fields = " ".join(("__typename", *members))
    return f"mutation {type_name}($input: {type_name}Input!) {{ {name}(input: $input) {{ {fields} }} }}"


MUTATIONS = {name: mutation(name) for name in _SUCCESS_FIELDS}
SESSION_CHANGED = f"subscription SessionChanged($id: ID!) {{ sessionChanged(sessionId: $id) {{ {_SESSION} }} }}"
QUEUE_CHANGED = f"subscription QueueChanged($id: ID!) {{ queueChanged(queueId: $id) {{ {_QUEUE} }} }}"
QUEUE_EVENTS = """subscription QueueEvents($id: ID!, $after: Int) {
  queueEvents(queueId: $id, after: $after) { revision type occurredAt sessionId ticketNumber data }
}"""
OPEN_SESSIONS = """query OpenSessions($id: ID!, $status: SessionStatus) {
  queue(id: $id) { sessions(first: 100, status: $status) { edges { node { id } } } }
}"""
QUEUES_LIKE = f"""query QueuesLike($slug: String!) {{
  queues(first: 100, filter: {{ search: $slug, includeArchived: true }}) {{ edges {{ node {{ slug {_QUEUE} }} }} }}
}}"""
QUEUE = f"query Queue($id: ID!) {{ queue(id: $id) {{ {_QUEUE} }} }}"


@dataclass(slots=True)
class Api:
    """The operations, on one client."""

    client: Client

    async def mutate(
        self, name: str, bearer: Bearer | None, /, *, patience: float | None = None, **values: object
    ) -> Outcome:
        """Send a mutation; inputs are given in snake_case, what is None is left out."""
        given = {to_camel(key): value for key, value in values.items() if value is not None}
        data = await self.client.execute(MUTATIONS[name], {"input": given}, bearer, patience=patience)
        return _read(Outcome, data, name)

    async def demand(
        self, name: str, bearer: Bearer | None, /, *, patience: float | None = None, **values: object
    ) -> Outcome:
        """As `mutate`, but anything else than success is `RefusedError`."""
        outcome = await self.mutate(name, bearer, patience=patience, **values)
        if not outcome.succeeded:
            raise RefusedError(name, outcome)
        return outcome

    async def queue(self, queue_id: str, bearer: Bearer) -> QueueState:
        return _read(QueueState, await self.client.execute(QUEUE, {"id": queue_id}, bearer), "queue")

    async def queue_by_slug(self, slug: str, bearer: Bearer) -> QueueState | None:
        """A queue of the caller's tenant by its slug, an archived one too; None if there is none."""
        found = _read(QueuesLike, await self.client.execute(QUEUES_LIKE, {"slug": slug}, bearer), "queues")
        return next((edge.node for edge in found.edges if edge.node.slug == slug), None)

    async def sessions(self, queue_id: str, status: str, bearer: Bearer, *, patience: float) -> list[str]:
        """Up to a hundred of the queue's sessions of this status."""
        variables = {"id": queue_id, "status": status}
        data = await self.client.execute(OPEN_SESSIONS, variables, bearer, patience=patience)
        return [edge.node.id for edge in _read(QueueWithSessions, data, "queue").sessions.edges]

    async def watch_session(self, session_id: str, bearer: Bearer) -> AsyncGenerator[SessionState]:
        async with aclosing(self._watch(SessionState, SESSION_CHANGED, {"id": session_id}, bearer)) as items:
            async for item in items:
                yield item

    async def watch_queue(self, queue_id: str, bearer: Bearer) -> AsyncGenerator[QueueState]:
        async with aclosing(self._watch(QueueState, QUEUE_CHANGED, {"id": queue_id}, bearer)) as items:
            async for item in items:
                yield item

    async def read_log(self, queue_id: str, until: int, bearer: Bearer) -> list[LogEvent]:
        """The queue's whole log up to revision `until`, as the event feed replays it."""
        events: list[LogEvent] = []
        feed = self.client.watch(
            QUEUE_EVENTS,
            # After a broken connection the feed goes on behind what is already here.
            lambda: {"id": queue_id, "after": events[-1].revision if events else 0},
            bearer,
        )
        async with aclosing(feed) as items:
            while not events or events[-1].revision < until:
                try:
                    async with asyncio.timeout(LOG_SECONDS):
                        data = await anext(items)
                except (TimeoutError, StopAsyncIteration):
                    last = events[-1].revision if events else 0
                    raise ApiError(f"the log ends at revision {last}, but revision {until} was answered") from None
                events.append(_read(EventItem, data, "queueEvents").to_log())
        return events

    async def _watch(self, shape: type[A], document: str, variables: Variables, bearer: Bearer) -> AsyncGenerator[A]:
        name = "sessionChanged" if document is SESSION_CHANGED else "queueChanged"
        async with aclosing(self.client.watch(document, lambda: variables, bearer)) as items:
            async for data in items:
                yield _read(shape, data, name)


@dataclass(slots=True)
class Login:
    """A user's login that keeps itself fresh. Signs in on first use."""

    api: Api
    tenant: str
    email: str
    password: str
    _access: str = ""
    _refresh: str | None = None
    _renew_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def token(self) -> str:
        async with self._lock:
            if not self._access or time.monotonic() >= self._renew_at:
                await self._sign_in()
            return self._access

    async def renew(self, refused: str) -> bool:
        async with self._lock:
            # Somebody else may have renewed it while this request was on its way.
            if self._access == refused:
                await self._sign_in()
            return True

    async def sign_in(self, *, patience: float | None = None) -> None:
        """Sign in now; wrong credentials are `RefusedError`."""
        async with self._lock:
            await self._sign_in(patience)

    async def _sign_in(self, patience: float | None = None) -> None:
        outcome = None
        if self._refresh is not None:
            outcome = await self.api.mutate("loginRefresh", None, patience=patience, refresh_token=self._refresh)
        if outcome is None or not outcome.succeeded:
            who = {"tenant_slug": self.tenant, "email": self.email, "password": self.password}
            outcome = await self.api.demand("userLogin", None, patience=patience, **who)
        if outcome.access_token is None:
            raise ApiError("the login answered without a token")
        life = outcome.expires_in_seconds or 0.0
        self._access, self._refresh = outcome.access_token, outcome.refresh_token
        self._renew_at = time.monotonic() + max(life - RENEW_BEFORE_SECONDS, life / 2)


def _read(shape: type[A], data: Data, name: str) -> A:
    try:
        return shape.model_validate(data.get(name))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ApiError(f"the answer to {name} is not as expected: {where}: {first['msg']}") from None
