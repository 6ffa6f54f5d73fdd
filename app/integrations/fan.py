"""Which events concern a tenant's other systems: a job for each that does, and none where nothing is set up.

The relay asks once for a batch of events, so that a join where nobody has a CRM costs no job.
"""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import WriteTx
from app.core.events.reactions import Fact
from app.core.ids import Ref
from app.core.jobs import repository as jobs
from app.core.jobs.kinds import JobKind
from app.core.jobs.repository import NewJob
from app.integrations import repository, tasks
from app.integrations.models import IntegrationKind
from app.sessions import events

TOLD_CUSTOMERS = frozenset({events.SessionJoined.type, events.SessionCompleted.type})
SETTLES = frozenset({events.SessionCancelled.type, events.SessionUnheld.type})


async def fan_out(tx: WriteTx, facts: Sequence[Fact]) -> None:
    """Owe the jobs that follow, in the transaction in which the events are relayed."""
    owed = await _customers(tx, facts) + await _fees(tx, facts)
    if owed:
        await jobs.write(tx, owed, send_at=tx.now())


async def _customers(tx: WriteTx, facts: Sequence[Fact]) -> list[NewJob]:
    told = [fact for fact in facts if fact.type in TOLD_CUSTOMERS]
    if not told:
        return []
    having = await repository.tenants_with(tx, IntegrationKind.CRM, _tenants(told))
    return [_job(tasks.customer, fact) for fact in told if fact.tenant_id in having]


async def _fees(tx: WriteTx, facts: Sequence[Fact]) -> list[NewJob]:
    # Who joins where it costs something is on hold at once; nobody else is.
    waiting = [fact for fact in facts if fact.type == events.SessionJoined.type and tasks.is_held(fact)]
    settled = [fact for fact in facts if fact.type in SETTLES]
    about = [Ref(fact.tenant_id, tasks.session_of(fact)) for fact in settled]
    paying = await repository.paying_sessions(tx, about) if about else set()
    return [
        *(_job(tasks.await_payment, fact) for fact in waiting),
        *(_job(tasks.settle_payment, fact) for fact in settled if tasks.session_of(fact) in paying),
    ]


def _tenants(facts: Sequence[Fact]) -> list[UUID]:
    return list({fact.tenant_id for fact in facts})


def _job(kind: JobKind, fact: Fact) -> NewJob:
    return NewJob(fact.tenant_id, kind.name, fact.as_args(), f"{kind.name}:{fact.id}", fact.request_id, lane=kind.lane)
