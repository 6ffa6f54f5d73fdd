"""What the product says to the database for one operation, word by word: the reference is made of it.

The application runs in this process for that, once, before anything is measured.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from app.main import create_app
from app.settings import Settings
from bench.http import success


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with numbered placeholders, and what was bound to them."""

    sql: str
    values: tuple[Any, ...]


@dataclass(slots=True)
class Transaction:
    """Everything between BEGIN and its end."""

    statements: list[Statement] = field(default_factory=list)
    committed: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes rows."""
        return any(statement.sql.startswith(("INSERT", "UPDATE", "DELETE")) for statement in self.statements)

    @property
    def round_trips(self) -> int:
        """BEGIN, each statement, and the end; every one is waited for."""
        return len(self.statements) + 2


@dataclass
class Recorded:
    """An operation's answer and its transactions, in the order in which they began."""

    answer: Any
    transactions: list[Transaction]

    @property
    def write(self) -> Transaction:
        """The one transaction that changes things."""
        (found,) = [each for each in self.transactions if each.writes]
        if not found.committed:
            raise RuntimeError("the captured operation was rolled back")
        return found

    @property
    def round_trips(self) -> int:
        """All of the operation's."""
        return sum(each.round_trips for each in self.transactions)


class Recorder:
    """Sends operations to an application in this process and keeps what it says to the database."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._open: dict[int, Transaction] = {}
        self._seen: list[Transaction] = []

    async def send(self, request: bytes) -> Recorded:
        """An operation as `request_for` makes it, which must succeed."""
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        self._seen.clear()
        answer = await self._client.post("/graphql", content=body, headers=headers)
        return Recorded(success(answer.content), list(self._seen))

    def begin(self, connection: Connection) -> None:
        """SQLAlchemy's event of this name."""
        transaction = self._open[id(connection)] = Transaction()
        self._seen.append(transaction)

    def before_cursor_execute(
        self, connection: Connection, cursor: Any, sql: str, values: Any, context: Any, executemany: bool
    ) -> None:
        """SQLAlchemy's event of this name."""
        for each in values if executemany else [values]:
            self._open[id(connection)].statements.append(Statement(sql, tuple(each)))

    def commit(self, connection: Connection) -> None:
        """SQLAlchemy's event of this name."""
        self._open[id(connection)].committed = True


@asynccontextmanager
async def recorder(settings: Settings) -> AsyncIterator[Recorder]:
    """An application in this process, listened to."""
    app = create_app(settings)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench")
    listener = Recorder(client)
    # Every engine of this process: how many pools the application has is its own business.
    heard = [(name, getattr(listener, name)) for name in ("begin", "before_cursor_execute", "commit")]
    async with app.router.lifespan_context(app), client:
        for name, hear in heard:
            event.listen(Engine, name, hear)
        try:
            yield listener
        finally:
            for name, hear in heard:
                event.remove(Engine, name, hear)
