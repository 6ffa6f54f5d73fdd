"""The tenant of a run and what it needs: queues, counters, people waiting. Made through the API; crowds are copied.

A crowd is copies of one real row: a thousand joins through the API would be a benchmark of their own.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Table

from app.core.ids import decode, encode
from app.counters.models import Counter, CounterQueue
from app.sessions.models import Session
from bench.http import Connection, request_for, success

_PASSWORD = "bench-password-of-one-run"
_SLUG = "bench"
_IDLE_SECONDS = 30.0

NOTHING = "mutation Nothing { __typename }"
JOIN = """mutation Join($input: QueueJoinInput!) { queueJoin(input: $input) {
  __typename
  ... on QueueJoinSuccess {
    sessionToken session { id ticketNumber status position aheadCount estimatedWaitSeconds revision }
  }
  ... on UserError { message }
} }"""
CALL_NEXT = """mutation CallNext($input: QueueCallNextInput!) { queueCallNext(input: $input) {
  __typename
  ... on QueueCallNextSuccess { session { id ticketNumber status revision } }
  ... on UserError { message }
} }"""
START = """mutation Start($input: SessionStartInput!) { sessionStart(input: $input) {
  __typename ... on SessionStartSuccess { session { id status revision } } ... on UserError { message }
} }"""
COMPLETE = """mutation Complete($input: SessionCompleteInput!) { sessionComplete(input: $input) {
  __typename ... on SessionCompleteSuccess { session { id status revision } } ... on UserError { message }
} }"""
_LOGIN = """mutation($input: UserLoginInput!) { userLogin(input: $input) {
  __typename ... on UserLoginSuccess { accessToken } ... on UserError { message }
} }"""
_TENANT = """mutation($input: TenantCreateInput!) { tenantCreate(input: $input) {
  __typename ... on TenantCreateSuccess { tenant { id } } ... on UserError { message }
} }"""
_QUEUE = """mutation($input: QueueCreateInput!) { queueCreate(input: $input) {
  __typename ... on QueueCreateSuccess { queue { id } } ... on UserError { message }
} }"""
_COUNTER = """mutation($input: CounterCreateInput!) { counterCreate(input: $input) {
  __typename ... on CounterCreateSuccess { counter { id } } ... on UserError { message }
} }"""


@dataclass(frozen=True)
class Queue:
    """A queue of the run."""

    node_id: str
    id: UUID

    def counter_id(self, number: int) -> UUID:
        """The key of its counter `number`, from 1: computed, so that pgbench can compute it as well."""
        return UUID(hashlib.md5(f"{self.id}-{number}".encode(), usedforsecurity=False).hexdigest())


@dataclass
class Business:
    """The tenant, with its administrator signed in and an administrator's connection to the database."""

    connection: Connection
    database: asyncpg.Connection
    tenant_id: UUID
    demo_password: str
    token: str = ""

    @classmethod
    async def found(cls, connection: Connection, database: asyncpg.Connection, demo_password: str) -> "Business":
        """Create the tenant, with limits no benchmark reaches."""
        platform = await _sign_in(connection, "platform", "super@demo.example", demo_password)
        tenant = {
            "name": "Bench",
            "slug": _SLUG,
            "adminEmail": "admin@bench.example",
            "adminPassword": _PASSWORD,
            "limits": {"queues": 10_000, "waitingSessions": 10_000_000},
        }
        created = await connection.execute(_TENANT, {"input": tenant}, platform)
        business = cls(connection, database, decode("Tenant", created["tenant"]["id"]).id, demo_password)
        await business.sign_in()
        return business

    async def sign_in(self) -> None:
        """Get a fresh access token."""
        self.token = await _sign_in(self.connection, _SLUG, "admin@bench.example", _PASSWORD)

    async def queue(self, counters: int = 0, waiting: int = 0) -> Queue:
        """A queue with so many counters, one visitor who joined over the API, and a crowd behind."""
        values = {"name": "Bench", "slug": f"q-{uuid4().hex[:12]}", "ticketLastNumber": 99_999}
        created = await self.connection.execute(_QUEUE, {"input": values}, self.token)
        queue = Queue(created["queue"]["id"], decode("Queue", created["queue"]["id"]).id)
        if counters:
            await self._add_counters(queue, counters)
        await self.connection.send(self.join_request(queue))
        if waiting:
            await self.add_waiting(queue, waiting)
        return queue

    def join_request(self, queue: Queue) -> bytes:
        """A join, with an identifier as front-ends send one."""
        return request_for(JOIN, {"input": {"queueId": queue.node_id, "userIdentifier": str(uuid4())}})

    def call_request(self, queue: Queue, counter: int) -> bytes:
        """Call the next one to the queue's counter of this number."""
        counter_id = encode("Counter", self.tenant_id, queue.counter_id(counter))
        return request_for(CALL_NEXT, {"input": {"queueId": queue.node_id, "counterId": counter_id}}, self.token)

    def session_request(self, document: str, session_id: str) -> bytes:
        """A mutation of one session."""
        return request_for(document, {"input": {"sessionId": session_id}}, self.token)

    async def call(self, connection: Connection, queue: Queue, counter: int) -> str:
        """Call the next one; the session's id."""
        return str(success(await connection.send(self.call_request(queue, counter)))["session"]["id"])

    async def serve(self, connection: Connection, session_id: str) -> None:
        """Start and complete a called session."""
        for document in (START, COMPLETE):
            success(await connection.send(self.session_request(document, session_id)))

    async def line_row(self, queue: Queue) -> dict[str, Any]:
        """The queue's hot row."""
        row = await self.database.fetchrow("select * from queue_lines where id = $1", queue.id)
        assert row is not None
        return dict(row)

    async def check(self, queue: Queue, sessions: int, called: int = 0) -> None:
        """Hold what was measured against the tables: nothing done twice, nothing missing, the log without a gap."""
        found = await self.database.fetchrow(
            "select (select count(*) from sessions where queue_id = $1) as sessions,"
            " (select count(*) from sessions where queue_id = $1 and status <> 'WAITING') as called,"
            " (select count(*) from events where aggregate_id = $1) as events,"
            " (select count(distinct revision) from events where aggregate_id = $1) as revisions,"
            " (select revision from queue_lines where id = $1) as revision",
            queue.id,
        )
        assert found is not None
        wanted = {"sessions": sessions, "called": called}
        wrong = [f"{name} {found[name]}, not {number}" for name, number in wanted.items() if found[name] != number]
        if wrong or not found["events"] == found["revisions"] == found["revision"]:
            raise AssertionError(f"the measured work is not in the tables: {', '.join(wrong)} {dict(found)}")

    async def settle(self) -> None:
        """Wait until the relay has nothing left to do: what one measurement caused must not burden the next."""
        deadline = time.monotonic() + _IDLE_SECONDS
        while await self.database.fetchval("select exists (select from events where published_at is null)"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the relay is still behind after {_IDLE_SECONDS:.0f} s")
            await asyncio.sleep(0.02)

    async def _add_counters(self, queue: Queue, count: int) -> None:
        values = {"name": f"Counter {uuid4().hex[:8]}", "queueIds": [queue.node_id]}
        created = await self.connection.execute(_COUNTER, {"input": values}, self.token)
        model = decode("Counter", created["counter"]["id"]).id
        counter = "md5($2::text || '-' || n)::uuid"
        await self.database.execute(
            _copies(Counter, {"id": counter, "name": "name || ' ' || n"}, "id = $1"), model, str(queue.id), count
        )
        await self.database.execute(
            _copies(CounterQueue, {"id": "gen_random_uuid()", "counter_id": counter}, "counter_id = $1"),
            model,
            str(queue.id),
            count,
        )

    async def add_waiting(self, queue: Queue, count: int) -> None:
        """A crowd behind whoever has joined."""
        changes = {
            "id": "gen_random_uuid()",
            "ticket_serial": "ticket_serial + n",
            "ticket_number": "'A' || lpad((ticket_serial + n)::text, 5, '0')",
            "rank_sequence": "rank_sequence + n",
            # Sealed for the row it is copied from: nobody else's.
            "user_identifier_sealed": "null",
            "user_identifier_index": "null",
        }
        statement = _copies(Session, changes, "queue_id = $1 and $2::text is not null")
        await self.database.execute(statement, queue.id, str(queue.id), count)
        await self.database.execute(
            "update queue_lines set waiting_count = waiting_count + $2, last_sequence = last_sequence + $2,"
            " last_ticket_serial = last_ticket_serial + $2 where id = $1",
            queue.id,
            count,
        )


async def _sign_in(connection: Connection, slug: str, email: str, password: str) -> str:
    values = {"tenantSlug": slug, "email": email, "password": password}
    return str((await connection.execute(_LOGIN, {"input": values}))["accessToken"])


def _copies(model: type, changes: dict[str, str], condition: str) -> str:
    """A statement that copies a row $3 times, some columns changed by expressions in `n`, which counts from 1."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    names = [column.name for column in table.columns]
    values = ", ".join(changes.get(name, name) for name in names)
    return (
        f"insert into {table.name} ({', '.join(names)}) "
        f"select {values} from {table.name}, generate_series(1, $3::int) n where {condition}"
    )
