"""The rush's checker sees what it is to see: a sound rush, and the same with one thing wrong in it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.rush.checker import Acknowledged, Entered, Event, Limits, Observed, _entries, check

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
PEOPLE, CLAIM = 150, timedelta(seconds=25)
LIMITS = Limits(rate_per_minute=60, max_concurrent_users=20, claim_seconds=25.0)


@dataclass
class Rush:
    """A log, and what visitors were told."""

    events: list[Event]
    acknowledged: list[Acknowledged]
    observed: list[Observed]

    def broken(self, limits: Limits = LIMITS) -> list[str]:
        return check(self.events, self.acknowledged, self.observed, limits).broken


class _Making:
    """A toy of the queue: sessions in a list, and an event for whatever happens."""

    def __init__(self) -> None:
        self.rush = Rush([], [], [])
        self.sessions: list[dict[str, Any]] = []
        self.at = START

    def tell(self, type: str, session: dict[str, Any], at: datetime) -> None:
        self.at = max(at, self.at + timedelta(microseconds=1))
        counts = [sum(one["status"] == status for one in self.sessions) for status in ("WAITING", "CALLED")]
        line = {"waiting_count": counts[0], "called_count": counts[1], "serving_count": 0}
        data = {"line": line, "session": dict(session)}
        self.rush.events.append(Event(len(self.rush.events) + 1, type, self.at, data))

    def place(self, session: dict[str, Any]) -> int:
        return 1 + sum(one["status"] == "WAITING" for one in self.sessions[: self.sessions.index(session)])

    @property
    def revision(self) -> int:
        return len(self.rush.events)


def _sound() -> Rush:
    """150 join in 3 s; one is released a second while at most 20 are inside, each for 25 s."""
    making = _Making()
    for number in range(PEOPLE):
        at = START + timedelta(seconds=number * 0.02)
        session = {
            "id": f"s{number}",
            "ticket_number": f"A{number:03}",
            "status": "WAITING",
            "rank_class": 0,
            "rank_time": at.isoformat(),
            "rank_sequence": number,
        }
        making.sessions.append(session)
        making.tell("SESSION_JOINED", session, at)
        told = Acknowledged(
            f"k{number}", session["id"], session["ticket_number"], making.place(session), making.revision
        )
        making.rush.acknowledged.append(told)
    inside: list[tuple[datetime, dict[str, Any]]] = []
    for second in range(4, 140):
        now = START + timedelta(seconds=second)
        while inside and inside[0][0] <= now:
            _, over = inside.pop(0)
            over["status"] = "NO_SHOW"
            making.tell("SESSION_NO_SHOW", over, now)
        if len(inside) < LIMITS.max_concurrent_users:
            session = next(one for one in making.sessions if one["status"] == "WAITING")
            session["status"], session["called_at"] = "CALLED", now.isoformat()
            making.tell("SESSION_RELEASED", session, now)
            inside.append((now + CLAIM, session))
        for watched in making.sessions[100:103]:
            position = making.place(watched) if watched["status"] == "WAITING" else 0
            if watched["status"] in ("WAITING", "CALLED"):
                making.rush.observed.append(Observed(watched["id"], position, making.revision))
    return making.rush


SOUND = _sound()


def test_a_sound_rush_is_sound() -> None:
    verdict = check(SOUND.events, SOUND.acknowledged, SOUND.observed, LIMITS)
    assert verdict.broken == []
    assert (verdict.joined, verdict.most_inside) == (PEOPLE, 20)
    assert verdict.most_in_a_minute <= 60 <= verdict.released
    assert verdict.places_checked == PEOPLE + len(SOUND.observed)
    assert len(verdict.refills) > 50, "the cap was met"
    assert max(verdict.refills) < 0.001


def _event(rush: Rush, type: str, number: int = 0) -> Event:
    return [event for event in rush.events if event.type == type][number]


def _swap(rush: Rush) -> None:
    """Two releases exchange their sessions."""
    one, other = _event(rush, "SESSION_RELEASED", 3), _event(rush, "SESSION_RELEASED", 4)
    one.data["session"], other.data["session"] = other.data["session"], one.data["session"]  # type: ignore[index]


def _drop(rush: Rush, number: int) -> None:
    """An event was never written, and those behind it took its number."""
    del rush.events[number]
    rush.events[number:] = [replace(event, revision=event.revision - 1) for event in rush.events[number:]]


def _burst(rush: Rush) -> None:
    """Ten releases come within a tenth of a second."""
    numbers = [number for number, event in enumerate(rush.events) if event.type == "SESSION_RELEASED"][:12]
    at = rush.events[numbers[0]].occurred_at
    for step, number in enumerate(range(numbers[0], numbers[-1])):
        rush.events[number] = replace(rush.events[number], occurred_at=at + timedelta(milliseconds=step))


def _put_back(rush: Rush) -> None:
    event = _event(rush, "SESSION_NO_SHOW", 2)
    event.data["session"]["status"] = "WAITING"
    event.data["line"]["waiting_count"] += 1


def _overtake(rush: Rush) -> None:
    _event(rush, "SESSION_JOINED", 50).data["session"]["rank_time"] = START.isoformat()


def _acknowledge(rush: Rush, number: int, **values: Any) -> None:
    rush.acknowledged[number] = replace(rush.acknowledged[number], **values)


def _see(rush: Rush, number: int, **values: Any) -> None:
    rush.observed[number] = replace(rush.observed[number], **values)


BUGS: dict[str, tuple[str, Callable[[Rush], None]]] = {
    "a join was acknowledged and lost": ("is not in the log", lambda rush: _acknowledge(rush, 7, session_id="s999")),
    "a join is not in the log": ("never joined", lambda rush: _drop(rush, 7)),
    "an event is missing": ("where 31 should be", lambda rush: rush.events.pop(30) and None),
    "a join nobody was told of": ("of whom nobody was told", lambda rush: rush.acknowledged.pop(9) and None),
    "one place for two": (
        "was given to 2",
        lambda rush: _acknowledge(rush, 8, session_id="s7", ticket_number="A007", position=8, revision=8),
    ),
    "two places for one": ("has two places", lambda rush: _acknowledge(rush, 8, key="k7")),
    "another ticket": ("joined as", lambda rush: _acknowledge(rush, 8, ticket_number="A777")),
    "a wrong position in the answer": ("was told 3", lambda rush: _acknowledge(rush, 8, position=3)),
    "a wrong position on the way": ("was told 99", lambda rush: _see(rush, 0, position=99)),
    "a position that grew": ("was shown position", lambda rush: _see(rush, 6, position=100, revision=150)),
    "an older revision after a newer": ("was shown revision", lambda rush: _see(rush, 60, revision=150)),
    "not in the order of joining": ("somebody was before them", _swap),
    "somebody was put before others": ("who had joined earlier", _overtake),
    "somebody came back into the line": ("was put back", _put_back),
    "released twice": (
        "was released while CALLED",
        lambda rush: (
            _event(rush, "SESSION_RELEASED", 5)
            .data["session"]
            .update(_event(rush, "SESSION_RELEASED", 4).data["session"])
        ),
    ),
    "counts that lie": (
        "but it is otherwise",
        lambda rush: _event(rush, "SESSION_RELEASED", 5).data["line"].update(called_count=1),
    ),
    "times that run backwards": (
        "not later than the one before",
        lambda rush: rush.events.__setitem__(20, replace(rush.events[20], occurred_at=START)),
    ),
    "a place that was taken away too early": (
        "before the claim window was over",
        lambda rush: (
            _event(rush, "SESSION_NO_SHOW", 2)
            .data["session"]
            .update(called_at=(_event(rush, "SESSION_NO_SHOW", 2).occurred_at - CLAIM / 2).isoformat())
        ),
    ),
    "a burst": ("more than 1 a second allow", _burst),
}


@pytest.mark.parametrize("bug", BUGS)
def test_what_is_wrong_is_seen(bug: str) -> None:
    says, put_in = BUGS[bug]
    rush = deepcopy(SOUND)
    put_in(rush)
    assert any(says in what for what in rush.broken()), rush.broken()


def test_one_more_inside_or_in_a_minute_than_allowed_is_seen() -> None:
    most = check(SOUND.events, SOUND.acknowledged, SOUND.observed, LIMITS).most_in_a_minute
    assert any("are inside where 19 may be" in what for what in SOUND.broken(replace(LIMITS, max_concurrent_users=19)))
    assert any("in the 60 s up to" in what for what in SOUND.broken(replace(LIMITS, rate_per_minute=most - 1)))


def test_a_token_of_two_places_and_an_entry_that_did_not_happen_are_seen() -> None:
    session = {"id": "s0"}
    line = {"waiting_count": PEOPLE, "called_count": 0, "serving_count": 0}
    entry = Event(
        len(SOUND.events) + 1, "SESSION_ENTERED", SOUND.events[-1].occurred_at, {"line": line, "session": session}
    )

    def broken(*entered: Entered) -> list[str]:
        return list(_entries([*SOUND.events, entry], entered))

    assert broken(Entered("s0", "one")) == []
    assert "one token" in broken(Entered("s0", "one"), Entered("s1", "one"))[0]
    assert "entered 0 times" in broken(Entered("s1", "two"))[0]
