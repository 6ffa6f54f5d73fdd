"""What-if questions of a queue: what was recorded is read here, and computed elsewhere. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.core.db import ReadTx
from app.core.errors import BadInput
from app.queues import repository as queues
from app.queues.disciplines import credits_by_priority
from app.queues.kinds import QueueMode
from app.queues.settings import LineSettings
from app.simulation import repository
from app.simulation.demand import Invented
from app.simulation.recommending import Question
from app.simulation.records import packed
from app.simulation.study import Block, Demand, Period, Study
from app.simulation.values import Rules
from app.tenants import service as tenants

MOST_VISITS = 20_000
"""In the period of a simulation."""
MOST_PLAYED = 400_000
"""Visits in all runs of a simulation, before and after: some seconds of a processor."""
MOST_VISITS_ADVISED = 5_000
"""In the period of recommendations, which try out some dozens of changes."""
LONGEST = timedelta(days=31)
MOST_RUNS = 100
USUAL_RUNS = 20
_MOST_SECONDS = 86_400
_LAST_VISIT_ENDS_WITHIN = timedelta(days=1_000 * 366)
"""As many visits as may be asked for, each of a day or many, one after the other."""
_ADVICE_PLAYS = 600_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be otherwise. `rules` holds new values by name; what is not in it stays."""

    rules: dict[str, object]
    blocks: Sequence[Block] = ()
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a simulation. Without `runs` as many as there is room for, at most `USUAL_RUNS`."""

    demand: Demand
    starts_at: datetime
    ends_at: datetime
    changes: Changes
    runs: int | None
    seed: int
    threshold_seconds: int | None
    invented: Invented | None = None


async def study(tx: ReadTx, queue_id: UUID, wanted: Wanted) -> tuple[Study, list[bytes]]:
    """The study of a queue, and its recorded visits in portions. `BadInput`, `NotFound`."""
    queue = await queues.get(tx, queue_id)
    rules = await _rules(tx, queue_id)
    after = replace(rules, **wanted.changes.rules)  # type: ignore[arg-type]
    _ensure_fits(queue.mode, wanted)
    portions: list[bytes] = []
    count, coming = 0, 0.0
    if wanted.demand is not Demand.INVENTED:
        portions, count = await _recorded(tx, queue_id, wanted.starts_at, wanted.ends_at, MOST_VISITS)
        coming = count * wanted.changes.factor
    elif wanted.invented is not None:
        coming = sum(wanted.invented.arrivals_per_hour) * wanted.changes.factor
    if coming > MOST_VISITS:
        raise BadInput(f"At most {MOST_VISITS:,} visits are simulated; these are about {round(coming):,}.")
    found = Study(
        demand=wanted.demand,
        period=Period(wanted.starts_at, wanted.ends_at, queue.time_zone),
        before=rules,
        after=after,
        runs=_runs(wanted, count + round(coming)),
        seed=wanted.seed,
        threshold_seconds=await _threshold(tx, wanted.threshold_seconds),
        invented=wanted.invented,
        blocks=tuple(wanted.changes.blocks),
        factor=wanted.changes.factor,
    )
    return found, portions


async def question(
    tx: ReadTx, queue_id: UUID, starts_at: datetime, ends_at: datetime, target_seconds: int | None
) -> tuple[Question, list[bytes]]:
    """What recommendations are asked with, and the recorded visits in portions. `BadInput`, `NotFound`."""
    queue = await queues.get(tx, queue_id)
    portions, count = await _recorded(tx, queue_id, starts_at, ends_at, MOST_VISITS_ADVISED)
    found = Question(
        records=(),
        period=Period(starts_at, ends_at, queue.time_zone),
        rules=await _rules(tx, queue_id),
        target_p90_seconds=await _threshold(tx, target_seconds),
        # Some thirty changes are tried in three runs each, and what is kept of them twice in each of these.
        runs=min(10, max(3, (_ADVICE_PLAYS // max(count, 1) - 90) // 10)),
        seed=1,
    )
    return found, portions


def ensure_period(starts_at: datetime, ends_at: datetime) -> None:
    """`BadInput` unless it is one, and not too long."""
    if starts_at >= ends_at:
        raise BadInput("`from` is before `to`.")
    if ends_at - starts_at > LONGEST + timedelta(hours=2):
        raise BadInput(f"A period is at most {LONGEST.days} days long.")
    try:
        # Days on the clock of a zone, one more on either side; and after the last one who comes is served.
        (starts_at - timedelta(days=2)).astimezone(ZoneInfo("UTC"))
        (ends_at + _LAST_VISIT_ENDS_WITHIN).astimezone(ZoneInfo("UTC"))
    except OverflowError:
        raise BadInput("`from` and `to` are times a calendar has days around.") from None


async def _rules(tx: ReadTx, queue_id: UUID) -> Rules:
    queue = await queues.get(tx, queue_id)
    settings = LineSettings.of(queue)
    return Rules(
        mode=queue.mode,
        discipline=queue.discipline,
        credits=credits_by_priority(queue.priority_credits),
        capacity=settings.capacity,
        max_concurrent_users=settings.max_concurrent_users,
        release_rate_per_minute=settings.release_rate_per_minute,
    )


async def _recorded(
    tx: ReadTx, queue_id: UUID, starts_at: datetime, ends_at: datetime, most: int
) -> tuple[list[bytes], int]:
    portions, count = [], 0
    async for records in repository.visits(tx, queue_id, starts_at, ends_at, most + 1):
        count += len(records)
        portions.append(packed(records))
    if count > most:
        raise BadInput(f"More than {most:,} visits began in this period: choose a shorter one.")
    return portions, count


async def _threshold(tx: ReadTx, seconds: int | None) -> int:
    if seconds is None:
        return (await tenants.settings_of(tx)).service_level_seconds
    if not 1 <= seconds <= _MOST_SECONDS:
        raise BadInput(f"A wait that counts as good is from 1 to {_MOST_SECONDS:,} seconds.")
    return seconds


def _runs(wanted: Wanted, count: int) -> int:
    """How often it is played. `count`: visits of one run, before and after."""
    room = max(MOST_PLAYED // max(count, 1), 1)
    if wanted.runs is None:
        return min(room, USUAL_RUNS)
    if not 1 <= wanted.runs <= MOST_RUNS:
        raise BadInput(f"`runs` is from 1 to {MOST_RUNS}.")
    if wanted.runs > room:
        raise BadInput(f"Of so many visits there is room for {room} runs. Ask for fewer, or for a shorter period.")
    return wanted.runs


def _ensure_fits(mode: QueueMode, wanted: Wanted) -> None:
    """`BadInput` for what this queue, or this demand, does not know."""
    changes = wanted.changes
    if mode is QueueMode.METERED and changes.blocks:
        raise BadInput("`staffing` is of a queue that is `STAFFED`: here rate and cap let people in.")
    if mode is QueueMode.STAFFED and changes.rules.get("release_rate_per_minute") is not None:
        raise BadInput("`releaseRatePerMinute` is of a queue that is `METERED`: here members of staff call.")
    if not 0.1 <= changes.factor <= 10:
        raise BadInput("`arrivalFactor` is from 0.1 to 10.")
    if wanted.demand is Demand.RECORDED and changes.factor != 1.0:
        raise BadInput("More or fewer visits than recorded are drawn anew: ask for the demand `RESAMPLED`.")
    if (wanted.invented is None) != (wanted.demand is not Demand.INVENTED):
        raise BadInput("Give `invented` with the demand `INVENTED`, and with no other.")
    has_staff = mode is QueueMode.METERED or any(block.counters for block in changes.blocks)
    if wanted.demand is Demand.INVENTED and not has_staff:
        raise BadInput("Of an invented demand nobody knows the staff: say in `staffing` how many `counters` work.")
