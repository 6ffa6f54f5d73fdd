"""Coarser updates, as a function of the time."""

import pytest

from app.core.errors import BadInput
from app.sessions.pace import LONGEST_HELD_SECONDS, NEAR_THE_HEAD, Pace


def test_every_move_is_shown_unless_asked_otherwise() -> None:
    assert Pace.of(None, None) is None
    assert Pace.of(1, None) is None
    assert Pace.of(2, None) is not None
    assert Pace.of(None, 1.0) is not None


@pytest.mark.parametrize("given", [(0, None), (-1, None), (1_000_001, None), (None, 0.0), (None, 0.09), (None, 1001.0)])
def test_outside_of_the_limits_is_bad_input(given: tuple[int | None, float | None]) -> None:
    with pytest.raises(BadInput):
        Pace.of(*given)


def test_a_step_that_is_too_small_waits_but_not_for_ever() -> None:
    pace = Pace(10, None)
    assert pace.wait(100.0, 500, 495) == LONGEST_HELD_SECONDS
    assert pace.wait(104.0, 500, 491) == LONGEST_HELD_SECONDS - 4
    assert pace.wait(104.0, 500, 490) == 0
    assert pace.wait(104.0, 500, 510) == 0
    assert pace.wait(100.0 + LONGEST_HELD_SECONDS, 500, 499) == 0
    pace.shown(120.0)
    assert pace.wait(121.0, 499, 498) == LONGEST_HELD_SECONDS


def test_so_many_a_second() -> None:
    pace = Pace(1, 4.0)
    assert pace.wait(100.0, 500, 499) == 0
    pace.shown(100.0)
    assert pace.wait(100.1, 499, 400) == pytest.approx(0.15)
    assert pace.wait(100.25, 499, 400) == 0


def test_near_the_head_and_at_first_everything_is_shown() -> None:
    pace = Pace(1_000, 0.1)
    pace.shown(100.0)
    assert pace.wait(100.0, NEAR_THE_HEAD + 2, NEAR_THE_HEAD + 1) > 0
    assert pace.wait(100.0, NEAR_THE_HEAD + 1, NEAR_THE_HEAD) == 0
    assert pace.wait(100.0, NEAR_THE_HEAD, NEAR_THE_HEAD + 5) == 0
    assert pace.wait(100.0, None, 5_000) == 0
