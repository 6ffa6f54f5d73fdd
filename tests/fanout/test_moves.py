"""Everybody parked in one line: who is sent what, in which order, how often; and what others may do meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from app.core.live.fanout import SENDS_AT_ONCE, Template
from app.queues.events import LineState, QueueEventType
from app.queues.models import QueueStatus
from app.sessions import pace as paces
from app.sessions.line import Line, read_event
from app.sessions.moves import Mover, Moves
from app.sessions.pace import Pace
from tests.fanout.hosts import KeptOutlet, seat
from tests.support.waiting import eventually

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TEMPLATE = Template([b"", b" ", b" ", b" ", b""], [0, 1, 2, 3])


class Place:
    """A line and everybody parked in it; `log` has everybody's messages in the order they were sent."""

    def __init__(self, size: int, mean: float | None = 60.0) -> None:
        self.line = Line()
        self.outdated: list[Mover] = []
        self.moves = Moves("test", self.outdated.append)
        self.log: list[tuple[int, str]] = []
        self.movers: dict[int, Mover] = {}
        self.outlets: dict[int, KeptOutlet] = {}
        self.mean = mean
        for number in range(size):
            self.join(number)

    def join(self, number: int) -> None:
        self.happens(QueueEventType.SESSION_JOINED, number, "WAITING")

    def leaves(self, number: int) -> None:
        self.happens(QueueEventType.SESSION_CANCELLED, number, "CANCELLED")

    def happens(self, type: QueueEventType, number: int, status: str, open_counters: int = 2) -> None:
        """An event about session `number`, applied as a live line does."""
        state = asdict(LineState(QueueStatus.ACTIVE, len(self.line), 0, 0, 0, open_counters, self.mean))
        session = {
            "id": str(UUID(int=number + 1)),
            "ticket_number": f"A{number}",
            "status": status,
            "held_at": None,
            "rank_class": 0,
            "rank_time": (NOON + timedelta(seconds=number)).isoformat(),
            "rank_sequence": number,
        }
        event = read_event(self.line.revision + 1, type, NOON, {"line": state, "session": session})
        self.line.apply(event)
        self.moves.applied(event, self.line)

    def park(self, number: int, pace: Pace | None = None) -> Mover:
        """Somebody who was shown the place it has now."""
        place = self.line.place(UUID(int=number + 1))
        assert place is not None
        outlet = self.outlets[number] = KeptOutlet(_Named(self.log, number))  # type: ignore[arg-type]
        mover = self.movers[number] = Mover(
            number + 1,
            TEMPLATE,
            seat(outlet),
            self.line.revision,
            place.position,
            place.wait,
            pace,
        )
        self.moves.add(mover, self.line)
        return mover

    def changed(self) -> None:
        self.moves.changed(self.line)

    def frame(self, number: int) -> str:
        """What `number` would be shown now."""
        place = self.line.place(UUID(int=number + 1))
        assert place is not None
        estimate = "null" if place.estimated_wait_seconds is None else place.estimated_wait_seconds
        return f"{place.position} {place.ahead_count} {estimate} {self.line.revision}"

    async def rest(self) -> None:
        """Wait until nothing is left to be sent."""
        await eventually(lambda: self.moves._rounds._task is None or self.moves._rounds._task.done())

    def last(self, number: int) -> str | None:
        return next((text for other, text in reversed(self.log) if other == number), None)


class _Named:
    """Keeps messages in a common log, under a number."""

    def __init__(self, log: list[tuple[int, str]], number: int) -> None:
        self._log = log
        self._number = number

    def append(self, message: bytes) -> None:
        self._log.append((self._number, message.decode()))


@pytest.fixture
async def place() -> AsyncIterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(*given: Any, **named: Any) -> Place:
        made.append(Place(*given, **named))
        return made[-1]

    yield make
    for one in made:
        one.moves._rounds.stop()


async def test_everybody_is_shown_the_new_place_front_first(place: Callable[..., Place]) -> None:
    line = place(20)
    for number in (7, 3, 12, 5):
        line.park(number)
    line.leaves(4)
    line.changed()
    await line.rest()
    assert line.log == [(number, line.frame(number)) for number in (5, 7, 12)]
    assert line.log[0] == (5, "5 4 120 21")


async def test_a_burst_is_one_message_and_the_newest_state(place: Callable[..., Place]) -> None:
    line = place(30)
    line.park(29)
    for number in range(10):
        line.leaves(number)
        line.changed()
    assert not line.log, "nothing is sent within the tick in which things happen"
    await line.rest()
    assert line.log == [(29, "20 19 570 40")]


async def test_who_has_not_moved_is_sent_nothing(place: Callable[..., Place]) -> None:
    line = place(10)
    for number in (2, 8):
        line.park(number)
    line.leaves(5)
    line.leaves(9)
    line.changed()
    await line.rest()
    assert [number for number, _ in line.log] == [8]
    line.join(50)
    line.changed()
    await line.rest()
    assert len(line.log) == 1


@pytest.mark.parametrize("size", [40, 4_000])
async def test_who_comes_in_between_moves_those_behind_and_nobody_else(place: Callable[..., Place], size: int) -> None:
    line = place(size)
    line.leaves(20)
    for number in (3, 19, 21, 22, 30):
        line.park(number)
    line.leaves(size - 1)  # from here on it is known what estimates depend on
    line.changed()
    await line.rest()
    line.join(20)
    line.changed()
    await line.rest()
    assert line.log == [(number, line.frame(number)) for number in (21, 22, 30)]
    assert line.log[0][1].startswith("22 21 ")


async def test_an_unknown_estimate_is_null_and_a_changed_one_a_message(place: Callable[..., Place]) -> None:
    line = place(3, mean=None)
    line.park(2)
    line.leaves(0)
    line.changed()
    await line.rest()
    line.mean = 30.0
    line.happens(QueueEventType.SESSION_COMPLETED, 0, "COMPLETED")
    line.changed()
    await line.rest()
    assert [text for _, text in line.log] == ["2 1 null 4", "2 1 15 5"]


@pytest.mark.parametrize(("size", "parked"), [(400, 3), (400, 300)])
async def test_looking_up_and_walking_send_the_same(place: Callable[..., Place], size: int, parked: int) -> None:
    """Few among many are looked up, many are walked to; both must end with everybody current, and in order."""
    random, line = Random(size + parked), place(size)
    numbers = sorted(random.sample(range(size), parked))
    for number in random.sample(numbers, parked):
        line.park(number)
    there = [number for number in range(size) if number not in numbers]
    for _ in range(6):
        for _ in range(random.randrange(1, 5)):
            line.leaves(there.pop(random.randrange(len(there))))
        before = len(line.log)
        line.changed()
        await line.rest()
        assert [number for number, _ in line.log[before:]] == sorted(number for number, _ in line.log[before:])
    for number in numbers:
        position = line.line.place(UUID(int=number + 1))
        assert position is not None
        last = line.last(number)
        if last is not None:
            assert last.split()[0] == str(position.position)
        else:
            assert position.position == number + 1


async def test_a_slow_peer_gets_the_newest_state_when_it_drains(place: Callable[..., Place]) -> None:
    line = place(10)
    line.park(8)
    line.park(9)
    line.outlets[9].is_slow = True
    for number in range(4):
        line.leaves(number)
        line.changed()
        await line.rest()
    assert [number for number, _ in line.log] == [8] * 4
    assert len(line.outlets[9].callbacks) == 1, "it would pile up for as long as the peer is slow"
    line.outlets[9].drain()
    await line.rest()
    assert line.log[-1] == (9, line.frame(9))
    assert len(line.log) == 5
    line.leaves(5)
    line.changed()
    await line.rest()
    assert line.last(9) == line.frame(9)


async def test_who_was_read_ahead_of_the_line_is_not_sent_back(place: Callable[..., Place]) -> None:
    line = place(10)
    mover = line.park(9)
    mover.revision, mover.position = line.line.revision + 2, 8
    line.leaves(0)
    line.changed()
    await line.rest()
    assert not line.log
    line.leaves(1)
    line.leaves(2)
    line.changed()
    await line.rest()
    assert line.log == [(9, line.frame(9))]


async def test_who_parks_behind_the_line_is_shown_what_was_missed(place: Callable[..., Place]) -> None:
    line = place(10)
    for number in range(3):
        line.leaves(number)
    stale = Mover(10, TEMPLATE, seat(outlet := KeptOutlet()), 10, 10, 270, None)
    line.moves.add(stale, line.line)
    await line.rest()
    assert outlet.messages == [b"7 6 180 13"]


async def test_nobody_waits_for_a_whole_round(place: Callable[..., Place]) -> None:
    """Counted, not timed: between two turns of the loop at most so many messages go out."""
    line = place(500)
    for number in range(1, 500):
        line.park(number)
    line.leaves(0)
    line.changed()
    sent: list[int] = []
    turning = True

    async def turn() -> None:
        while turning:
            sent.append(len(line.log))
            await asyncio.sleep(0)

    turns = asyncio.create_task(turn())
    await line.rest()
    turning = False
    await turns
    assert len(line.log) == 499
    steps = [after - before for before, after in pairwise(sent)]
    assert max(steps) <= SENDS_AT_ONCE
    assert sum(step > 0 for step in steps) >= 499 // SENDS_AT_ONCE


@pytest.mark.parametrize("parked", [100, 600], ids=["looked up", "walked to"])
async def test_who_leaves_while_a_round_goes_on_is_sent_nothing_of_it(place: Callable[..., Place], parked: int) -> None:
    """What a round has looked up is old for whoever was resumed since: it has shown a newer state, or has ended."""
    line = place(4_000)
    for number in range(100, 100 + parked):
        line.park(number)
    line.leaves(0)
    line.changed()
    steps = line.moves._round()
    next(steps)
    shown = [number for number, _ in line.log]
    for number in set(line.movers) - set(shown):
        line.moves.discard(line.movers[number])
    for _ in steps:
        pass
    assert shown == list(range(100, 100 + len(shown)))
    assert 0 < len(shown) <= SENDS_AT_ONCE
    assert [number for number, _ in line.log] == shown


async def test_who_left_is_sent_nothing_and_forgotten(place: Callable[..., Place]) -> None:
    line = place(10)
    gone, stays = line.park(8), line.park(9)
    line.leaves(0)
    line.changed()
    line.moves.discard(gone)
    await line.rest()
    assert [number for number, _ in line.log] == [9]
    line.moves.discard(gone)
    line.moves.discard(stays)
    assert (line.moves._count, line.moves._movers, line.moves._due) == (0, {}, {})


async def test_a_coarse_feed_far_from_the_head_is_shown_fewer_moves(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paces, "LONGEST_HELD_SECONDS", 0.05)
    line = place(60)
    line.park(59, Pace(5, None))
    line.park(9, Pace(5, None))
    for number in range(4):
        line.leaves(number)
        line.changed()
        await line.rest()
    assert [number for number, _ in line.log if number == 9] == [9] * 4, "exact near the head"
    held = [text for number, text in line.log if number == 59]
    assert len(held) < 4
    # What is held back is shown in time, without another change.
    await eventually(lambda: line.last(59) == line.frame(59))


async def test_at_most_so_many_moves_a_second_and_the_newest_last(place: Callable[..., Place]) -> None:
    line = place(60)
    line.park(59, Pace(1, 10.0))
    for number in range(20):
        line.leaves(number)
        line.changed()
        await line.rest()
    assert len(line.log) < 20
    await eventually(lambda: line.last(59) == line.frame(59))
    assert line.movers[59].timer is None
