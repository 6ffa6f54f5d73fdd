"""One visitor's story in the demo: Anna waits behind four others, and Ben behind her does not come. Shows nothing.

It does what front-ends do, and waits for a message before it goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.demo.queue import TENANT_SLUG
from app.replay.client import ApiError, Client, Data, SessionToken

PATIENCE_SECONDS = 30.0
_MOST_CALLS = 100
_OTHERS = 4

_LOGIN = """mutation StoryLogin($input: UserLoginInput!) { answer: userLogin(input: $input) { __typename
  ... on UserLoginSuccess { accessToken } ... on UserError { message } } }"""
_QUEUE = """query StoryQueue($tenantSlug: String!, $slug: String!) {
  queueBySlug(tenantSlug: $tenantSlug, slug: $slug) { id } }"""
_COUNTERS = "query StoryCounters { counters(first: 100) { edges { node { id queues { id } } } } }"
_JOIN = """mutation StoryJoin($input: QueueJoinInput!) { answer: queueJoin(input: $input) { __typename
  ... on QueueJoinSuccess { sessionToken session { id ticketNumber } } ... on UserError { message } } }"""
_SHIFT = """mutation StoryShift($id: ID!) { answer: shiftStart(input: { counterId: $id }) { __typename
  ... on UserError { message } } }"""
_CALL = """mutation StoryCall($queue: ID!, $counter: ID!) {
  answer: queueCallNext(input: { queueId: $queue, counterId: $counter }) { __typename
    ... on QueueCallNextSuccess { session { id } } ... on UserError { message } } }"""
_ACT = """mutation StoryAct($id: ID!) { answer: %s(input: { sessionId: $id }) { __typename
  ... on UserError { message } } }"""
_PLACE = "query StoryPlace($id: ID!) { session(id: $id) { position } }"
_RECEIVED = "subscription StoryReceived { notificationReceived { kind subject body } }"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message in the app."""

    to: str
    kind: str
    text: str


@dataclass(slots=True)
class _Visitor:
    name: str
    id: str
    token: str
    heard: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hears(self, kind: str) -> None:
        """Wait for a message of a kind; `ApiError` if none comes in time."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while kind not in self.heard:
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise ApiError(f"{self.name} got no message {kind} in {PATIENCE_SECONDS:g} s. Does a worker run?") from None


@dataclass(slots=True)
class _Stage:
    client: Client
    staff: SessionToken
    queue_id: str
    counter_id: str

    async def join(self, name: str, email: str | None) -> _Visitor:
        given = {"queueId": self.queue_id, "metadata": {"simulated": True}}
        given |= {} if email is None else {"contact": {"email": email}}
        match await self._do(_JOIN, {"input": given}, None):
            case {"sessionToken": str(token), "session": {"id": str(id)}}:
                return _Visitor(name, id, token)
        raise ApiError(f"{name} could not join.")

    async def call(self) -> str:
        match await self._do(_CALL, {"queue": self.queue_id, "counter": self.counter_id}):
            case {"session": {"id": str(id)}}:
                return id
        raise ApiError("Nobody was called.")

    async def act(self, verb: str, session_id: str) -> None:
        await self._do(_ACT % verb, {"id": session_id})

    async def serve_until(self, visitor: _Visitor) -> None:
        """Whoever is before them in line is called and served; not before they are told that they are near."""
        for _ in range(_MOST_CALLS):
            if await self._is_near(visitor):
                await visitor.hears("PEOPLE_AHEAD")
            if (called := await self.call()) == visitor.id:
                return
            await self.act("sessionStart", called)
            await self.act("sessionComplete", called)
        raise ApiError(f"{visitor.name} was not called: more than {_MOST_CALLS} were before.")

    async def _is_near(self, visitor: _Visitor) -> bool:
        match await self.client.execute(_PLACE, {"id": visitor.id}, SessionToken(visitor.token)):
            case {"session": {"position": int(position)}}:
                return position <= _OTHERS
        return False

    async def _do(self, document: str, variables: Mapping[str, object], *bearer: None) -> Mapping[str, object]:
        return _done(await self.client.execute(document, variables, None if bearer else self.staff))


async def tell(client: Client, email: str, password: str, slug: str, show: Callable[[Heard], None]) -> None:
    """The story, its mails to an address; `show` gets each message in the app. `ApiError` where it cannot go on."""
    stage = await _stage(client, password, slug)
    for _ in range(_OTHERS):
        await stage.join("Somebody", None)
    anna = await stage.join("Anna", email)
    ben = await stage.join("Ben", email)
    async with _listening(client, anna, show), _listening(client, ben, show):
        await anna.hears("JOINED")
        await ben.hears("JOINED")
        await stage.serve_until(anna)
        await anna.hears("CALLED")
        await stage.act("sessionRecall", anna.id)
        await anna.hears("RECALLED")
        await stage.act("sessionStart", anna.id)
        await stage.act("sessionComplete", anna.id)
        await anna.hears("COMPLETED")
        await stage.serve_until(ben)
        await ben.hears("CALLED")
        await stage.act("sessionMarkNoShow", ben.id)
        await ben.hears("NO_SHOW")
        await anna.hears("FEEDBACK_REQUEST")


async def _stage(client: Client, password: str, slug: str) -> _Stage:
    found = await client.execute(_QUEUE, {"tenantSlug": TENANT_SLUG, "slug": slug}, patience=2.0)
    match found.get("queueBySlug"):
        case {"id": str(queue_id)}:
            pass
        case _:
            raise ApiError(f"The server has no demo queue `{TENANT_SLUG}/{slug}`; `vq seed` makes it.")
    who = {"tenantSlug": TENANT_SLUG, "email": "staff@demo.example", "password": password}
    staff = SessionToken(str(_done(await client.execute(_LOGIN, {"input": who})).get("accessToken")))
    counter_id = _counter(await client.execute(_COUNTERS, {}, staff), queue_id)
    shift = (await client.execute(_SHIFT, {"id": counter_id}, staff))["answer"]
    if isinstance(shift, Mapping) and shift.get("__typename") != "ShiftConflictError":
        _done({"answer": shift})  # with a conflict they work there already, or calling says what is wrong
    return _Stage(client, staff, queue_id, counter_id)


def _counter(found: Data, queue_id: str) -> str:
    match found:
        case {"counters": {"edges": [*edges]}}:
            for edge in edges:
                node = edge["node"]
                if queue_id in [queue["id"] for queue in node["queues"]]:
                    return str(node["id"])
    raise ApiError("No counter of the demo serves this queue.")


def _done(data: Data) -> Mapping[str, object]:
    answer = data["answer"]
    assert isinstance(answer, Mapping)
    if not str(answer["__typename"]).endswith("Success"):
        raise ApiError(f"{answer['__typename']}: {answer.get('message')}")
    return answer


@asynccontextmanager
async def _listening(client: Client, visitor: _Visitor, show: Callable[[Heard], None]) -> AsyncIterator[None]:
    async def listen() -> None:
        async for item in client.watch(_RECEIVED, dict, SessionToken(visitor.token)):
            match item:
                case {"notificationReceived": {"kind": str(kind), "body": str(body)}} if kind not in visitor.heard:
                    show(Heard(visitor.name, kind, body.strip()))
                    visitor.heard.add(kind)
                    visitor.news.set()

    listening = asyncio.create_task(listen())
    try:
        yield
    finally:
        listening.cancel()
