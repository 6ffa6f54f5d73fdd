"""Estimated waits: the table of what is known and what is not, and metered lines held against a simulation of them."""

import heapq
from collections.abc import Callable
from random import Random
from statistics import fmean

import pytest

from app.queues.estimates import Outlook, WaitUnknown, metered, outlook
from app.queues.events import LineState, ReleaseLimits
from app.queues.models import QueueStatus

ACTIVE = QueueStatus.ACTIVE


def _staffed(mean: float | None, counters: int) -> Outlook:
    return outlook(LineState(ACTIVE, 9, 0, 0, 0, counters, mean))


def _metered(
    rate: int | None,
    cap: int | None,
    *,
    inside: int = 0,
    stay: float | None = 60.0,
    status: QueueStatus = ACTIVE,
) -> Outlook:
    return metered(status, ReleaseLimits(rate, cap), inside, stay)


def test_a_staffed_line_waits_for_its_counters() -> None:
    line = _staffed(90.0, 2)
    assert [line.wait(ahead) for ahead in (0, 1, 3)] == [0, 45, 135]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (_staffed(None, 2), WaitUnknown.NOBODY_SERVED),
        (_staffed(90.0, 0), WaitUnknown.NO_OPEN_COUNTER),
        (outlook(LineState(QueueStatus.PREQUEUE, 9, 0, 0, 0, 2, 90.0)), WaitUnknown.NOT_RELEASING),
        (_metered(0, 10), WaitUnknown.NOT_RELEASING),
        (_metered(0, None), WaitUnknown.NOT_RELEASING),
        *(
            (_metered(60, 10, status=status), WaitUnknown.NOT_RELEASING)
            for status in (QueueStatus.PAUSED, QueueStatus.MAINTENANCE, QueueStatus.PREQUEUE, QueueStatus.ARCHIVED)
        ),
        (_metered(60, 10, inside=10, stay=None), WaitUnknown.NOBODY_SERVED),
    ],
)
def test_where_it_cannot_be_told_it_says_why(line: Outlook, why: WaitUnknown) -> None:
    assert [line.wait(ahead) for ahead in (0, 1, 1000)] == [why] * 3
    assert line.wait_seconds(0) is None


def test_a_closing_queue_releases_those_who_wait() -> None:
    assert _metered(60, None, status=QueueStatus.CLOSED).wait_seconds(7) == 7


def test_without_a_cap_only_the_rate_counts_whether_or_not_stays_are_known() -> None:
    for stay in (None, 60.0):
        assert [_metered(30, None, stay=stay).wait_seconds(ahead) for ahead in (0, 1, 90)] == [0, 2, 180]


def test_without_rate_and_cap_nobody_waits() -> None:
    assert _metered(None, None).wait_seconds(100_000) == 0


def test_free_places_come_first_and_are_known_before_anybody_has_left() -> None:
    line = _metered(60, 10, inside=7, stay=None)
    assert [line.wait(ahead) for ahead in (0, 2, 3)] == [0, 2, WaitUnknown.NOBODY_SERVED]


def test_a_full_line_moves_as_fast_as_people_leave() -> None:
    # 10 people inside for 60 s each: one leaves every 6 s.
    assert [_metered(None, 10, inside=10).wait_seconds(ahead) for ahead in (0, 9)] == [6, 60]
    # Though they leave so fast, the rate lets one in every 20 s.
    assert [_metered(3, 10, inside=10).wait_seconds(ahead) for ahead in (0, 9)] == [20, 200]


def test_a_cap_that_was_lowered_lets_nobody_in_until_enough_have_left() -> None:
    # e people for each one allowed: they are few enough after one mean stay.
    line = _metered(None, 1000, inside=2718)
    assert line.wait_seconds(0) == 60
    assert line.wait_seconds(999) == 120


def test_waits_never_fall_towards_the_end_of_the_line() -> None:
    random = Random(4)
    for _ in range(300):
        cap = random.choice([None, random.randrange(1, 500)])
        line = _metered(
            random.choice([None, random.randrange(1, 5000)]),
            cap,
            inside=random.randrange(0, 600),
            stay=random.choice([None, random.uniform(0.0, 500.0)]),
        )
        waits = [line.wait_seconds(ahead) for ahead in range(700)]
        known = [wait for wait in waits if wait is not None]
        assert known == sorted(known)
        assert all(wait is None for wait in waits[len(known) :]), "nobody behind one who knows nothing knows more"


def _simulated(rate: int | None, cap: int | None, inside: int, stay: Callable[[], float], people: int) -> list[float]:
    """When each of a line is let in: the queue as it is, event by event, with nothing of the formula in it."""
    leaving = [stay() for _ in range(inside)]
    heapq.heapify(leaving)
    spacing = 0.0 if rate is None else 60.0 / rate
    now, slot, let_in = 0.0, 0.0, []
    for _ in range(people):
        now = max(now, slot)
        while leaving and leaving[0] <= now:
            heapq.heappop(leaving)
        while cap is not None and len(leaving) >= cap:
            now = max(now, heapq.heappop(leaving))
        heapq.heappush(leaving, now + stay())
        let_in.append(now)
        slot = now + spacing
    return let_in


SCENES = {
    "the rush of the proof": (3000, 2000, 0, 60.0),
    "the cap is met at once": (6000, 50, 0, 120.0),
    "the cap is met late": (120, 200, 0, 150.0),
    "never met": (60, 500, 20, 90.0),
    "full from the start": (600, 300, 300, 90.0),
    "full, and the rate is the narrower": (60, 300, 300, 90.0),
    "half full": (1200, 400, 200, 45.0),
    "no rate": (None, 100, 0, 30.0),
    "no cap": (240, None, 10, 30.0),
    "too many inside": (900, 200, 400, 60.0),
}


@pytest.mark.parametrize("scene", SCENES)
def test_estimates_are_what_a_simulation_shows(scene: str) -> None:
    rate, cap, inside, mean = SCENES[scene]
    people, random = 3_000, Random(scene)
    runs = [_simulated(rate, cap, inside, lambda: random.expovariate(1 / mean), people) for _ in range(8)]
    line = _metered(rate, cap, inside=inside, stay=mean)
    for ahead in (0, 1, 10, 50, 100, 199, 400, 1_000, 2_000, 2_999):
        simulated = fmean(run[ahead] for run in runs)
        told = line.wait_seconds(ahead)
        assert told is not None
        # A twentieth of the wait, or a few seconds of luck where the wait is short.
        assert abs(told - simulated) <= max(0.05 * simulated, 3.0), (
            f"{ahead} ahead: {told} told, {simulated:.1f} waited"
        )
