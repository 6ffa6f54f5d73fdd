"""What to change so that waits come down to a target, or staff is saved: tried out, not guessed. Pure; run elsewhere.

Candidates are tried on the recorded visits. What is kept is tried again on visits drawn anew, days like these: how far
those runs lie apart is the uncertainty that is told.
"""

import random
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum

from app.queues.kinds import QueueDiscipline, QueueMode
from app.simulation import staffing
from app.simulation.demand import Observed
from app.simulation.engine import play
from app.simulation.figures import LocalHours, Range, RunFigures, of_records, range_of, rank
from app.simulation.records import Record
from app.simulation.study import Block, Period, changed, world
from app.simulation.values import CALLED_FATES, Fate, Played, Rules, Span, Visit

MOST_STEPS = 4
"""So many counters more, each at its hours, are recommended at most."""
_TRIED_WINDOWS = 6
_LONGEST_WINDOW = 3
_LEAST_GAIN = 0.05
"""A change that takes away less than this part of the time waited beyond the target is none."""
_LEAST_SHARE = 0.5
"""What helps on fewer of the days like these was luck on the recorded ones."""
_IDLE = 0.6
"""With counters occupied for less than this, one less is tried."""
_RECORDED_RUNS = 3
"""What is not recorded (how much longer somebody would have stayed) is drawn so often for each candidate."""
_FACTORS = (1.1, 1.25, 1.5, 2.0, 3.0)


class Kind(StrEnum):
    """What is changed."""

    MORE_COUNTERS = "MORE_COUNTERS"
    FEWER_COUNTERS = "FEWER_COUNTERS"
    RELEASE_RATE = "RELEASE_RATE"
    MAX_CONCURRENT_USERS = "MAX_CONCURRENT_USERS"
    DISCIPLINE = "DISCIPLINE"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    records: Sequence[Record]
    period: Period
    rules: Rules
    target_p90_seconds: float
    runs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A change and what it does, to those who join in its hours; of a rate, cap or discipline to everybody."""

    kind: Kind
    starts_hour: int | None
    ends_hour: int | None
    """24: midnight."""
    difference: int | None
    """Counters more, or fewer where negative."""
    value: int | None
    """The new rate or cap."""
    discipline: QueueDiscipline | None
    credits: tuple[tuple[int, float], ...]
    before_p90_seconds: float
    after_p90_seconds: float
    likely: Range
    """P90 after the change, on days like these."""
    improves_share: float
    """Of the runs on days like these, in how many P90 is lower (of fewer counters: still within the target)."""
    meets_target: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """Recommendations, each on top of those before it, and how far the simulation is to be trusted."""

    recommendations: Sequence[Recommendation]
    recorded: RunFigures
    simulated_p90_seconds: float | None


@dataclass(frozen=True, slots=True)
class _State:
    """The world so far: what has been recommended is in it."""

    rules: Rules
    blocks: tuple[Block, ...] = ()


_Runs = Sequence[tuple[Sequence[Visit], Played]]
"""Visits, and how they fared."""


class _Trial:
    """Plays states; knows nothing of what is better."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.counters, self._gap = staffing.worked(question.records)
        self.hours = LocalHours(question.period.zone)
        observed = Observed(question.records)
        self._recorded = [
            observed.recorded(random.Random(f"{question.seed}:recorded:{run}")) for run in range(_RECORDED_RUNS)
        ]
        self._again = [observed.resampled(random.Random(f"{question.seed}:{run}")) for run in range(question.runs)]
        self.priorities = sorted({record.priority for record in question.records})

    def play(self, state: _State) -> _Runs:
        """On the recorded visits."""
        return [(visits, self._play(visits, state)) for visits in self._recorded]

    def p90s_again(self, state: _State, hours: range | None) -> list[float]:
        """P90 of whoever joins in some hours (None: ever), for each run of visits drawn anew."""
        return [self.p90([(visits, self._play(visits, state))], hours) for visits in self._again]

    def p90(self, runs: _Runs, hours: range | None = None, priorities: Container[int] | None = None) -> float:
        """P90 of whoever joins in some hours, is of some priorities, and is called; 0 if nobody is."""
        waits = (
            waited
            for visits, played in runs
            for visit, waited, fate in zip(visits, played.waits, played.fates, strict=True)
            if fate in CALLED_FATES
            and (hours is None or self.hours.of(visit.joins_at) in hours)
            and (priorities is None or visit.priority in priorities)
        )
        return rank(sorted(waits), 0.9) or 0.0

    def excess(self, runs: _Runs) -> list[float]:
        """Seconds waited beyond the target, by the hour of joining; whoever left, or was never called, waited too."""
        target, found = self.question.target_p90_seconds, [0.0] * 24
        for visits, played in runs:
            for visit, waited, fate in zip(visits, played.waits, played.fates, strict=True):
                beyond = 3 * target if fate is Fate.UNSERVED else waited - target
                found[self.hours.of(visit.joins_at)] += max(beyond, 0.0)
        return found

    def _play(self, visits: Sequence[Visit], state: _State) -> Played:
        counters: Sequence[Sequence[Span]] = ()
        if state.rules.mode is QueueMode.STAFFED:
            counters = changed(self.counters, state.blocks, self.question.period)
        return play(visits, world(state.rules, counters, self._gap))


def advice(question: Question) -> Advice:
    """Try out what may help, and say what does."""
    trial = _Trial(question)
    state = _State(question.rules)
    played = trial.play(state)
    found: list[Recommendation] = []
    if question.rules.mode is QueueMode.METERED:
        found += _metered(trial, state, played)
    else:
        state, more = _more_counters(trial, state, played)
        found += more
        found += _fewer_counters(trial, state)
        found += _discipline(trial, state)
    target = question.target_p90_seconds
    return Advice(found, of_records(question.records, target), trial.p90(played) if question.records else None)


def _more_counters(trial: _Trial, state: _State, played: _Runs) -> tuple[_State, list[Recommendation]]:
    """Counter by counter, each where it takes away most; those of the same hours are one recommendation."""
    steps: dict[range, int] = {}
    searched = state
    while sum(steps.values()) < MOST_STEPS:
        best = _best_window(trial, searched, played)
        if best is None:
            break
        hours, searched, played = best
        steps[hours] = steps.get(hours, 0) + 1
    found: list[Recommendation] = []
    for hours, count in steps.items():
        tried = replace(state, blocks=(*state.blocks, _block(hours, count)))
        each = _staff(trial, state, tried, trial.play(state), trial.play(tried), hours, count)
        if each.improves_share >= _LEAST_SHARE:
            found.append(each)
            state = tried
    return state, found


def _best_window(trial: _Trial, state: _State, played: _Runs) -> tuple[range, _State, _Runs] | None:
    """Where one counter more takes away most per hour it works; None where none takes away enough."""
    excess = trial.excess(played)
    total = sum(excess)
    best: tuple[float, range, _State, _Runs] | None = None
    for hours in _windows(excess)[:_TRIED_WINDOWS]:
        if trial.p90(played, hours) <= trial.question.target_p90_seconds:
            continue
        tried = replace(state, blocks=(*state.blocks, _block(hours, 1)))
        result = trial.play(tried)
        gain = (total - sum(trial.excess(result))) / len(hours)
        if best is None or gain > best[0]:
            best = gain, hours, tried, result
    if best is None or best[0] * len(best[1]) < _LEAST_GAIN * total:
        return None
    return best[1:]


def _fewer_counters(trial: _Trial, state: _State) -> list[Recommendation]:
    played = trial.play(state)
    busy = trial.hours.seconds(span for _, run in played for span in run.busy)
    duty = trial.hours.seconds(span for _, run in played for span in run.on_duty)
    days = len(trial.question.period.days()) * len(played)
    target, excess = trial.question.target_p90_seconds, sum(trial.excess(played))
    is_quiet = [duty[hour] >= 2 * 3600 * days and busy[hour] <= _IDLE * duty[hour] for hour in range(24)]
    quiet = [
        range(hour, hour + length)
        for length in (3, 2)
        for hour in range(25 - length)
        if all(is_quiet[hour : hour + length])
    ]
    quiet.sort(key=lambda hours: (-len(hours), sum(busy[each] for each in hours) / sum(duty[each] for each in hours)))
    for hours in quiet[:_TRIED_WINDOWS]:
        tried = replace(state, blocks=(*state.blocks, _block(hours, -1)))
        result = trial.play(tried)
        if trial.p90(result, hours) <= target and sum(trial.excess(result)) <= excess * (1 + _LEAST_GAIN) + 1.0:
            return [_staff(trial, state, tried, played, result, hours, -1)]
    return []


def _staff(
    trial: _Trial, state: _State, tried: _State, played: _Runs, result: _Runs, hours: range, difference: int
) -> Recommendation:
    kind = Kind.MORE_COUNTERS if difference > 0 else Kind.FEWER_COUNTERS
    return _measured(trial, kind, state, tried, played, result, hours, difference=difference)


def _discipline(trial: _Trial, state: _State) -> list[Recommendation]:
    """Time credit instead of classes, where those of no priority wait long behind the others."""
    rules, target = state.rules, trial.question.target_p90_seconds
    priorities = trial.priorities
    if rules.discipline is not QueueDiscipline.PRIORITY or len(priorities) < 2:
        return []
    played = trial.play(state)
    before = trial.p90(played, priorities=priorities[:1])
    if before <= target:
        return []
    credits = {priority: target * (priority - priorities[0]) for priority in priorities[1:]}
    tried = replace(state, rules=replace(rules, discipline=QueueDiscipline.TIME_CREDIT, credits=credits))
    result = trial.play(tried)
    worst = max(trial.p90(result, priorities=[priority]) for priority in priorities[1:])
    if trial.p90(result, priorities=priorities[:1]) > before * 0.9 or worst > target:
        return []
    return [_measured(trial, Kind.DISCIPLINE, state, tried, played, result, None)]


def _metered(trial: _Trial, state: _State, played: _Runs) -> list[Recommendation]:
    """The least rate or cap that meets the target, whichever is in the way; else what comes nearest."""
    rules, target = state.rules, trial.question.target_p90_seconds
    before = trial.p90(played)
    if before <= target:
        return []
    best: tuple[float, Kind, _State, _Runs] | None = None
    for factor in _FACTORS:
        for kind, tried_rules in _higher(rules, factor):
            tried = replace(state, rules=tried_rules)
            result = trial.play(tried)
            p90 = trial.p90(result)
            if p90 <= target:
                return [_measured(trial, kind, state, tried, played, result, None)]
            if best is None or p90 < best[0] * (1 - _LEAST_GAIN):
                best = p90, kind, tried, result
    if best is None or best[0] > before * (1 - _LEAST_GAIN):
        return []
    return [_measured(trial, best[1], state, best[2], played, best[3], None)]


def _higher(rules: Rules, factor: float) -> Iterable[tuple[Kind, Rules]]:
    rate, cap = rules.release_rate_per_minute, rules.max_concurrent_users
    higher_rate = None if not rate else max(rate + 1, round(rate * factor))
    higher_cap = None if cap is None else max(cap + 1, round(cap * factor))
    if higher_rate is not None:
        yield Kind.RELEASE_RATE, replace(rules, release_rate_per_minute=higher_rate)
    if higher_cap is not None:
        yield Kind.MAX_CONCURRENT_USERS, replace(rules, max_concurrent_users=higher_cap)


def _measured(
    trial: _Trial,
    kind: Kind,
    state: _State,
    tried: _State,
    played: _Runs,
    result: _Runs,
    hours: range | None,
    *,
    difference: int | None = None,
) -> Recommendation:
    before, after = trial.p90(played, hours), trial.p90(result, hours)
    again = trial.p90s_again(tried, hours)
    target = trial.question.target_p90_seconds
    if kind is Kind.FEWER_COUNTERS:
        good = sum(p90 <= target for p90 in again)
    else:
        good = sum(p90 < old for p90, old in zip(again, trial.p90s_again(state, hours), strict=True))
    value = {
        Kind.RELEASE_RATE: tried.rules.release_rate_per_minute,
        Kind.MAX_CONCURRENT_USERS: tried.rules.max_concurrent_users,
    }.get(kind)
    return Recommendation(
        kind=kind,
        starts_hour=None if hours is None else hours.start,
        ends_hour=None if hours is None else hours.stop,
        difference=difference,
        value=value,
        discipline=tried.rules.discipline if kind is Kind.DISCIPLINE else None,
        credits=tuple(sorted(tried.rules.credits.items())) if kind is Kind.DISCIPLINE else (),
        before_p90_seconds=before,
        after_p90_seconds=after,
        likely=range_of(again) or Range(after, after, after),
        improves_share=good / len(again) if again else 0.0,
        meets_target=after <= target,
    )


def _windows(excess: Sequence[float]) -> list[range]:
    """Stretches of one to three hours with time waited beyond the target, most of it an hour first."""
    found = [
        range(hour, hour + length)
        for length in range(1, _LONGEST_WINDOW + 1)
        for hour in range(25 - length)
        if all(excess[each] > 0 for each in range(hour, hour + length))
    ]
    return sorted(found, key=lambda hours: (-sum(excess[each] for each in hours) / len(hours), hours.start, len(hours)))


def _block(hours: range, difference: int) -> Block:
    return Block(time(hours.start), None if hours.stop == 24 else time(hours.stop), difference=difference)
