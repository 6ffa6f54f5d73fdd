"""The benchmarks notice a server that does not do its work: a frame too few or too many, a wrong position, a closed
socket. With both crowds, the one in C and the one in Python."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bench.live import native
from bench.live.contenders import LIMIT_PYTHON, Reference
from bench.live.crowd import Arrivals, CrowdFailed, crowd
from bench.live.plain import House, framed, serve
from bench.live.stalled import latencies
from bench.stage import Server

SIZE, AHEAD = 5, 3
Watched = Callable[[House], "asyncio.Future[Reference]"]


class Here(Server):
    """A server in this process."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def process(self) -> psutil.Process:
        """This one."""
        return psutil.Process()


@pytest.fixture(params=["c", "python"], autouse=True)
def chosen_crowd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(native, "compiler", lambda: None)
    elif native.compiler() is None:
        pytest.skip("there is no C compiler")


@asynccontextmanager
async def watched(house: House, directory: Path) -> AsyncIterator[Reference]:
    """A server in this loop, with everybody watching."""
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(serve(house, listener))
    try:
        async with crowd(directory) as members:
            reference = Reference(LIMIT_PYTHON, Here(listener.getsockname()[1]), members, SIZE, AHEAD)
            await reference.open(directory)
            yield reference
            await reference.close()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


class Forgetful(House):
    """Leaves one out."""

    def send(self) -> None:
        self.ready.pop(2)
        super().send()


class Stuttering(House):
    """Tells one twice."""

    def send(self) -> None:
        self.ready.append(self.ready[2])
        super().send()


class Lying(House):
    """Tells one a position that is not theirs."""

    def frame(self, place: int) -> bytes:
        return super().frame(place + 1 if place == 2 and self.wave else place)


class Rude(House):
    """Hangs up on one instead of telling."""

    def send(self) -> None:
        transport, _ = self.ready.pop(2)
        transport.close()
        super().send()


class Confused(House):
    """Ends one's subscription."""

    def send(self) -> None:
        transport, _ = self.ready.pop(2)
        transport.write(framed(b'{"id":"1","type":"complete"}'))
        super().send()


async def test_a_server_that_does_its_work_passes(tmp_path: Path) -> None:
    async with watched(House(AHEAD), tmp_path) as reference:
        waves = [await reference.wave() for _ in range(2)]
        size = await reference.check()
        members = await reference.crowd.members()

    assert [len(wave.latencies) for wave in waves] == [SIZE, SIZE]
    assert all(latency > 0 for wave in waves for latency in wave.latencies)
    assert [wave.unexpected for wave in waves] == [0, 0]
    assert [member.state["position"] for member in members] == [2, 3, 4, 5, 6]
    assert [(member.is_open, member.updates) for member in members] == [(True, 3)] * SIZE
    assert size == len(members[0].last)


async def test_a_frame_that_is_missing_is_noticed(tmp_path: Path) -> None:
    async with watched(Forgetful(AHEAD), tmp_path) as reference:
        reference.wave_seconds = 1.0
        with pytest.raises(AssertionError, match="4 of 5 updates came"):
            await reference.wave()


async def test_a_frame_too_many_is_counted(tmp_path: Path) -> None:
    async with watched(Stuttering(AHEAD), tmp_path) as reference:
        first = await reference.wave()
        # The sixth may be read with the other five, or by whoever looks next.
        second = await reference.wave()

    assert len(first.latencies) + first.unexpected + second.unexpected == SIZE + 1


async def test_a_wrong_position_is_noticed(tmp_path: Path) -> None:
    async with watched(Lying(AHEAD), tmp_path) as reference:
        await reference.wave()
        with pytest.raises(AssertionError, match=r"1 last positions are wrong, as \(shown, true\): \[\(6, 5\)\]"):
            await reference.check()


@pytest.mark.parametrize("house", [Rude, Confused])
async def test_a_socket_that_is_closed_or_ended_is_noticed(tmp_path: Path, house: type[House]) -> None:
    async with watched(house(AHEAD), tmp_path) as reference:
        with pytest.raises(CrowdFailed, match="1 sockets were closed"):
            await reference.wave()


async def test_nobody_who_is_turned_away_goes_unnoticed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with crowd(tmp_path) as members:
        with pytest.raises((CrowdFailed, ConnectionRefusedError)):
            await members.open(port, [(b"{}", b"{}")], 1.0)


async def test_who_stops_reading_is_behind_until_they_read_again(tmp_path: Path) -> None:
    async with watched(House(AHEAD), tmp_path) as reference:
        await reference.crowd.set_reading(0, 2, is_reading=False)
        await reference.crowd.clear()
        reference.wave_seconds = 1.0
        with pytest.raises(AssertionError, match="3 of 5 updates came"):
            await reference.wave()

        assert await reference.crowd.until(3, 0.1) == 2
        await reference.crowd.set_reading(0, 2, is_reading=True)
        assert await reference.crowd.until(3, 10.0) == 0
        await reference.check()


async def test_the_clock_of_requests_tells_every_answer(tmp_path: Path) -> None:
    async with watched(House(AHEAD), tmp_path) as reference, crowd(tmp_path) as clock:
        took = await clock.probe(reference.server.port, b"GET /health/ready HTTP/1.1\r\nhost: bench\r\n\r\n", 0.001, 20)

    assert len(took) == 20
    assert min(took) > 0


def test_an_event_counts_until_the_first_update_as_new() -> None:
    asked = {2: 10.0, 3: 11.0, 4: 12.0}
    # Number 0 stands still and does not count; 7 is told of 2 alone, of 3 and 4 together.
    arrivals = Arrivals([10.5, 10.6, 12.25], [7, 0, 7], [2, 2, 4])

    assert latencies(asked, arrivals, 1) == ([0.5, 1.25, 0.25], 2)


def test_who_is_never_told_or_told_of_the_past_is_noticed() -> None:
    with pytest.raises(AssertionError, match="socket 7 was never told of revision 3"):
        latencies({2: 10.0, 3: 11.0}, Arrivals([10.5], [7], [2]), 0)
    with pytest.raises(AssertionError, match="socket 7 was told of an older state"):
        latencies({2: 10.0}, Arrivals([10.5, 10.6], [7, 7], [3, 2]), 0)
