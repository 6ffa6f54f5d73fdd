"""The sample day of the replay as recorded visits, as the product has them. The three weeks are bench's."""

from datetime import UTC, datetime, timedelta
from functools import cache

from app.queues.models import QueueDiscipline
from app.replay.source import SAMPLE, SAMPLE_DAY, Call, read_day
from app.simulation.records import Record
from app.simulation.study import Period
from app.simulation.values import Fate, Rules

MIDNIGHT = datetime(SAMPLE_DAY.year, SAMPLE_DAY.month, SAMPLE_DAY.day, tzinfo=UTC)
DAY = Period(MIDNIGHT, MIDNIGHT + timedelta(days=1), "UTC")
RULES = Rules(discipline=QueueDiscipline.TIME_CREDIT, credits={2: 90.0})


@cache
def sample_day() -> list[Record]:
    """Its calls, without those whose service nobody gave, or was booked with impossible times."""
    _, calls = read_day(SAMPLE, SAMPLE_DAY)
    return [record_of(call) for call in calls if call.abandoned or call.agent is not None]


def record_of(call: Call) -> Record:
    """One call: called when it left the line, at an agent until its service ended."""
    left_at = MIDNIGHT + timedelta(seconds=call.leaves_line)
    entered_at = MIDNIGHT + timedelta(seconds=call.joins)
    if call.abandoned:
        return Record(entered_at, None, left_at, Fate.ABANDONED, None, call.priority)
    ended_at = MIDNIGHT + timedelta(seconds=max(call.service_ends or 0, call.leaves_line))
    return Record(entered_at, left_at, ended_at, Fate.SERVED, call.agent, call.priority)
