"""A client of the whole API, in the test's loop: HTTP and websocket through ASGI, staff who are signed in, visitors.

Documents are those of `frontend-contract/operations/` where the contract is meant; tests of rules write short ones.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from starlette.applications import Starlette

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.events.relay import run_relay
from app.core.ids import decode
from app.identity import logins
from app.identity import repository as user_rows
from app.identity import service as users
from app.identity.founding import found
from app.identity.models import Role
from app.identity.passwords import HashedPassword, hash_new
from app.identity.proofs import Method, Proven, Source
from app.identity.service import NewUser
from app.main import create_app
from app.reactions import FANS
from app.runtime import Runtime
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.service import NewTenant
from tests.support.schemas import served_schema
from tests.support.ws_client import WsClient, ws_client

PASSWORD = "correct horse battery"
_SOURCE = Source("127.0.0.1", "python-httpx")
_hash: HashedPassword | None = None


class GraphQLFailed(AssertionError):
    """The answer has top-level errors; `code` is the first one's."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors
        self.code = errors[0]["extensions"]["code"]


@dataclass(frozen=True)
class Caller:
    """Somebody with (or without) a token, who sends operations."""

    api: "Api"
    token: str | None = None

    async def send(self, document: str, **variables: Any) -> httpx.Response:
        """The raw answer."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.api.http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)

    async def __call__(self, document: str, **variables: Any) -> Any:
        """The value of the only root field. `GraphQLFailed` if there are errors."""
        body = (await self.send(document, **variables)).json()
        if "errors" in body:
            raise GraphQLFailed(body["errors"])
        (value,) = body["data"].values()
        return value

    def socket(self) -> AbstractAsyncContextManager[WsClient]:
        """A connected websocket."""
        return ws_client(self.api.app, self.token)


@dataclass(frozen=True)
class Joined:
    """A visitor with a place."""

    id: str
    ticket: str
    position: int | None
    visitor: Caller


@dataclass(frozen=True)
class Business:
    """A tenant and its administrator, who sends operations."""

    api: "Api"
    slug: str
    admin: Caller

    async def user(self, role: Role) -> Caller:
        """Another member of staff, signed in."""
        email = f"{uuid4().hex[:12]}@{self.slug}.example"
        await self.api.new_user(self.slug, email, role)
        return await self.api.sign_in(self.slug, email)

    async def queue(self, **config: Any) -> str:
        """A queue's id."""
        values = {"name": "Queue", "slug": f"q-{uuid4().hex[:12]}"} | config
        created = await self.admin(
            "mutation($i: QueueCreateInput!) { queueCreate(input: $i) {"
            " __typename ... on QueueCreateSuccess { queue { id } } ... on UserError { message } } }",
            i=values,
        )
        assert created["__typename"] == "QueueCreateSuccess", created
        return str(created["queue"]["id"])

    async def counter(self, *queue_ids: str, name: str | None = None) -> str:
        """A counter's id."""
        created = await self.admin(
            "mutation($i: CounterCreateInput!) { counterCreate(input: $i) {"
            " __typename ... on CounterCreateSuccess { counter { id } } ... on UserError { message } } }",
            i={"name": name or f"Counter {uuid4().hex[:8]}", "queueIds": list(queue_ids)},
        )
        assert created["__typename"] == "CounterCreateSuccess", created
        return str(created["counter"]["id"])

    async def join(self, queue_id: str, **values: Any) -> Joined:
        """A visitor who has joined."""
        joined = await self.api.anonymous(JOIN, i={"queueId": queue_id} | values)
        assert joined["__typename"] == "QueueJoinSuccess", joined
        session = joined["session"]
        visitor = Caller(self.api, joined["sessionToken"])
        return Joined(session["id"], session["ticketNumber"], session["position"], visitor)

    async def call_next(self, queue_id: str, counter_id: str, **values: Any) -> Any:
        """The result of calling the next one."""
        return await self.admin(CALL_NEXT, i={"queueId": queue_id, "counterId": counter_id} | values)

    async def act(self, verb: str, session_id: str, caller: Caller | None = None, **values: Any) -> Any:
        """The result of a session mutation, e.g. `act("sessionStart", id)`."""
        name = verb[0].upper() + verb[1:]
        return await (caller or self.admin)(
            f"mutation($i: {name}Input!) {{ {verb}(input: $i) {{ __typename ... on {name}Success {{ session {{"
            f" {SESSION} }} }} ... on UserError {{ message }}"
            " ... on IllegalTransitionError { sessionStatus allowed } } }",
            i={"sessionId": session_id} | values,
        )

    async def serve(self, session_id: str) -> None:
        """Start and complete a called session."""
        for verb in ("sessionStart", "sessionComplete"):
            done = await self.act(verb, session_id)
            assert done["__typename"].endswith("Success"), done


SESSION = (
    "id ticketNumber status onHold priority position aheadCount estimatedWaitSeconds revision callCount cancelledBy"
    " joinedAt calledAt startedAt completedAt cancelledAt endedAt waitSeconds serviceSeconds counter { id name }"
    " queue { id }"
)
JOIN = f"""mutation($i: QueueJoinInput!) {{ queueJoin(input: $i) {{
  __typename
  ... on QueueJoinSuccess {{ sessionToken session {{ {SESSION} }} }}
  ... on UserError {{ message }}
  ... on AlreadyWaitingError {{ session {{ id position userIdentifier contact {{ email }} }} }}
  ... on QueueFullError {{ capacity waitingCount }}
  ... on QueueNotOpenError {{ queueStatus }}
  ... on InvalidInputError {{ field }}
  ... on LimitReachedError {{ limit maximum }}
  ... on PriorityNotAllowedError {{ maximum }}
}} }}"""
CALL_NEXT = f"""mutation($i: QueueCallNextInput!) {{ queueCallNext(input: $i) {{
  __typename
  ... on QueueCallNextSuccess {{ session {{ {SESSION} }} }}
  ... on UserError {{ message }}
  ... on CounterBusyError {{ currentSession {{ id }} }}
}} }}"""


class Api:
    """The application."""

    def __init__(self, app: Starlette, http: httpx.AsyncClient) -> None:
        self.app = app
        self.http = http
        self.runtime: Runtime = app.state.runtime
        self.anonymous = Caller(self)

    async def new_business(self, **tenant: Any) -> Business:
        """A tenant nobody else uses."""
        slug = f"t-{uuid4().hex[:12]}"
        new = NewTenant(**({"name": "Business", "slug": slug} | tenant))
        async with self.runtime.dbs.system.write(uuid4()) as tx:
            await found(tx, new, NewUser(f"admin@{slug}.example", await _hashed(), Role.ADMIN))
        return Business(self, slug, await self.sign_in(slug, f"admin@{slug}.example"))

    async def new_user(self, slug: str, email: str, role: Role) -> None:
        """A user who can sign in with `PASSWORD`."""
        dbs = self.runtime.dbs
        async with dbs.system.read(None) as tx:
            tenant = await tenants.by_slug(tx, slug)
        assert tenant is not None
        async with dbs.app.write(tenant.id, SYSTEM) as tx:
            await users.create(tx, NewUser(email, await _hashed(), role))

    async def sign_in(self, slug: str, email: str) -> Caller:
        """A user with an access token: past the password, whose hash takes longer than most tests do otherwise."""
        dbs = self.runtime.dbs
        async with dbs.system.read(None) as tx:
            tenant = await tenants.by_slug(tx, slug)
        assert tenant is not None
        async with dbs.app.read(tenant.id) as tx:
            user = await user_rows.by_email(tx, email)
        assert user is not None
        proven = Proven(user, frozenset({Method.PASSWORD}))
        granted = await logins.begin(dbs, self.runtime.authenticator.tokens, proven, _SOURCE)
        return Caller(self, granted.access_token)


async def _hashed() -> HashedPassword:
    global _hash
    _hash = _hash or await hash_new(PASSWORD)
    return _hash


def key_of(kind: str, id: str) -> Any:
    """The key behind an opaque id."""
    return decode(kind, id).id


def new_app(settings: Settings, clock: Clock) -> Starlette:
    """An application: its schema is that of the others with the same limits, since a schema is most of the work."""
    return create_app(settings, clock, schema=served_schema(settings))


@asynccontextmanager
async def open_api(settings: Settings, clock: Clock) -> AsyncIterator[Api]:
    """An application with its lifespan running and a relay beside it."""
    app = new_app(settings, clock)
    relay = asyncio.create_task(run_relay(settings, {}, fans=FANS))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Api(app, http)
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
