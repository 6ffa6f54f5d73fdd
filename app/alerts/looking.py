"""Looking at what alerts are about, every few seconds, by one of the workers: measure, decide, write down.

Two that look beside each other, and one that dies in the middle, do no harm: an alert, its event and its messages are
one commit, and of two open alerts about the same the database refuses one.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.alerts import repository, rules, service, telling
from app.alerts.live import topic
from app.alerts.models import AlertMetric, AlertResolution, AlertRule, AlertStatus
from app.alerts.readings import read
from app.alerts.repository import Followed, Key
from app.alerts.rules import Step, Watched
from app.core.actor import SYSTEM
from app.core.db import Database, WriteTx
from app.core.jobs.context import jobs_of
from app.core.jobs.outage import is_database_away
from app.core.jobs.repository import JobRef
from app.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done about one subject of a rule."""

    rule: Followed
    subject: str
    queue_id: UUID | None
    before: Watched | None
    step: Step
    # What was measured; None: nothing.
    value: float | None = None


@dataclass(slots=True)
class Findings:
    """What a look has found: what to remember, what to forget, and per tenant what to do."""

    remember: list[tuple[Key, int, Watched]] = field(default_factory=list)
    forget: list[Key] = field(default_factory=list)
    due: defaultdict[UUID, list[Due]] = field(default_factory=lambda: defaultdict(list))

    def add(self, due: Due) -> None:
        """Sort one in."""
        key, step = (due.rule.tenant_id, due.rule.id, due.subject), due.step
        if step.fires or step.resolves is not None:
            self.due[due.rule.tenant_id].append(due)
        elif step.watched is None:
            if due.before is not None:
                self.forget.append(key)
        elif step.watched != due.before:
            self.remember.append((key, due.rule.revision, step.watched))


@dataclass(slots=True)
class Looked:
    """What came of a look: jobs that send messages, topics to ring, and whether everything could be done."""

    jobs: list[JobRef] = field(default_factory=list)
    rung: set[str] = field(default_factory=set)
    is_complete: bool = True


async def look(
    system: Database,
    app: Database,
    settings: Settings,
    metrics: Collection[AlertMetric],
    probes: Mapping[str, bool] | None = None,
) -> Looked:
    """Look at everything the rules of these metrics are about, once, and do what follows."""
    now = system.clock.now()
    async with system.read(None) as tx:
        followed = await repository.followed(tx, metrics)
        watched = await repository.watched(tx, metrics)
        untold = await repository.untold(tx)
        readings = await read(tx, followed, now, probes or {}) if followed else {}
    findings = Findings()
    for rule in followed:
        limits = rule.limits
        for reading in readings[rule.id]:
            before = watched.pop((rule.tenant_id, rule.id, reading.subject), None)
            if before is None and (reading.value is None or reading.value <= limits.threshold):
                continue  # all is well, as it was: nearly always, so nothing more is spent on it
            step = rules.step(limits, before, reading.value, now)
            findings.add(Due(rule, reading.subject, reading.queue_id, before, step, reading.value))
    by_id = {rule.id: rule for rule in followed}
    for (_, rule_id, subject), before in watched.items():
        # Not measured any more: of a rule that is followed its queue is archived; of others nothing is decided here.
        if (gone := by_id.get(rule_id)) is not None:
            over = None if before.alert_id is None else AlertResolution.QUEUE_GONE
            findings.add(Due(gone, subject, None, before, Step(None, resolves=over)))
    async with system.write(None) as tx:
        await repository.remember(tx, findings.remember)
        await repository.forget(tx, findings.forget)
    later: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for tenant_id, alert_id in untold:
        later[tenant_id].append(alert_id)
    looked = Looked()
    for tenant_id in sorted(findings.due.keys() | later.keys()):
        try:
            async with app.write(tenant_id, SYSTEM) as tx:
                jobs = jobs_of(tx)
                await _do(tx, settings, findings.due.get(tenant_id, []))
                await _tell_later(tx, settings, later.get(tenant_id, []))
        except Exception as problem:
            if is_database_away(problem):
                raise
            # Of one tenant: everybody else's alerts must not wait for it.
            logger.exception("Alerts of a tenant could not be raised; trying again.", extra={"tenant": tenant_id})
            looked.is_complete = False
        else:
            looked.jobs += jobs
            if findings.due.get(tenant_id):
                looked.rung.add(topic(tenant_id))
    return looked


async def _do(tx: WriteTx, settings: Settings, found: Collection[Due]) -> None:
    held = await repository.hold(tx, sorted({each.rule.id for each in found})) if found else {}
    for each in found:
        rule = held.get(each.rule.id)
        if rule is None or rule.revision != each.rule.revision:
            continue  # it is another one by now, or none
        if each.step.resolves is not None:
            assert each.before is not None
            assert each.before.alert_id is not None, "only what was raised is resolved"
            value = each.before.value if each.value is None else each.value
            await _resolve(tx, settings, rule, each.before.alert_id, each.step.resolves, value)
        else:
            assert each.step.watched is not None, "what fires is watched"
            await _fire(tx, settings, rule, each, each.step.watched)


async def _fire(tx: WriteTx, settings: Settings, rule: AlertRule, due: Due, watched: Watched) -> None:
    alert = await service.fire(tx, rule, due.subject, due.queue_id, watched)
    if alert is not None:
        await telling.owe_raised(tx, settings, rule, alert)


async def _resolve(
    tx: WriteTx, settings: Settings, rule: AlertRule, alert_id: UUID, resolution: AlertResolution, value: float
) -> None:
    alert = await service.resolve(tx, alert_id, resolution, value)
    if alert is not None and resolution is AlertResolution.CLEARED:
        await telling.owe_resolved(tx, settings, rule, alert, value)


async def _tell_later(tx: WriteTx, settings: Settings, alert_ids: Collection[UUID]) -> None:
    """Of alerts that were raised in quiet hours and still fire: tell, if these are over."""
    for alert_id in alert_ids:
        # The rule first, as whoever changes it does.
        held = await repository.hold(tx, [(await repository.find(tx, alert_id)).rule_id])
        alert = await repository.lock_alert(tx, alert_id)
        if alert.status is AlertStatus.FIRING and alert.told_at is None and alert.rule_id in held:
            await telling.owe_raised(tx, settings, held[alert.rule_id], alert)
