"""Who has moved up to the front, and small functions of texts and addresses."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from app.core.errors import InvalidInput
from app.notifications.rules import LineMove, Move, Placed, language_tag, languages, moved_up, without_address
from app.queues.disciplines import Rank

NAMESPACE = UUID(int=0)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOINED, LEFT, MOVED = Move.ENTERED, Move.LEFT, Move.RANK_CHANGED


def who(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def rank(place: int, priority: int = 0) -> Rank:
    return Rank(-priority, NOON, place)


def told(front: dict[str, int | Rank], *log: tuple[Move, str, int | Rank]) -> set[str]:
    """Names told; the front by name and rank, the log in order."""
    placed = [Placed(who(name), place if isinstance(place, Rank) else rank(place)) for name, place in front.items()]
    moves = [
        LineMove(revision, move, who(name), place if isinstance(place, Rank) else rank(place))
        for revision, (move, name, place) in enumerate(log, start=100)
    ]
    names = {who(name): name for name in [*front, *(name for _, name, _ in log)]}
    return {names[id] for id in moved_up(placed, reversed(moves))}


FIVE = [(JOINED, name, place) for place, name in enumerate("abcde", start=1)]


def test_the_fifth_is_told_when_the_first_is_called_and_the_others_who_saw_it_on_joining_are_not() -> None:
    assert told({"b": 2, "c": 3, "d": 4, "e": 5}, *FIVE, (LEFT, "a", 1)) == {"e"}


def test_nobody_is_told_before_anything_moves() -> None:
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}, *FIVE) == set()


def test_each_who_moved_up_in_a_burst_is_told() -> None:
    six = [*FIVE, (JOINED, "f", 6), (JOINED, "g", 7)]
    assert told({"d": 4, "e": 5, "f": 6, "g": 7}, *six, *((LEFT, name, 1) for name in "abc")) == {"e", "f", "g"}


def test_somebody_behind_the_first_four_is_not_looked_at() -> None:
    assert told({"b": 2, "c": 3, "d": 4, "e": 5, "f": 6}, *FIVE, (JOINED, "f", 6), (LEFT, "a", 1)) == {"e"}


def test_who_entered_before_the_log_reaches_back_is_told_on_moving_up_but_not_if_too_few_were_ahead() -> None:
    assert told({"b": 2, "c": 3, "d": 4, "e": 5}, (LEFT, "a", 1)) == {"e"}
    assert told({"b": 2, "c": 3, "d": 4}, (LEFT, "a", 1)) == set()


def test_who_came_later_and_was_called_sooner_was_never_ahead_at_the_start() -> None:
    vip = rank(6, priority=5)
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}, *FIVE[:4], (JOINED, "vip", vip), (LEFT, "vip", vip)) == set()
    # Four were ahead of e when it joined, the fifth came and went.
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}, *FIVE, (JOINED, "vip", vip), (LEFT, "vip", vip)) == set()


def test_who_leaves_from_behind_moves_nobody_up() -> None:
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}, *FIVE, (LEFT, "e", 5)) == set()


def test_somebody_ahead_who_steps_back_moves_the_others_up() -> None:
    assert told({"b": 2, "c": 3, "d": 4, "e": 5}, *FIVE, (MOVED, "a", 6)) == {"e"}
    # Where a stood is no longer known: rather told once too often than never.
    assert told({"b": 2, "c": 3, "d": 4, "e": 5}, (MOVED, "a", 6)) == {"e"}
    # Stepping back behind somebody, from behind them already, is nothing to them.
    assert told({"a": 1, "b": 2, "c": 3, "e": 5}, *FIVE, (LEFT, "d", 4), (MOVED, "e", 7)) == set()


def test_who_stepped_back_takes_a_new_place_and_is_told_when_it_comes_near() -> None:
    stepped = [*FIVE, (JOINED, "f", 6), (MOVED, "a", 7)]
    assert told({"b": 2, "c": 3, "d": 4, "e": 5}, *stepped) == {"e"}
    assert told({"d": 4, "e": 5, "f": 6, "a": 7}, *stepped, (LEFT, "b", 2), (LEFT, "c", 3)) == {"e", "f", "a"}


def test_who_is_put_forward_by_staff_is_told() -> None:
    assert told({"e": rank(6, 5), "a": 1, "b": 2, "c": 3}, *FIVE, (MOVED, "e", rank(6, 5))) == {"e"}


def test_coming_back_into_the_line_is_a_new_start() -> None:
    returned = [*FIVE, (LEFT, "a", 1), (JOINED, "a", 1)]
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}, *returned) == set()
    assert told({"c": 3, "d": 4, "e": 5, "a": 6}, *FIVE, (LEFT, "a", 1), (JOINED, "a", 6), (LEFT, "b", 2)) == {"e", "a"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("de-CH", "fr", "en"), ["de-CH", "de", "fr", "en"]),
        (("EN-gb", "en", "en"), ["en-GB", "en"]),
        ((None, "zh-hant-tw", "en"), ["zh-Hant-TW", "zh-Hant", "zh", "en"]),
    ],
)
def test_languages_are_looked_for_from_the_most_exact_one(wanted: tuple[str | None, ...], found: list[str]) -> None:
    assert languages(*wanted) == found


@pytest.mark.parametrize("tag", ["", "e", "english language", "de_DE", "de-", "../en"])
def test_what_is_no_language_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInput):
        language_tag(tag)


def test_an_address_is_masked_also_in_a_servers_words() -> None:
    answer = "550 5.1.1 <Anna@Example.com>: no such user anna@example.com"
    assert without_address(answer, "Anna@Example.com") == "550 5.1.1 <A***@Example.com>: no such user A***@Example.com"
