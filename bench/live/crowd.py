"""The crowd's other end: starts the process that holds the sockets, gives its commands, reads what it found.

The process is `native/crowd.c` where there is a compiler, else `python_crowd.py`, which speaks the same commands and
costs several times as much per update: then the report says so, because the crowd may be the bottleneck.
"""

import asyncio
import sys
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from bench.live import native
from bench.stage import REPOSITORY

_TEXT = 1
_WINDOW = 64
_HEAD_INTS = 4
# What a member says after the handshake, and once it was acknowledged.
Talk = tuple[bytes, bytes]


class CrowdFailed(Exception):
    """Members were turned away, or their process has ended."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Updates waited for."""

    arrived: int
    seconds: float
    """Wall time of the waiting."""
    cpu_seconds: float
    """CPU time of the crowd's process meanwhile."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When updates came (seconds of the monotonic clock), in order, to whom, and of which revision."""

    seconds: list[float]
    members: list[int]
    revisions: list[int]


@dataclass(frozen=True, slots=True)
class Member:
    """What one socket has seen."""

    is_open: bool
    close_code: int
    updates: int
    last: bytes
    """The last update's JSON."""

    @property
    def state(self) -> dict[str, Any]:
        """The session, as it was told last; empty before the first update."""
        return dict(orjson.loads(self.last)["payload"]["data"]["sessionChanged"]) if self.last else {}


class Crowd:
    """A process with sockets."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self._process = process
        self._file = directory / "crowd"

    async def open(self, port: int, talks: Sequence[Talk], within: float, window: int = _WINDOW) -> Collected:
        """Connect and subscribe everybody, `window` at once; `CrowdFailed` unless everybody has a first update."""
        with self._file.open("wb") as file:
            for talk in talks:
                for text in talk:
                    framed = _masked(text)
                    file.write(len(framed).to_bytes(4, sys.byteorder) + framed)
        done = await self._ask(f"open {port} {len(talks)} {self._file} {window} {_ms(within)}")
        if done["opened"] != len(talks):
            raise CrowdFailed(
                f"{done['opened']} of {len(talks)} sockets are open after {done['seconds']:.0f} s: {done}"
            )
        return Collected(done["opened"], done["seconds"], done["cpu"])

    async def clear(self) -> int:
        """Read what is there already and forget all arrivals; how many updates nobody had waited for."""
        return int((await self._ask("clear"))["unexpected"])

    async def tell_collect(self, expected: int, within: float) -> None:
        """Begin to wait for so many updates since the last `clear`; then `hear_collected`."""
        await self._tell(f"collect {expected} {_ms(within)}")

    async def hear_collected(self) -> Collected:
        """The end of it, whether or not all have come; `CrowdFailed` when sockets were closed meanwhile."""
        done = await self._hear()
        if done["closed"]:
            raise CrowdFailed(f"{done['closed']} sockets were closed: {done['trouble']}")
        return Collected(done["arrived"], done["seconds"], done["cpu"])

    async def keep_every(self, every: int) -> None:
        """Keep the arrivals of every n-th socket only."""
        await self._ask(f"every {every}")

    async def arrivals(self) -> Arrivals:
        """Those since the last `clear`."""
        await self._ask(f"arrivals {self._file}")
        found = array("Q")
        found.frombytes(self._file.read_bytes())
        rest = found[1::2]
        low, high = [value & 0xFFFFFFFF for value in rest], [value >> 32 for value in rest]
        members, revisions = (low, high) if sys.byteorder == "little" else (high, low)
        return Arrivals([value / 1e9 for value in found[0::2]], members, revisions)

    async def members(self) -> list[Member]:
        """Everybody, in order."""
        await self._ask(f"last {self._file}")
        data, found, at = self._file.read_bytes(), [], 0
        while at < len(data):
            head = array("I")
            head.frombytes(data[at : at + _HEAD_INTS * 4])
            at += _HEAD_INTS * 4
            found.append(Member(bool(head[0]), head[1], head[2], data[at : at + head[3]]))
            at += head[3]
        return found

    async def until(self, revision: int, within: float) -> int:
        """Wait until every open socket knows of a revision; how many do not after so many seconds."""
        return int((await self._ask(f"until {revision} {_ms(within)}"))["behind"])

    async def set_reading(self, first: int, end: int, *, is_reading: bool) -> None:
        """Let some stop reading, or read again."""
        await self._ask(f"{'resume' if is_reading else 'pause'} {first} {end}")

    async def probe(self, port: int, request: bytes, every_seconds: float, count: int) -> list[float]:
        """Ask the same over HTTP at a steady pace; seconds each answer took. Blocks the sockets of this process."""
        asked = self._file.with_suffix(".request")
        asked.write_bytes(request)
        done = await self._ask(f"probe {port} {asked} {round(every_seconds * 1e6)} {count} {self._file}")
        if done["failed"]:
            raise CrowdFailed(f"{done['failed']} of {count} requests were not answered as they should be")
        found = array("Q")
        found.frombytes(self._file.read_bytes())
        return [value / 1e9 for value in found]

    async def _ask(self, command: str) -> Any:
        await self._tell(command)
        return await self._hear()

    async def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        await self._process.stdin.drain()

    async def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise CrowdFailed("the crowd's process has ended; what it said stands above")
        return orjson.loads(line)


@asynccontextmanager
async def crowd(directory: Path) -> AsyncIterator[Crowd]:
    """A crowd without sockets yet; they close when it goes. `directory` is the run's, for what is built."""
    program = native.build("crowd", directory)
    command = [sys.executable, "-m", "bench.live.python_crowd"] if program is None else [str(program)]
    with TemporaryDirectory(dir=directory) as own:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
        )
        try:
            yield Crowd(process, Path(own))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _masked(payload: bytes) -> bytes:
    # A mask of zeros is a mask, and saves the work of applying it.
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([0x80 | _TEXT]) + length + bytes(4) + payload
