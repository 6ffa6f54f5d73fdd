"""A small schema and its context: the transport is tested with what is hard for it, not with the product's types."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.scalars import JSON
from strawberry.types import Info as StrawberryInfo

from app.api.documents import Limits
from app.api.execution import ServedSchema
from app.api.http import GraphQLOverHTTP, HttpLimits
from app.api.sockets import Sockets
from app.api.sse import GraphQLOverSSE, StreamLimits
from app.api.transport import Caller, Charge
from app.api.websocket import GraphQLOverWebSocket, SocketLimits
from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.errors import Forbidden, InvalidInput, NotFound, RateLimited, TokenExpired, Unauthenticated
from app.core.graphql.permissions import Requires
from app.core.logs import request_id as current_request_id

TENANT = UUID("11111111-1111-1111-1111-111111111111")
SECRET = "postgresql://vq:hunter2@db/vq"


@dataclass
class ToyContext:
    actor: Actor
    request_id: str
    caller: Caller
    on_visit: Callable[[UUID], bool] | None = None
    feed: None = None
    generation: int = 0
    seen: list[str] = field(default_factory=list)
    family: list[int] = field(default_factory=lambda: [0])

    def fresh(self) -> "ToyContext":
        self.family[0] += 1
        return replace(self, generation=self.family[0], seen=[])


Info = StrawberryInfo[ToyContext, None]


class Toy:
    """What the toy schema's fields do to the outside, so that tests can see and steer it."""

    def __init__(self) -> None:
        self.cleaned_up: list[str] = []
        self.gate = asyncio.Event()
        self.started = asyncio.Event()
        self.actors: dict[str, Actor] = {}
        self.state = 0
        self.made = 0
        self.moved = asyncio.Event()

    def move(self, state: int) -> None:
        self.state = state
        self.moved.set()

    def actor(self, token: str, *, expires_in: float | None = None, tenant_id: UUID = TENANT) -> Actor:
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in) if expires_in is not None else None
        self.actors[token] = Actor(
            ActorKind.USER, tenant_id=tenant_id, id=uuid4(), permissions=frozenset({"see"}), expires_at=expires_at
        )
        return self.actors[token]

    async def context(self, caller: Caller) -> ToyContext:
        token = (caller.authorization or "").removeprefix("Bearer ")
        match token:
            case "":
                actor = ANONYMOUS
            case "expired":
                raise TokenExpired
            case "suspended":
                raise Forbidden("The tenant is suspended.")
            case "busy":
                raise RateLimited("Too many requests.", 2.4)
            case "crash":
                raise RuntimeError(SECRET)
            case _ if token in self.actors:
                actor = self.actors[token]
            case _:
                raise Unauthenticated("The token is not valid.")
        return ToyContext(actor, caller.request_id, caller)


toy = Toy()


@strawberry.type
class Thing:
    name: str = "thing"

    @strawberry.field
    def self(self) -> "Thing":
        return self

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError(SECRET)


@strawberry.input
class Person:
    email: str
    age: int = 1


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def thing(self) -> Thing:
        return Thing()

    @strawberry.field
    def person(self, person: Person) -> str:
        return person.email

    @strawberry.field
    def crash(self, password: str = "") -> str:
        raise RuntimeError(f"{SECRET} {password}")

    @strawberry.field
    def maybe_crash(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def missing(self) -> str:
        raise NotFound("Thing")

    @strawberry.field
    def invalid(self) -> str:
        raise InvalidInput("contact.email", "Not an e-mail address.")

    @strawberry.field
    def number(self) -> int:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def unspeakable(self) -> JSON:
        return JSON({"no JSON": object()})

    @strawberry.field
    async def generation(self, info: Info) -> int:
        info.context.seen.append("x")
        assert info.context.seen == ["x"], "loaders of another operation"
        return info.context.generation

    @strawberry.field
    def request_id(self, info: Info) -> str:
        assert info.context.request_id == current_request_id.get()
        return info.context.request_id

    @strawberry.field
    def visit(self, info: Info, tenant: UUID) -> bool:
        assert info.context.on_visit is not None
        return info.context.on_visit(tenant)

    @strawberry.field
    def caller(self, info: Info) -> str:
        caller = info.context.caller
        return f"{info.context.actor.kind} {caller.address} {caller.agent} {caller.host}"

    @strawberry.field
    async def slow(self) -> str:
        toy.started.set()
        try:
            await toy.gate.wait()
        finally:
            toy.cleaned_up.append("slow")
        return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self) -> str:
        return "touched"


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    def text(self) -> str:
        if self.number == 13:
            raise RuntimeError(SECRET)
        return str(self.number)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3, then_wait: bool = False) -> AsyncIterator[int]:
        try:
            for number in range(to):
                toy.made += 1
                yield number
            if then_wait:
                toy.started.set()
                await toy.gate.wait()
        finally:
            toy.cleaned_up.append("count")

    @strawberry.subscription
    async def state_changed(self) -> AsyncIterator[int]:
        while True:
            toy.moved.clear()
            yield toy.state
            await toy.moved.wait()

    @strawberry.subscription
    async def ticks(self, numbers: list[int]) -> AsyncIterator[Tick]:
        for number in numbers:
            yield Tick(number=number)

    @strawberry.subscription(extensions=[Requires("nobody:has")])
    async def refused(self) -> AsyncIterator[int]:
        yield 1

    @strawberry.subscription
    async def nothing_there(self) -> AsyncIterator[int]:
        raise NotFound("Queue")
        yield 1

    @strawberry.subscription
    async def breaks(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError(SECRET)


def toy_schema(limits: Limits | None = None) -> ServedSchema:
    return ServedSchema(Query, Mutation, Subscription, limits=limits)


def toy_app(
    *,
    sockets: Sockets | None = None,
    limits: Limits | None = None,
    http_limits: HttpLimits | None = None,
    socket_limits: SocketLimits | None = None,
    stream_limits: StreamLimits | None = None,
    allowed_origins: tuple[str, ...] = (),
    charge: Charge | None = None,
    get_queries: bool = False,
) -> Starlette:
    schema = toy_schema(limits)
    sockets = sockets or Sockets()
    http = GraphQLOverHTTP(schema, toy.context, limits=http_limits, charge=charge, get_queries=get_queries)
    return Starlette(
        routes=[
            Route("/graphql", GraphQLOverSSE(http, schema, sockets, limits=stream_limits)),
            WebSocketRoute(
                "/graphql",
                GraphQLOverWebSocket(
                    schema,
                    toy.context,
                    sockets,
                    limits=socket_limits,
                    allowed_origins=allowed_origins,
                    charge=charge,
                ),
            ),
        ]
    )
