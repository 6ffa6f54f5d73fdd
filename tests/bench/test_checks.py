"""The checkers of the benchmarks notice servers that are wrong: no figure may come from one."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from app.core.ids import encode
from bench.live.checks import Joined, Stored, WrongServer, answered, check_joins

_BEFORE = 1


def _right() -> tuple[list[Joined], Stored]:
    """Four answers, stored behind somebody who had joined before; the queue was created by revision 1."""
    line = [Joined(uuid4(), f"A{place:03}", place, place + 1) for place in range(1, 6)]
    stored = Stored(line, serials=range(1, 6), revisions=range(1, 7), revision=6, waiting_count=5)
    # As of a later revision than its own join: nobody has left, so the position is the same.
    return [*line[1:4], replace(line[4], revision=6)], stored


def test_what_is_right_is_let_through() -> None:
    check_joins(*_right(), before=_BEFORE)


def test_an_answer_that_was_not_stored() -> None:
    answers, stored = _right()

    with pytest.raises(WrongServer, match="answered and not stored: A006"):
        check_joins([*answers, Joined(uuid4(), "A006", 6, 6)], stored, before=_BEFORE)


def test_a_row_nobody_was_told_of() -> None:
    answers, stored = _right()

    with pytest.raises(WrongServer, match="5 rows for 1 \\+ 3 answers"):
        check_joins(answers[1:], stored, before=_BEFORE)


def test_one_session_answered_to_two() -> None:
    answers, stored = _right()

    with pytest.raises(WrongServer, match="1 sessions were answered twice; 1 tickets were given out twice"):
        check_joins([*answers[:-1], answers[0]], stored, before=_BEFORE)


def test_a_ticket_that_was_given_out_twice() -> None:
    answers, stored = _right()
    wrong = replace(answers[1], ticket_number=answers[0].ticket_number)

    with pytest.raises(WrongServer, match="1 tickets were given out twice; answered A002 at 3, stored A003 at 3"):
        check_joins([answers[0], wrong, *answers[2:]], stored, before=_BEFORE)


def test_a_position_that_is_not_the_one_in_line() -> None:
    answers, stored = _right()
    wrong = replace(answers[0], position=1)

    with pytest.raises(WrongServer, match="answered A002 at 1, stored A002 at 2"):
        check_joins([wrong, *answers[1:]], stored, before=_BEFORE)


@pytest.mark.parametrize("revision", [2, 7])
def test_an_answer_from_before_its_join_or_from_the_future(revision: int) -> None:
    answers, stored = _right()
    wrong = replace(answers[0], revision=revision)

    with pytest.raises(WrongServer, match=f"A002 was answered as of revision {revision}, joined at 3"):
        check_joins([wrong, *answers[1:]], stored, before=_BEFORE)


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ({"serials": [1, 2, 3, 5, 6]}, "the tickets are not gapless in the order of the line"),
        ({"serials": [1, 3, 2, 4, 5]}, "the tickets are not gapless in the order of the line"),
        ({"revisions": [1, 2, 3, 4, 6]}, "the log is not gapless up to revision 6"),
        ({"revisions": [1, 2, 3, 3, 4, 5, 6]}, "the log is not gapless up to revision 6"),
        ({"waiting_count": 4}, "the line counts 4, 5 wait"),
    ],
)
def test_tables_that_cannot_be(spoilt: dict[str, object], message: str) -> None:
    answers, stored = _right()

    with pytest.raises(WrongServer, match=message):
        check_joins(answers, replace(stored, **spoilt), before=_BEFORE)  # type: ignore[arg-type]


def test_a_log_in_another_order_than_the_line() -> None:
    answers, stored = _right()
    line = list(stored.sessions)
    line[2], line[3] = replace(line[2], revision=line[3].revision), replace(line[3], revision=line[2].revision)

    with pytest.raises(WrongServer, match="the log has another order than the line"):
        check_joins(answers, replace(stored, sessions=line), before=_BEFORE)


@pytest.mark.parametrize("wrong", [{"aheadCount": 5}, {"sessionToken": ""}])
def test_an_answer_that_contradicts_itself(wrong: dict[str, object]) -> None:
    session = {"id": encode("Session", UUID(int=1), UUID(int=2)), "ticketNumber": "A001", "position": 5, "revision": 7}
    value = {"sessionToken": "token", "session": session | {"aheadCount": 4}}
    assert answered(value) == Joined(UUID(int=2), "A001", 5, 7)
    spoilt = {**value, "sessionToken": wrong.get("sessionToken", "token"), "session": {**value["session"], **wrong}}

    with pytest.raises(WrongServer, match="an answer that cannot be"):
        answered(spoilt)
