"""The line in memory against a naive one: random events, and after each the same order, places and counters."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from app.queues.disciplines import SEQUENCE_STEP, Rank, Standing, rank_of
from app.queues.events import LineState, QueueEventType
from app.queues.models import QueueDiscipline, QueueStatus
from app.sessions.events import SessionState
from app.sessions.line import Line, LineEventData, read_event
from app.sessions.models import SessionStatus

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
STATE = LineState(QueueStatus.ACTIVE, 0, 0, 0, 0, 2, 60.0)


def state(id: UUID, rank: Rank, **values: Any) -> SessionState:
    """A waiting session, or another one."""
    given = {
        "id": id,
        "ticket_number": f"T{id.int % 1000:03d}",
        "status": SessionStatus.WAITING,
        "priority": 0,
        "party_size": 1,
        "rank_class": rank.rank_class,
        "rank_time": rank.rank_time,
        "rank_sequence": rank.sequence,
        "joined_at": START,
        "call_count": 0,
    }
    rest = dict.fromkeys(SessionState.__dataclass_fields__.keys() - given.keys())
    return SessionState(**(given | rest | values))


def event(revision: int, type: QueueEventType, session: SessionState | None) -> LineEventData:
    """An event, through its stored form and back."""
    data: dict[str, Any] = {"line": asdict(STATE)}
    if session is not None:
        data["session"] = asdict(session)
    stored: Mapping[str, Any] = orjson.loads(orjson.dumps(data))
    return read_event(revision, type.value, START, stored)


class LineAgainstAList(RuleBasedStateMachine):
    """Applies any sequence of legal events to a `Line` and to a dictionary sorted when asked."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.model: dict[UUID, SessionState] = {}
        self.sequence = 0
        self.seconds = 0

    def _apply(self, type: QueueEventType, session: SessionState | None) -> None:
        read = event(self.line.revision + 1, type, session)
        assert read.session == session, "what was stored is what is read"
        self.line.apply(read)
        if session is not None:
            if type is QueueEventType.SESSION_TRANSFERRED_OUT:
                del self.model[session.id]
            else:
                self.model[session.id] = session

    def _change(self, id: UUID, type: QueueEventType, **values: Any) -> None:
        self._apply(type, state(id, _rank(self.model[id]), **(_kept(self.model[id]) | values)))

    def _fresh_rank(self, rank_class: int, back_seconds: int) -> Rank:
        self.sequence += 1
        return Rank(rank_class, START + timedelta(seconds=self.seconds - back_seconds), self.sequence)

    @rule(target=known, rank_class=st.integers(-2, 0), back=st.integers(0, 5), passed=st.integers(0, 2))
    def joins(self, rank_class: int, back: int, passed: int) -> UUID:
        self.seconds += passed
        id = uuid4()
        self._apply(QueueEventType.SESSION_JOINED, state(id, self._fresh_rank(rank_class, back)))
        return id

    @rule(id=known, rank_class=st.integers(-2, 0), back=st.integers(0, 9))
    def gets_another_place(self, id: UUID, rank_class: int, back: int) -> None:
        rank = self._fresh_rank(rank_class, back)
        kept = _kept(self.model[id]) | {"rank_class": rank.rank_class, "rank_time": rank.rank_time}
        self._apply(QueueEventType.SESSION_PRIORITY_CHANGED, state(id, rank, **kept | {"rank_sequence": rank.sequence}))

    @rule(id=known)
    def is_held_or_unheld(self, id: UUID) -> None:
        held = self.model[id].held_at is None
        self._change(
            id,
            QueueEventType.SESSION_HELD if held else QueueEventType.SESSION_UNHELD,
            held_at=START if held else None,
        )

    @rule(id=known)
    def is_called(self, id: UUID) -> None:
        self.seconds += 1
        self._change(
            id,
            QueueEventType.SESSION_CALLED,
            status=SessionStatus.CALLED,
            held_at=None,
            called_at=START + timedelta(seconds=self.seconds),
            counter_id=uuid4(),
            counter_name="1",
        )

    @rule(id=known)
    def returns(self, id: UUID) -> None:
        self._change(id, QueueEventType.SESSION_RETURNED, status=SessionStatus.WAITING, held_at=None, called_at=None)

    @rule(id=consumes(known), transferred=st.booleans())
    def goes(self, id: UUID, transferred: bool) -> None:
        if transferred:
            self._change(id, QueueEventType.SESSION_TRANSFERRED_OUT)
        else:
            self._change(id, QueueEventType.SESSION_CANCELLED, status=SessionStatus.CANCELLED, ended_at=START)

    @rule(target=known, id=consumes(known))
    def leaves_and_comes_back(self, id: UUID) -> Any:
        self._change(id, QueueEventType.SESSION_TRANSFERRED_OUT)
        self._apply(QueueEventType.SESSION_TRANSFERRED_IN, state(id, self._fresh_rank(0, 3)))
        return multiple(id)

    @rule()
    def something_else_happens(self) -> None:
        self._apply(QueueEventType.QUEUE_PAUSED, None)

    @invariant()
    def agrees(self) -> None:
        in_line = sorted(
            (one for one in self.model.values() if one.status is SessionStatus.WAITING and one.held_at is None),
            key=_rank,
        )
        assert [entry.id for entry in self.line.head(len(self.line) + 1)] == [one.id for one in in_line]
        assert len(self.line) == len(in_line)
        places = {one.id: number for number, one in enumerate(in_line, start=1)}
        for id in [*self.model, uuid4()]:
            place = self.line.place(id)
            if id not in places:
                assert place is None
            else:
                assert place is not None
                ahead = places[id] - 1
                assert (place.position, place.ahead_count) == (places[id], ahead)
                assert place.estimated_wait_seconds == round(ahead * 30)
        at_counters = [one for one in self.model.values() if one.status is SessionStatus.CALLED]
        assert [one.id for one in self.line.at_counters()] == [
            one.id for one in sorted(at_counters, key=lambda one: (one.called_at, one.id), reverse=True)
        ]


def _rank(session: SessionState) -> Rank:
    return Rank(session.rank_class, session.rank_time, session.rank_sequence)


def _kept(session: SessionState) -> dict[str, Any]:
    return {name: getattr(session, name) for name in SessionState.__dataclass_fields__ if name != "id"}


TestLineAgainstAList = LineAgainstAList.TestCase
TestLineAgainstAList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_only_the_next_revision_is_taken() -> None:
    line = Line(revision=4)
    for revision in (4, 6, 3):
        with pytest.raises(ValueError, match="does not follow"):
            line.apply(event(revision, QueueEventType.QUEUE_PAUSED, None))
    assert line.revision == 4
    line.apply(event(5, QueueEventType.QUEUE_PAUSED, None))
    assert line.revision == 5


def test_counts_are_those_of_the_last_event() -> None:
    line = Line()
    line.apply(event(1, QueueEventType.QUEUE_CREATED, None))
    assert line.state == STATE


@pytest.mark.parametrize("discipline", list(QueueDiscipline))
def test_tens_of_thousands_of_events(discipline: QueueDiscipline) -> None:
    """A long line under everything that happens to one: after each event a place, now and then all of them."""
    random, line = Random(discipline.value), Line()
    credits = {priority: 40.0 * priority for priority in range(3)}
    sessions: dict[UUID, SessionState] = {}
    order: list[tuple[Rank, UUID]] = []
    now, longest = START, 0

    def happens(type: QueueEventType, session: SessionState) -> None:
        old = sessions.get(session.id)
        if old is not None and _is_in_line(old):
            del order[bisect_left(order, (_rank(old), old.id))]
        sessions[session.id] = session
        if _is_in_line(session):
            insort(order, (_rank(session), session.id))
        line.apply(event(line.revision + 1, type, session))

    def fresh_rank(priority: int, joined_at: datetime) -> Rank:
        return rank_of(discipline, credits, Standing(priority, joined_at, (line.revision + 1) * SEQUENCE_STEP))

    for step in range(15_000):
        now += timedelta(seconds=random.random())
        # It grows to some 4,000, and shrinks again.
        if len(order) < 2 or random.random() < (0.65 if step < 10_000 else 0.2):
            id, priority = UUID(int=random.getrandbits(128)), random.choice([0, 0, 0, 1, 2])
            happens(QueueEventType.SESSION_JOINED, state(id, fresh_rank(priority, now), priority=priority))
        else:
            id = order[random.choice([0, 0, 0, random.randrange(len(order))])][1]
            who = sessions[id]
            match random.randrange(4):
                case 0:
                    happens(
                        QueueEventType.SESSION_CANCELLED, replace(who, status=SessionStatus.CANCELLED, ended_at=now)
                    )
                case 1:
                    happens(QueueEventType.SESSION_CALLED, replace(who, status=SessionStatus.CALLED, called_at=now))
                case 2:
                    rank = fresh_rank(2, who.joined_at)
                    new = {"rank_class": rank.rank_class, "rank_time": rank.rank_time, "rank_sequence": rank.sequence}
                    happens(QueueEventType.SESSION_PRIORITY_CHANGED, replace(who, priority=2, **new))
                case 3:
                    happens(QueueEventType.SESSION_HELD, replace(who, held_at=now))
                    happens(QueueEventType.SESSION_UNHELD, replace(who, held_at=None))
        assert len(line) == len(order)
        if order:
            ahead = random.randrange(len(order))
            assert line.ahead_count(order[ahead][1].int) == ahead
        if step % 1_000 == 0:
            assert line.in_order() == [id.int for _, id in order]
        longest = max(longest, len(order))
    assert longest > 2_000, "a long line was tried"


def _is_in_line(session: SessionState) -> bool:
    return session.status is SessionStatus.WAITING and session.held_at is None


def test_a_stored_line_goes_on_like_one_from_its_events() -> None:
    told, stored = Line(), Line(revision=40)
    ids = [UUID(int=number) for number in range(40)]
    ranks = [Rank(-(number % 3), START + timedelta(seconds=number // 2), number) for number in range(40)]
    for revision, (id, rank) in enumerate(zip(ids, ranks, strict=True), start=1):
        told.apply(event(revision, QueueEventType.SESSION_JOINED, state(id, rank)))
    people = sorted(zip(ranks, ids, strict=True))
    for start in range(0, 40, 7):
        stored.extend([(id, f"T{id.int:03d}", rank) for rank, id in people[start : start + 7]])
    gone = state(ids[5], ranks[5], status=SessionStatus.CANCELLED, ended_at=START)
    for line in (told, stored):
        assert line.changed_at(ids[7]) == (8 if line is told else 40)
        line.apply(event(41, QueueEventType.SESSION_CANCELLED, gone))
        line.apply(event(42, QueueEventType.SESSION_JOINED, state(UUID(int=99), Rank(-1, START, 99))))
        assert (line.changed_at(UUID(int=99)), line.changed_at(ids[5])) == (42, None)
    assert stored.in_order() == told.in_order()
    assert stored.head(40) == told.head(40)
    assert [stored.place(id) for id in ids] == [told.place(id) for id in ids]


def test_what_cannot_be_read_changes_nothing() -> None:
    """An event of a later release, or nonsense: refused before it is applied."""
    session = asdict(state(uuid4(), Rank(0, START, 1)))
    whole: dict[str, Any] = orjson.loads(orjson.dumps({"line": asdict(STATE), "session": session}))
    for data in (
        {},
        {"session": whole["session"]},
        {**whole, "session": {}},
        {**whole, "session": {**whole["session"], "id": "nobody"}},
        {**whole, "session": {**whole["session"], "rank_time": None}},
        {**whole, "session": {**whole["session"], "status": "CALLED", "counter_id": "there"}},
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            read_event(1, "SESSION_JOINED", START, data)
    with pytest.raises(KeyError):
        read_event(1, "OF_A_LATER_RELEASE", START, whole)
    assert read_event(1, "SESSION_JOINED", START, whole).session == state(session["id"], Rank(0, START, 1))
