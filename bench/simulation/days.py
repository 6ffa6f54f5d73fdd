"""The recorded calls as days of visits, and the plan of a replay as a world: both as the simulation takes them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import inf
from pathlib import Path

from app.queues.kinds import QueueDiscipline
from app.replay.plan import CREDIT_SECONDS, Agent, make_plan
from app.replay.source import SAMPLE, SAMPLE_DAY, read_day
from app.simulation.records import Record
from app.simulation.values import Fate, Rules, Span, Visit, World
from bench.estimates.calls import Call, read

RULES = Rules(discipline=QueueDiscipline.TIME_CREDIT, credits=CREDIT_SECONDS)


def days(path: Path) -> Iterator[tuple[date, list[Record]]]:
    """Each day's calls, without those whose service nobody gave, or was booked with impossible times."""
    found: dict[date, list[Record]] = {}
    for call in read(path):
        if not call.is_served or (call.agent is not None and call.ended_at is not None):
            record = _record(call)
            found.setdefault(record.entered_at.date(), []).append(record)
    yield from sorted(found.items())


def _record(call: Call) -> Record:
    entered_at, left_at = _at(call.joined_at), _at(call.left_at)
    # 90 s of credit are a priority of 2.
    priority = next((each for each, seconds in CREDIT_SECONDS.items() if seconds == call.credit_seconds), 0)
    if call.ended_at is None:
        return Record(entered_at, None, left_at, Fate.ABANDONED, None, priority)
    return Record(entered_at, left_at, _at(max(call.ended_at, call.left_at)), Fate.SERVED, call.agent, priority)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def replayed(begins: float, until: float, gap_seconds: float) -> tuple[list[Visit], World]:
    """What `vq replay` plays of the sample day: those who were served in the source have all the patience there is."""
    _, calls = read_day(SAMPLE, SAMPLE_DAY)
    plan = make_plan(calls, begins=begins, until=until)
    visits = [
        Visit(
            _second(visitor.joins),
            visitor.service_seconds,
            inf if visitor.hangs_up is None else visitor.hangs_up - visitor.joins,
            visitor.priority,
        )
        for visitor in plan.visitors
    ]
    return visits, World(RULES.with_gap(gap_seconds), [list(_spans(agent)) for agent in plan.agents])


def _spans(agent: Agent) -> Iterator[Span]:
    starts = agent.starts
    for pause in agent.breaks:
        if pause.starts > starts:
            yield Span(_second(starts), _second(pause.starts), ends_shift=False)
        starts = max(starts, pause.ends)
    if agent.ends > starts:
        yield Span(_second(starts), _second(agent.ends))


def _second(second: float) -> datetime:
    return datetime(SAMPLE_DAY.year, SAMPLE_DAY.month, SAMPLE_DAY.day, tzinfo=UTC) + timedelta(seconds=second)
