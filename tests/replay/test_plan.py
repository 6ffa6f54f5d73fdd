"""The schedule of the day: nobody is left out, nothing is invented but what is said to be drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.replay.plan import Agent, Break, Occupied, PlanError, make_plan, source_waits, steps
from app.replay.source import SAMPLE, Call, read_day

_, CALLS = read_day(SAMPLE, None)
TEN, ELEVEN = 36_000.0, 39_600.0


def served(joins: int, starts: int, ends: int, agent: str) -> Call:
    return Call("1", 0, joins, starts, False, starts, ends, ends - starts, agent)


def gone(joins: int, leaves: int) -> Call:
    return Call("2", 0, joins, leaves, True, None, None, None, None)


def test_everybody_of_the_sample_is_planned_as_in_the_source() -> None:
    plan = make_plan(CALLS)
    assert len(plan.visitors) == 2208
    assert [visitor.number for visitor in plan.visitors] == list(range(1, 2209))
    for visitor, call in zip(plan.visitors, CALLS, strict=True):
        assert (visitor.joins, visitor.priority) == (call.joins, call.priority)
        assert visitor.hangs_up == (call.leaves_line if call.abandoned else None)
        assert visitor.service_is_drawn == (call.service_seconds is None)
        if call.service_seconds is not None:
            assert visitor.service_seconds == call.service_seconds
    assert sum(visitor.service_is_drawn for visitor in plan.visitors) == 637
    assert len(plan.agents) == 19
    assert plan.starts == min(call.joins for call in CALLS) - 2  # the first service is booked two seconds early


def test_drawn_services_come_from_the_days_own_and_from_the_seed() -> None:
    lengths = {call.service_seconds for call in CALLS if call.service_seconds is not None}
    first, again, other = make_plan(CALLS), make_plan(CALLS), make_plan(CALLS, seed=7)
    assert {visitor.service_seconds for visitor in first.visitors} <= lengths
    assert first == again
    assert first != other
    assert [visitor.joins for visitor in first.visitors] == [visitor.joins for visitor in other.visitors]


def test_a_part_of_the_day_has_its_callers_and_the_agents_on_duty_then() -> None:
    plan = make_plan(CALLS, begins=TEN, until=ELEVEN)
    assert plan.starts == TEN
    assert len(plan.visitors) == sum(TEN <= call.joins < ELEVEN for call in CALLS) == 205
    assert len(plan.source) == 205
    assert all(agent.starts >= TEN and agent.ends > TEN for agent in plan.agents)
    assert "AVI" not in {agent.name for agent in plan.agents}  # comes at 16:00
    # Nobody comes only to take a break.
    assert all(agent.break_at(agent.starts) is None for agent in plan.agents)


def test_a_limit_counts_from_the_beginning_of_what_is_played() -> None:
    assert make_plan(CALLS, begins=TEN, limit=600).visitors == make_plan(CALLS, begins=TEN, until=TEN + 600).visitors
    first = make_plan(CALLS, limit=3600)
    assert first.starts == make_plan(CALLS).starts
    assert first.last_join < first.starts + 3600


@pytest.mark.parametrize(
    ("calls", "options", "problem"),
    [
        (CALLS, {"begins": 3 * 3600.0, "until": 4 * 3600.0}, "nobody joins"),
        ([], {}, "nobody joins"),
        ([gone(10, 20)], {}, "nobody is served"),
    ],
)
def test_what_cannot_be_played_is_said(calls: list[Call], options: dict[str, float], problem: str) -> None:
    with pytest.raises(PlanError, match=problem):
        make_plan(calls, **options)  # type: ignore[arg-type]


def test_an_agent_who_takes_nobody_while_somebody_waits_is_on_a_break() -> None:
    calls = [
        served(0, 0, 100, "AVI"),
        gone(150, 400),
        served(500, 500, 600, "AVI"),  # 400 s free, 250 of them with somebody waiting
        served(1500, 1500, 1600, "AVI"),  # 900 s free, nobody waiting
        served(1650, 1700, 1800, "AVI"),  # 100 s free, 50 with somebody waiting
    ]
    assert make_plan(calls).agents == (Agent("AVI", 0.0, 1800.0, (Break(100.0, 500.0),)),)
    assert make_plan(calls, with_breaks=False).agents == (Agent("AVI", 0.0, 1800.0, ()),)


def test_an_agent_knows_when_to_look_at_the_clock_again() -> None:
    agent = Agent("AVI", 0.0, 100.0, (Break(20.0, 30.0), Break(60.0, 70.0)))
    assert [agent.next_change(second) for second in (0, 20, 59.9, 60, 99, 100)] == [
        20.0,
        60.0,
        60.0,
        100.0,
        100.0,
        None,
    ]
    assert agent.break_at(19.9) is None
    assert agent.break_at(20.0) == Break(20.0, 30.0)
    assert agent.break_at(30.0) is None


spans = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (min(pair), max(pair))), max_size=30
)


@given(spans, st.integers(0, 50), st.integers(0, 50))
def test_occupied_seconds_are_those_counted_one_by_one(spans: list[tuple[int, int]], one: int, other: int) -> None:
    starts, ends = min(one, other), max(one, other)
    expected = sum(any(since <= second < until for since, until in spans) for second in range(starts, ends))
    assert Occupied(steps(spans)).seconds(starts, ends) == expected


@given(spans)
def test_steps_count_the_spans_that_cover_a_moment(spans: list[tuple[int, int]]) -> None:
    levels = dict(steps(spans))
    level = 0
    for second in range(52):
        level = levels.get(second, level)
        assert level == sum(since <= second < until for since, until in spans)


def test_the_sources_figures_are_those_of_its_readme() -> None:
    waits = source_waits(CALLS)
    assert round(sum(wait.seconds for wait in waits) / len(waits)) == 112
    assert max(level for _, level in steps((wait.joins, wait.ends) for wait in waits)) == 17
