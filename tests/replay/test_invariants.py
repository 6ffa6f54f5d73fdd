"""The checks of the replay: silent on every honest log, and each finds the lie it is there for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.replay.invariants import INVARIANTS, Answer, Evidence, Summary, Update, check_all
from app.replay.log import AT_COUNTER, Line, LogEvent
from tests.replay.bank import Bank

HONEST = Bank(seed=1).run(400)


def broken(evidence: Evidence) -> set[str]:
    return {name for name, found in check_all(evidence).items() if found}


@given(st.integers(0, 2**32), st.integers(1, 120))
def test_an_honest_log_breaks_nothing(seed: int, steps: int) -> None:
    assert broken(Bank(seed).run(steps)) == set()


def test_a_log_that_stops_in_the_middle_is_honest_when_the_run_was_stopped() -> None:
    cut = len(HONEST.events) // 2
    revision = HONEST.events[cut - 1].revision
    middle = replace(
        HONEST,
        events=HONEST.events[:cut],
        updates=[update for update in HONEST.updates if update.revision <= revision],
        summaries=HONEST.summaries[:cut],
        answers=HONEST.answers[: cut - 1],
    )
    assert broken(replace(middle, finished=False)) == set()
    assert broken(middle) == {"everybody_accounted_for"}


# The corruptions. Each takes the honest log and tells one lie, renumbering where the lie is not about numbers.


def index(type_: str, at: float = 0.5, also: Callable[[LogEvent], bool] = lambda event: True) -> int:
    found = [place for place, event in enumerate(HONEST.events) if event.type == type_ and also(event)]
    return found[int(len(found) * at)]


def with_events(events: list[LogEvent], *, renumber: bool = False) -> Evidence:
    if renumber:
        # Feeds carry revisions; without them the lie about the line stands alone.
        events = [replace(event, revision=number) for number, event in enumerate(events, start=1)]
        return replace(HONEST, events=events, updates=[], summaries=[])
    return replace(HONEST, events=events)


def changed(place: int, **changes: object) -> Evidence:
    events = list(HONEST.events)
    events[place] = replace(events[place], **changes)  # type: ignore[arg-type]
    return with_events(events)


def gap() -> Evidence:
    place = index("QUEUE_CREATED")
    return replace(
        HONEST,
        events=[replace(event, revision=event.revision + (at > place)) for at, event in enumerate(HONEST.events)],
    )


def twice_the_same_revision() -> Evidence:
    place = index("SESSION_STARTED")
    return with_events([*HONEST.events[:place], HONEST.events[place - 1], *HONEST.events[place:]])


def time_runs_back() -> Evidence:
    place = index("SESSION_STARTED")
    return changed(place, occurred_at=HONEST.events[place].occurred_at - timedelta(hours=1))


def retold_ticket(place: int, ticket: str) -> Evidence:
    """Rename a ticket wherever its session is mentioned, so that only the number itself is wrong."""
    session = HONEST.events[place].session_id
    events = [replace(event, ticket_number=ticket) if event.session_id == session else event for event in HONEST.events]
    answers = [
        replace(answer, ticket_number=ticket) if answer.session_id == session else answer for answer in HONEST.answers
    ]
    return replace(HONEST, events=events, answers=answers)


def duplicate_ticket() -> Evidence:
    first, second = index("SESSION_JOINED", 0.3), index("SESSION_JOINED", 0.6)
    return retold_ticket(second, str(HONEST.events[first].ticket_number))


def left_out_ticket() -> Evidence:
    last = index("SESSION_JOINED", 0.999)
    return retold_ticket(last, "R999")


def ticket_that_is_none() -> Evidence:
    return retold_ticket(index("SESSION_JOINED"), "next!")


def double_call() -> Evidence:
    place = index("SESSION_CALLED")
    again = replace(HONEST.events[place], counter_name="counter 9")
    return with_events([*HONEST.events[: place + 1], again, *HONEST.events[place + 1 :]], renumber=True)


def overtaking() -> Evidence:
    """Two people who wait at the same time are called in the wrong order: the calls are swapped."""
    line = Line()
    calls = [place for place, event in enumerate(HONEST.events) if event.type == "SESSION_CALLED"]
    for place, event in enumerate(HONEST.events):
        if event.type == "SESSION_CALLED":
            later = next((other for other in calls if other > place), None)
            if later is not None:
                other = HONEST.events[later]
                waits = line.statuses.get(str(other.session_id)) == "WAITING"
                nobody_moves = all(
                    between.session_id not in (event.session_id, other.session_id)
                    for between in HONEST.events[place + 1 : later]
                )
                if waits and nobody_moves:
                    events = list(HONEST.events)
                    events[place] = replace(event, session_id=other.session_id, ticket_number=other.ticket_number)
                    events[later] = replace(other, session_id=event.session_id, ticket_number=event.ticket_number)
                    # They are then served where they were called to.
                    counters = {other.session_id: event.counter_name, event.session_id: other.counter_name}
                    events = [
                        replace(one, counter_name=counters.get(one.session_id, one.counter_name))
                        if one.counter_name
                        else one
                        for one in events
                    ]
                    return with_events(events, renumber=True)
        line.apply(event)
    raise AssertionError("the honest log has nobody to overtake")


def rank(place: int, **data: object) -> Evidence:
    event = HONEST.events[place]
    return changed(place, session={**event.session, **data})


def credit_not_given() -> Evidence:
    place = index("SESSION_JOINED", also=lambda event: event.session["priority"] == 2)
    return rank(place, rankTime=HONEST.events[place].occurred_at.isoformat())


def credit_for_nothing() -> Evidence:
    place = index("SESSION_JOINED", also=lambda event: event.session["priority"] == 0)
    return rank(place, rankTime=(HONEST.events[place].occurred_at - timedelta(seconds=5)).isoformat())


def sequence_runs_back() -> Evidence:
    return rank(index("SESSION_JOINED"), rankSequence=0)


def class_by_priority() -> Evidence:
    return rank(index("SESSION_JOINED"), rankClass=-1)


def rank_is_missing() -> Evidence:
    return changed(index("SESSION_JOINED"), session={"priority": 1})


def without(type_: str) -> Evidence:
    place = index(type_)
    return with_events([*HONEST.events[:place], *HONEST.events[place + 1 :]], renumber=True)


def served_after_hanging_up() -> Evidence:
    cancelled = HONEST.events[index("SESSION_CANCELLED")]
    ghost = replace(cancelled, type="SESSION_STARTED", counter_name="counter 9")
    done = replace(cancelled, type="SESSION_COMPLETED", counter_name="counter 9")
    return with_events([*HONEST.events, ghost, done], renumber=True)


def lost() -> Evidence:
    """The last service never ends."""
    return replace(without_last("SESSION_COMPLETED"), answers=[])


def without_last(type_: str) -> Evidence:
    place = index(type_, 0.999)
    return with_events([*HONEST.events[:place], *HONEST.events[place + 1 :]], renumber=True)


def two_at_one_counter() -> Evidence:
    """Somebody is called to a counter where another one still is."""
    holds: dict[str, str] = {}
    for event in HONEST.events:
        taken = [counter for counter, session in holds.items() if session != event.session_id]
        if event.type == "SESSION_CALLED" and taken:
            session = event.session_id
            events = [
                replace(other, counter_name=taken[0]) if other.session_id == session and other.counter_name else other
                for other in HONEST.events
            ]
            return with_events(events)
        if event.status in AT_COUNTER:
            holds[str(event.counter_name)] = str(event.session_id)
        elif event.session_id is not None:
            holds = {counter: session for counter, session in holds.items() if session != event.session_id}
    raise AssertionError("the honest log has no counter that is taken")


def one_at_two_counters() -> Evidence:
    return changed(index("SESSION_STARTED"), counter_name="counter 9")


def at_no_counter() -> Evidence:
    return changed(index("SESSION_CALLED"), counter_name=None)


def answered_but_not_logged() -> Evidence:
    return replace(HONEST, answers=[*HONEST.answers, Answer("session 999", "SESSION_JOINED", "R999")])


def answered_with_another_ticket() -> Evidence:
    answers = list(HONEST.answers)
    answers[10] = replace(answers[10], ticket_number="R777")
    return replace(HONEST, answers=answers)


def update(also: Callable[[Update], bool]) -> int:
    return next(place for place, item in enumerate(HONEST.updates) if place > 20 and also(item))


def lied_to(place: int, **changes: object) -> Evidence:
    updates = list(HONEST.updates)
    updates[place] = replace(updates[place], **changes)  # type: ignore[arg-type]
    return replace(HONEST, updates=updates)


def wrong_position() -> Evidence:
    place = update(lambda item: item.position == 2)
    return lied_to(place, position=1, ahead_count=0)


def position_and_ahead_disagree() -> Evidence:
    return lied_to(update(lambda item: item.position == 2), ahead_count=2)


def position_when_called() -> Evidence:
    return lied_to(update(lambda item: item.status == "CALLED"), position=1, ahead_count=0)


def wrong_status() -> Evidence:
    return lied_to(update(lambda item: item.status == "CALLED"), status="SERVING")


def revision_from_the_future() -> Evidence:
    return lied_to(len(HONEST.updates) - 1, revision=10**6)


def feed_goes_back() -> Evidence:
    """A visitor is shown an old state after a newer one; each of them was true in its time."""
    for place, item in enumerate(HONEST.updates):
        newer = next(
            (at for at, other in enumerate(HONEST.updates) if at > place and other.session_id == item.session_id), None
        )
        if newer is not None and item.status == HONEST.updates[newer].status == "WAITING":
            updates = [*HONEST.updates[: newer + 1], item, *HONEST.updates[newer + 1 :]]
            return replace(HONEST, updates=updates)
    raise AssertionError("nobody was shown two states")


def never_told_the_end() -> Evidence:
    last = HONEST.updates[update(lambda item: item.status == "COMPLETED")]
    return replace(HONEST, updates=[item for item in HONEST.updates if item != last])


def alive_again() -> Evidence:
    last = HONEST.updates[update(lambda item: item.status == "COMPLETED")]
    ghost = replace(last, revision=HONEST.events[-1].revision, status="SERVING")
    return replace(HONEST, updates=[*HONEST.updates, ghost])


def wrong_count() -> Evidence:
    place = index("SESSION_CALLED")
    return changed(place, line={**HONEST.events[place].line, "calledCount": 7})


def wrong_summary() -> Evidence:
    summaries = list(HONEST.summaries)
    summaries[50] = replace(summaries[50], waiting_count=summaries[50].waiting_count + 1)
    return replace(HONEST, summaries=summaries)


def summary_goes_back() -> Evidence:
    return replace(HONEST, summaries=[*HONEST.summaries, HONEST.summaries[3]])


def summary_from_the_future() -> Evidence:
    return replace(HONEST, summaries=[*HONEST.summaries, Summary(10**6, 0)])


@pytest.mark.parametrize(
    ("lie", "found_by"),
    [
        (gap, "revisions_gapless"),
        (twice_the_same_revision, "revisions_gapless"),
        (time_runs_back, "times_never_go_back"),
        (duplicate_ticket, "tickets_unique_and_gapless"),
        (left_out_ticket, "tickets_unique_and_gapless"),
        (ticket_that_is_none, "tickets_unique_and_gapless"),
        (double_call, "called_once"),
        (overtaking, "called_in_order"),
        (credit_not_given, "ranks_follow_discipline"),
        (credit_for_nothing, "ranks_follow_discipline"),
        (sequence_runs_back, "ranks_follow_discipline"),
        (class_by_priority, "ranks_follow_discipline"),
        (rank_is_missing, "ranks_follow_discipline"),
        (lambda: without("SESSION_CALLED"), "steps_legal"),
        (lambda: without("SESSION_STARTED"), "steps_legal"),
        (lambda: without("SESSION_JOINED"), "steps_legal"),
        (served_after_hanging_up, "steps_legal"),
        (lost, "everybody_accounted_for"),
        (two_at_one_counter, "one_at_a_counter"),
        (one_at_two_counters, "one_at_a_counter"),
        (at_no_counter, "one_at_a_counter"),
        (answered_but_not_logged, "answers_in_log"),
        (answered_with_another_ticket, "answers_in_log"),
        (wrong_position, "feeds_tell_the_truth"),
        (position_and_ahead_disagree, "feeds_tell_the_truth"),
        (position_when_called, "feeds_tell_the_truth"),
        (wrong_status, "feeds_tell_the_truth"),
        (revision_from_the_future, "feeds_tell_the_truth"),
        (feed_goes_back, "feeds_never_go_back"),
        (alive_again, "feeds_never_go_back"),
        (never_told_the_end, "feeds_reach_the_end"),
        (wrong_count, "counts_follow_the_line"),
        (wrong_summary, "summaries_tell_the_truth"),
        (summary_goes_back, "summaries_tell_the_truth"),
        (summary_from_the_future, "summaries_tell_the_truth"),
    ],
)
def test_each_lie_is_found_by_the_check_that_is_there_for_it(lie: Callable[[], Evidence], found_by: str) -> None:
    assert broken(HONEST) == set()
    assert found_by in broken(lie())


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (overtaking, {"called_in_order"}),
        (duplicate_ticket, {"tickets_unique_and_gapless"}),
        (left_out_ticket, {"tickets_unique_and_gapless"}),
        (time_runs_back, {"times_never_go_back"}),
        (two_at_one_counter, {"one_at_a_counter"}),
        (wrong_position, {"feeds_tell_the_truth"}),
        (feed_goes_back, {"feeds_never_go_back"}),
        (never_told_the_end, {"feeds_reach_the_end"}),
        (lost, {"everybody_accounted_for"}),
        (wrong_count, {"counts_follow_the_line"}),
        (wrong_summary, {"summaries_tell_the_truth"}),
    ],
)
def test_a_lie_about_one_thing_breaks_one_invariant(lie: Callable[[], Evidence], found: set[str]) -> None:
    assert broken(lie()) == found


def test_every_invariant_has_its_lie_and_says_in_words_what_must_hold() -> None:
    marks = test_each_lie_is_found_by_the_check_that_is_there_for_it.pytestmark  # type: ignore[attr-defined]
    tried = {found_by for _, found_by in marks[0].args[1]}
    assert tried == set(INVARIANTS)
    assert all(check.__doc__ for check in INVARIANTS.values())


def test_what_is_broken_names_invariant_revision_and_person() -> None:
    (found,) = check_all(overtaking())["called_in_order"][:1]
    assert str(found).startswith("called_in_order: revision ")
    assert "called from position" in str(found)


def test_a_log_that_cannot_be_read_is_a_broken_invariant_not_a_crash() -> None:
    found = check_all(rank_is_missing())
    assert "cannot be checked" in str(found["called_in_order"][0])
    assert "rankClass is None" in str(found["called_in_order"][0])


def test_without_time_credit_ranks_are_not_judged() -> None:
    assert "ranks_follow_discipline" not in broken(replace(class_by_priority(), credits=None))
