"""The joins of the benchmark against servers that are wrong: real clients, real tables, and an application in between.

The server in between hands every request on to the product and spoils what it wants to spoil.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest
from sqlalchemy.engine import make_url

from app.core.ids import decode, encode
from app.settings import Settings
from bench.business import JOIN
from bench.http import request_for, success
from bench.live.checks import WrongServer, answered, check_joins, read_stored
from bench.live.clients import SLOT, run
from tests.support.api import Api, Business

_CLIENTS, _JOINS_EACH = 3, 4
Answer = Callable[[httpx.AsyncClient, bytes], Awaitable[bytes]]


async def _honest(product: httpx.AsyncClient, body: bytes) -> bytes:
    answer = await product.post("/graphql", content=body, headers={"content-type": "application/json"})
    return answer.content


@asynccontextmanager
async def _server(api: Api, answer: Answer) -> AsyncIterator[int]:
    """A port that answers as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await answer(api.http, await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def _lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


async def _measured(business: Business, settings: Settings, answer: Answer, file: Path) -> None:
    """What the benchmark does in a window, and how it checks it."""
    queue_id = await business.queue()
    await business.join(queue_id)
    request = request_for(JOIN, {"input": {"queueId": queue_id, "userIdentifier": SLOT}}).decode()
    async with _server(business.api, answer) as port:
        await run(port, [[request] * _JOINS_EACH] * _CLIENTS, None, str(file), 1)
    answers = [answered(success(line)) for line in _lines(file)]
    assert len(answers) == _CLIENTS * _JOINS_EACH
    url = make_url(settings.database_url or "").set(drivername="postgresql")
    database = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        check_joins(answers, await read_stored(database, decode("Queue", queue_id).id), before=1)
    finally:
        await database.close()


async def test_the_product_is_right(business: Business, migrated_settings: Settings, tmp_path: Path) -> None:
    await _measured(business, migrated_settings, _honest, tmp_path / "answers")


async def test_a_join_that_is_answered_and_not_stored_is_noticed(
    business: Business, migrated_settings: Settings, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []
    requests = count(1)

    async def forgetful(product: httpx.AsyncClient, body: bytes) -> bytes:
        if next(requests) == _JOINS_EACH + 1:
            # As the one before, one further: nothing in the answer gives it away.
            joined = orjson.loads(orjson.dumps(seen[-1]))
            session = joined["data"]["queueJoin"]["session"]
            tenant = decode("Session", session["id"]).tenant_id
            session |= {"id": encode("Session", tenant, uuid4()), "ticketNumber": "A998"}
        else:
            joined = orjson.loads(await _honest(product, body))
        seen.append(joined)
        return orjson.dumps(joined)

    with pytest.raises(WrongServer, match=r"12 rows for 1 \+ 12 answers; answered and not stored: A998"):
        await _measured(business, migrated_settings, forgetful, tmp_path / "answers")


async def test_a_ticket_that_is_given_out_twice_is_noticed(
    business: Business, migrated_settings: Settings, tmp_path: Path
) -> None:
    tickets: list[str] = []

    async def doubling(product: httpx.AsyncClient, body: bytes) -> bytes:
        joined = orjson.loads(await _honest(product, body))
        session = joined["data"]["queueJoin"]["session"]
        tickets.append(session["ticketNumber"])
        if len(tickets) == _JOINS_EACH:
            session["ticketNumber"] = tickets[0]
        return orjson.dumps(joined)

    with pytest.raises(WrongServer, match="1 tickets were given out twice"):
        await _measured(business, migrated_settings, doubling, tmp_path / "answers")
