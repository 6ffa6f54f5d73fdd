"""The job of this feature: it does what a request asks for, with the system's role."""

from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.identity.accounts.codes import Codes
from app.privacy.work import give_up_export, work

MOST_ATTEMPTS = 20
"""To write a file. An erasure is owed to its person, and tried for as long as it takes."""


@job("privacy.work", max_attempts=None, timeout_seconds=600.0, lane=Lane.BULK)
async def do_request(context: JobContext) -> None:
    """PERSON_EXPORT_REQUESTED or PERSON_ERASURE_REQUESTED."""
    settings = context.settings
    system = Database(
        role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, clock=context.clock, name="vq-privacy"
    )
    try:
        if context.attempt > MOST_ATTEMPTS:
            await give_up_export(system, context.tenant_id, Fact.of(context.args).aggregate_id)
        await work(system, Codes(settings.secret), context.tenant_id, Fact.of(context.args).aggregate_id)
    finally:
        await system.dispose()
