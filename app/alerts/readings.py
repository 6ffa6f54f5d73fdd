"""What each rule's subjects measure right now: by kind, for all rules together. Decides nothing and writes nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.alerts import repository_readings as questions
from app.alerts.models import AlertMetric
from app.alerts.repository import Followed
from app.alerts.repository_readings import Visits, Window
from app.core.db import ReadTx

WHOLE = "INSTALLATION"
"""The subject of what is about the installation as a whole."""


DEPENDENCIES = ("REDIS", "RELAY")
"""What an installation depends on. Of one that was not asked nothing is known: it is not gone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one subject of a rule measures; None: nothing can be said."""

    subject: str
    queue_id: UUID | None
    value: float | None


async def read(
    tx: ReadTx, rules: Sequence[Followed], now: datetime, probes: Mapping[str, bool]
) -> dict[UUID, list[Reading]]:
    """By rule, everything it watches. A queue that is not among it is archived, or gone.

    `probes` says of each thing the installation depends on whether it has just answered.
    """
    found: dict[UUID, list[Reading]] = {rule.id: [] for rule in rules}
    by_metric: defaultdict[AlertMetric, list[Followed]] = defaultdict(list)
    for rule in rules:
        by_metric[rule.metric].append(rule)
    await _lines(tx, by_metric, found)
    await _visits(tx, by_metric, found, now)
    await _platform(tx, by_metric, found, now, probes)
    return found


_OF_LINES: Mapping[AlertMetric, Callable[[questions.Line], float]] = {
    AlertMetric.WAITING_COUNT: lambda line: float(line.waiting_count),
    AlertMetric.UNSTAFFED_WAITING_COUNT: lambda line: float(line.unstaffed_count),
}


def _down(answers: bool | None) -> float | None:
    return None if answers is None else float(not answers)


def _share(part: int, others: int, least: int) -> float | None:
    whole = part + others
    return None if whole < least else 100 * part / whole


_OF_VISITS: Mapping[AlertMetric, Callable[[Visits, int], float | None]] = {
    AlertMetric.AVERAGE_WAIT_SECONDS: lambda seen, least: None if seen.called < least else seen.wait_mean_seconds,
    AlertMetric.P90_WAIT_SECONDS: lambda seen, least: None if seen.called < least else seen.wait_p90_seconds,
    AlertMetric.ABANDONMENT_PERCENT: lambda seen, least: _share(seen.abandoned, seen.called, least),
    AlertMetric.NO_SHOW_PERCENT: lambda seen, least: _share(seen.no_show, seen.started, least),
}


async def _lines(tx: ReadTx, rules: Mapping[AlertMetric, Sequence[Followed]], found: dict[UUID, list[Reading]]) -> None:
    wanted = [rule for metric in _OF_LINES for rule in rules.get(metric, ())]
    if not wanted:
        return
    by_tenant: defaultdict[UUID, dict[UUID, questions.Line]] = defaultdict(dict)
    for line in await questions.lines(tx, {rule.tenant_id for rule in wanted}):
        by_tenant[line.tenant_id][line.queue_id] = line
    measured: dict[tuple[UUID, AlertMetric], dict[UUID, Reading]] = {}
    for rule in wanted:
        key = rule.tenant_id, rule.metric
        if key not in measured:
            of = _OF_LINES[rule.metric]
            measured[key] = {id: Reading(str(id), id, of(line)) for id, line in by_tenant[rule.tenant_id].items()}
        found[rule.id] += _of_rule(rule, measured[key])


async def _visits(
    tx: ReadTx, rules: Mapping[AlertMetric, Sequence[Followed]], found: dict[UUID, list[Reading]], now: datetime
) -> None:
    wanted = [rule for metric in _OF_VISITS for rule in rules.get(metric, ())]
    if not wanted:
        return
    windows = [Window(rule.tenant_id, rule.queue_id, rule.window_minutes) for rule in wanted]
    by_window: defaultdict[tuple[UUID, int], dict[UUID, Visits]] = defaultdict(dict)
    for seen in await questions.visits(tx, windows, now):
        by_window[seen.tenant_id, seen.minutes][seen.queue_id] = seen
    measured: dict[tuple[UUID, AlertMetric, int, int], dict[UUID, Reading]] = {}
    for rule in wanted:
        key = rule.tenant_id, rule.metric, rule.window_minutes, rule.least_count
        if key not in measured:
            of, there = _OF_VISITS[rule.metric], by_window[rule.tenant_id, rule.window_minutes]
            measured[key] = {id: Reading(str(id), id, of(seen, rule.least_count)) for id, seen in there.items()}
        found[rule.id] += _of_rule(rule, measured[key])


def _of_rule(rule: Followed, measured: Mapping[UUID, Reading]) -> Iterable[Reading]:
    """Of what was measured for all rules alike, what one is about."""
    if rule.queue_id is None:
        return measured.values()
    return [measured[rule.queue_id]] if rule.queue_id in measured else []


async def _platform(
    tx: ReadTx,
    rules: Mapping[AlertMetric, Sequence[Followed]],
    found: dict[UUID, list[Reading]],
    now: datetime,
    probes: Mapping[str, bool],
) -> None:
    for metric, ask in ((AlertMetric.WORKER_LAG_SECONDS, questions.worker_lag_seconds),
                        (AlertMetric.RELAY_LAG_SECONDS, questions.relay_lag_seconds)):  # fmt: skip
        if wanted := rules.get(metric):
            lag = await ask(tx, now)
            for rule in wanted:
                found[rule.id].append(Reading(WHOLE, None, lag))
    for rule in rules.get(AlertMetric.DEPENDENCY_DOWN, ()):
        found[rule.id] += [Reading(name, None, _down(probes.get(name))) for name in DEPENDENCIES]
    for rule in rules.get(AlertMetric.API_ERROR_PERCENT, ()):
        operations, failures = await questions.answers(tx, now, rule.window_minutes)
        value = _share(failures, max(0, operations - failures), rule.least_count)
        found[rule.id].append(Reading(WHOLE, None, value))
