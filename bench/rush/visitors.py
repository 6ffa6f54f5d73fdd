"""The program of one part of the crowd: visitors that join as fast as they are answered, and some that watch and go in.

As front-ends do: whoever gets no answer asks again, at another process, with the same idempotency key; whose socket
breaks subscribes again. Judges nothing: what was answered and shown goes to a file, in the order in which it came.
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.http import Connection, UnexpectedAnswer, request_for

JOIN = """mutation Join($input: QueueJoinInput!) { queueJoin(input: $input) {
  __typename
  ... on QueueJoinSuccess { sessionToken session { id ticketNumber position revision } }
  ... on UserError { message }
} }"""
WATCH = """subscription Watch($id: ID!, $rate: Float) {
  sessionChanged(sessionId: $id, maxPerSecond: $rate) { position status revision }
}"""
ENTER = """mutation Enter($input: AdmissionEnterInput!) { admissionEnter(input: $input) {
  __typename ... on AdmissionEnterSuccess { admission { token } } ... on UserError { message }
} }"""
LEAVE = """mutation Leave($input: AdmissionLeaveInput!) { admissionLeave(input: $input) {
  __typename ... on UserError { message }
} }"""
_STAY_SECONDS = (1.0, 15.0)
_RETRY_SECONDS = 0.05
_PATIENCE = 5.0
_AWAY = (OSError, EOFError, UnexpectedAnswer, TimeoutError, WebSocketException)


@dataclass(frozen=True, slots=True)
class Part:
    """What one process of visitors is to do."""

    name: str
    ports: list[int]
    queue_id: str
    visitors: int
    connections: int
    watchers: int
    moves_per_second: float
    answers: str


@dataclass(slots=True)
class Told:
    """What has come so far."""

    joins: list[dict[str, Any]]
    shown: list[dict[str, Any]]
    entered: list[dict[str, Any]]
    tries: int = 0


class Crowd:
    """One process's visitors."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._told = Told([], [], [])
        self._random = Random(part.name)
        self._numbers = iter(range(part.visitors))
        self._watching: list[asyncio.Task[None]] = []
        self._visits: dict[str, asyncio.Task[None]] = {}
        self._every = max(1, part.visitors // max(1, part.watchers))

    async def run(self, over: asyncio.Event) -> None:
        """Join, all of them; then watch on until it is over."""
        await asyncio.gather(*(self._join_one_after_another(number) for number in range(self._part.connections)))
        _say({"joined": len(self._told.joins)})
        await over.wait()
        tasks = [*self._watching, *self._visits.values()]
        for task in tasks:
            task.cancel()
        for wrong in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(wrong, Exception):
                raise wrong
        Path(self._part.answers).write_bytes(orjson.dumps(asdict(self._told)))  # noqa: ASYNC240
        _say({"done": True})

    async def _visit(self, session_id: str, token: str) -> None:
        """Go in, stay a while, leave: half of them say goodbye, the others' places are free when their time is over."""
        entered = await self._ask(request_for(ENTER, {"input": {"idempotencyKey": session_id}}, token))
        if (admission := entered["admissionEnter"].get("admission")) is None:
            return  # too late
        self._told.entered.append({"id": session_id, "token": admission["token"]})
        if self._random.random() < 0.5:
            await asyncio.sleep(self._random.uniform(*_STAY_SECONDS))
            await self._ask(request_for(LEAVE, {"input": {}}, token))

    async def _ask(self, request: bytes) -> dict[str, Any]:
        """The answer, from whichever process gives one."""
        for turn in count(self._random.randrange(len(self._part.ports))):
            connection = Connection("127.0.0.1", self._part.ports[turn % len(self._part.ports)])
            try:
                async with asyncio.timeout(_PATIENCE):
                    return dict(orjson.loads(await connection.send(request))["data"])
            except _AWAY:
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                await connection.close()
        raise AssertionError("it asks for ever")

    async def _join_one_after_another(self, number: int) -> None:
        connections = [Connection("127.0.0.1", port) for port in self._part.ports]
        turn = number
        for visitor in self._numbers:
            key = f"{self._part.name}-{visitor}"
            values = {"queueId": self._part.queue_id, "userIdentifier": key, "idempotencyKey": key}
            request = request_for(JOIN, {"input": values})
            for tries in count(1):
                try:
                    async with asyncio.timeout(_PATIENCE):
                        body = await connections[turn % len(connections)].send(request)
                except _AWAY:
                    await connections[turn % len(connections)].close()
                    turn += 1
                    await asyncio.sleep(_RETRY_SECONDS * self._random.random())
                    continue
                self._told.tries += tries
                break
            self._keep(key, visitor, orjson.loads(body))
        for connection in connections:
            await connection.close()

    def _keep(self, key: str, visitor: int, answer: dict[str, Any]) -> None:
        joined = (answer.get("data") or {}).get("queueJoin") or {}
        if joined.get("__typename") != "QueueJoinSuccess":
            raise RuntimeError(f"a visitor was sent away: {answer}")
        session = joined["session"]
        self._told.joins.append({"key": key} | session)
        if visitor % self._every == 0 and len(self._watching) < self._part.watchers:
            self._watching.append(asyncio.create_task(self._watch(session["id"], joined["sessionToken"])))

    async def _watch(self, session_id: str, token: str) -> None:
        is_over = False
        for turn in count(self._random.randrange(len(self._part.ports))):
            port = self._part.ports[turn % len(self._part.ports)]
            with suppress(*_AWAY):
                async with connect(
                    f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
                ) as socket:
                    is_over = await self._follow(socket, session_id, token)
            if is_over:
                return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, socket: ClientConnection, session_id: str, token: str) -> bool:
        """Note what is shown; whether it was all there is."""
        await socket.send(
            orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}).decode()
        )
        variables = {"id": session_id, "rate": self._part.moves_per_second}
        subscribe = {"type": "subscribe", "id": "1", "payload": {"query": WATCH, "variables": variables}}
        async for text in socket:
            message = orjson.loads(text)
            match message["type"]:
                case "connection_ack":
                    await socket.send(orjson.dumps(subscribe).decode())
                case "ping":
                    await socket.send('{"type":"pong"}')
                case "next":
                    shown = message["payload"]["data"]["sessionChanged"]
                    self._told.shown.append({"id": session_id} | shown)
                    if shown["status"] == "CALLED" and session_id not in self._visits:
                        self._visits[session_id] = asyncio.create_task(self._visit(session_id, token))
                case "complete":
                    return True
                case "error":
                    raise RuntimeError(f"a watcher was sent away: {message}")
        return False


def _say(what: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(what) + b"\n")
    sys.stdout.buffer.flush()


async def _main() -> None:
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    part = Part(**orjson.loads(await reader.readline()))
    over = asyncio.Event()
    crowd = asyncio.create_task(Crowd(part).run(over))
    ends = asyncio.create_task(reader.readline())
    await asyncio.wait({crowd, ends}, return_when=asyncio.FIRST_COMPLETED)
    over.set()
    await crowd


if __name__ == "__main__":
    with suppress(ImportError):  # not on every platform
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_main())
