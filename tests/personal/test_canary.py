"""Canaries: personal values nobody else has, put in wherever people can, and looked for wherever something is written.

In every table, in everything Valkey holds, on the bus, in every log record and in what strangers are answered: none of
them, neither plain nor in hexadecimal digits. Values of the wrong GraphQL type: `test_echoes.py`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy.engine import make_url

from app.core.events.reactions import Fact
from app.core.ids import decode
from app.identity.models import Role
from app.notifications.telling import happenings
from app.sessions import repository as sessions
from tests.access.helpers import listed
from tests.support.api import PASSWORD, Api, Business
from tests.support.queue_logs import events_of


@dataclass
class Canaries:
    """Words that stand for somebody, and what was seen where."""

    word: str = field(default_factory=lambda: f"canary{uuid4().hex[:10]}")
    digits: str = field(default_factory=lambda: str(uuid4().int)[:11])

    @property
    def email(self) -> str:
        return f"{self.word}@example.com"

    @property
    def phone(self) -> str:
        return f"+49 {self.digits}"

    def found_in(self, written: str | bytes) -> bool:
        """Whether a piece of what was written tells one of them."""
        text = (written.decode("utf-8", "replace") if isinstance(written, bytes) else written).lower()
        return any(one in text or one.encode().hex() in text for one in (self.word, self.digits))


@pytest.fixture
def records() -> Iterator[list[str]]:
    """Whatever is logged, by anybody, at any level, with what goes with it."""
    seen: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(f"{record.getMessage()} {record.exc_info} {record.__dict__}")

    root, handler = logging.getLogger(), Keep()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield seen
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture
async def bus(api: Api) -> AsyncIterator[list[bytes]]:
    """Everything that is published."""
    assert api.runtime.settings.redis_url is not None
    redis = Redis.from_url(api.runtime.settings.redis_url)
    seen: list[bytes] = []

    async def listen() -> None:
        async for message in listening.listen():
            seen.append(repr(message).encode())  # noqa: PERF401  (it never ends)

    listening = redis.pubsub()
    await listening.psubscribe("*")
    task = asyncio.create_task(listen())
    yield seen
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await listening.aclose()  # type: ignore[no-untyped-call]
    await redis.aclose()


async def tables(api: Api) -> AsyncIterator[tuple[str, str]]:
    """Every row of every table, as its administrator sees it."""
    url = make_url(api.runtime.settings.database_url or "").set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        for (name,) in await connection.fetch(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'public' and c.relkind = 'r'"
        ):
            for (row,) in await connection.fetch(f"select t::text from {name} t"):
                yield name, row
    finally:
        await connection.close()


async def valkey(api: Api) -> AsyncIterator[bytes]:
    """Every key with what it holds, as Valkey writes it to disk."""
    assert api.runtime.settings.redis_url is not None
    redis = Redis.from_url(api.runtime.settings.redis_url)
    async for key in redis.scan_iter("*"):
        yield key + (await redis.dump(key) or b"")
    await redis.aclose()


async def live_through(api: Api, business: Business, canaries: Canaries) -> list[str]:
    """A life with a business, well and badly behaved; what those were answered who may not know."""
    word, email, phone = canaries.word, canaries.email, canaries.phone
    answers: list[str] = []

    async def refused(document: str, **variables: Any) -> None:
        answers.append((await api.anonymous.send(document, **variables)).text)

    queue = await business.queue()
    counter = await business.counter(queue)
    contact = {"email": email, "phone": phone}
    visitor = await business.join(queue, userIdentifier=word, contact=contact, metadata={"name": word, "n": [phone]})
    await refused(
        "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename ... on UserError { message } } }",
        i={"queueId": queue, "userIdentifier": word},
    )
    for contact in (
        {"email": f"{word} at example"},
        {"email": f"{word}@@example.com"},
        {"phone": f"{canaries.digits}x"},
    ):
        await refused(
            "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename ... on UserError { message } } }",
            i={"queueId": queue, "contact": contact},
        )
    await refused("query($id: ID!) { session(id: $id) { userIdentifier contact { email phone } } }", id=visitor.id)
    await refused(
        "mutation($i: UserLoginInput!) { userLogin(input: $i) { __typename ... on UserError { message } } }",
        i={"tenantSlug": business.slug, "email": email, "password": f"{word}!"},
    )
    await refused("query($id: ID!) { session(id: $id) { id } }", id=word)
    await refused(f'query {{ session(id: "{word}") {{ nothing }} }}')
    created = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { ... on UserCreateSuccess { user { id } } } }",
        i={
            "email": email,
            "password": PASSWORD,
            "role": Role.STAFF.value,
            "username": word,
            "firstName": word,
            "lastName": word,
            "phone": phone,
        },
    )
    await business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": created["user"]["id"], "firstName": f"{word} II", "phone": None},
    )
    await api.sign_in(business.slug, email)
    await listed(business, queue, "BYPASS", word)
    await business.admin(
        "mutation($i: SessionAddNoteInput!) { sessionAddNote(input: $i) { __typename } }",
        i={"sessionId": visitor.id, "text": f"{word} called from {phone}"},
    )
    await business.call_next(queue, counter)
    await _owe(api, queue, visitor.id)
    await business.act("sessionReturnToQueue", visitor.id)
    await business.act("sessionCancel", visitor.id, reason=f"{word} has left")
    return answers


async def _owe(api: Api, queue: str, session_id: str) -> None:
    """What a worker does when somebody is called: a message is owed, with an address."""
    called = [event for event in await events_of(api, queue) if event.type == "SESSION_CALLED"][-1]
    tenant_id, key = decode("Session", session_id)
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        session = await sessions.get(tx, key)
        assert session.email is not None
        fact = Fact(
            uuid4(),
            tenant_id,
            "queue",
            decode("Queue", queue).id,
            called.revision,
            called.occurred_at,
            called.type,
            json.dumps(called.data),
            None,
        )
        assert await happenings.owe_called(tx, fact, api.runtime.settings)


async def test_no_canary_sings_anywhere(api: Api, business: Business, records: list[str], bus: list[bytes]) -> None:
    canaries = Canaries()
    answers = await live_through(api, business, canaries)
    written = [(name, row) async for name, row in tables(api)]
    told = {name for name, row in written if canaries.found_in(row)}
    assert told == set()
    # Those who may know do: the canaries were there all the time.
    assert {name for name, _ in written} >= {"users", "sessions", "session_notes", "access_entries", "notifications"}
    assert not [key for key in [each async for each in valkey(api)] if canaries.found_in(key)]
    assert bus, "something was published"
    assert not [message for message in bus if canaries.found_in(message)]
    assert records, "something was logged"
    assert not [record[:500] for record in records if canaries.found_in(record)]
    assert len(answers) == 8
    assert not [answer for answer in answers if canaries.found_in(answer)]


async def test_a_canary_that_is_written_somewhere_is_found(api: Api, business: Business, bus: list[bytes]) -> None:
    """The cage holds: each place, with one canary let out."""
    canaries = Canaries()
    tenant_id = decode("Queue", await business.queue()).tenant_id
    redis = Redis.from_url(api.runtime.settings.redis_url or "")
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        await tx.rows("update tenants set description = $2 where id = $1", tenant_id, f"for {canaries.word}")
    await redis.set(f"canary:{uuid4().hex}", canaries.email, ex=60)
    await redis.publish("canaries", canaries.phone)
    assert [name async for name, row in tables(api) if canaries.found_in(row)] == ["tenants"]
    assert [key for key in [each async for each in valkey(api)] if canaries.found_in(key)]
    for _ in range(100):
        if any(canaries.found_in(message) for message in bus):
            break
        await asyncio.sleep(0.02)
    assert any(canaries.found_in(message) for message in bus)
    assert canaries.found_in(canaries.email.encode().hex())
    await redis.aclose()
