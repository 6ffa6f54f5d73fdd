"""Reading jobs: the platform's view, across tenants."""

from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.errors import NotFound
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref, decode
from app.core.jobs import repository_periodic as periodic
from app.identity.permissions import Permission
from app.jobs import repository
from app.jobs.graphql.inputs import JobFilter
from app.jobs.graphql.types import Job, JobConnection, JobEdge, JobLoad, JobOverview, PeriodicTask

Filter = Annotated[JobFilter | None, strawberry.argument(description="Which; all by default.")]


@strawberry.type
class JobQuery:
    @strawberry.field(
        description="What workers have to do, how long it waits, and periodic work.",
        extensions=[Requires(Permission.PLATFORM_JOBS)],
    )
    async def job_overview(self, info: Info) -> JobOverview:
        now = info.context.runtime.clock.now()
        async with info.context.platform_read() as tx:
            loads, tasks = await repository.load(tx, now), await periodic.tasks(tx)
        return JobOverview(
            loads=[
                JobLoad(
                    name=each.name,
                    lane=each.lane,
                    waiting_count=each.waiting,
                    later_count=each.later,
                    failed_count=each.failed,
                    oldest_seconds=None if each.since is None else (now - each.since).total_seconds(),
                )
                for each in loads
            ],
            periodic_tasks=[PeriodicTask.of(task, now) for task in tasks],
        )

    @strawberry.field(
        description="Jobs that are not done, newest first, of all tenants.",
        extensions=[Requires(Permission.PLATFORM_JOBS)],
    )
    async def jobs(self, info: Info, first: First, after: After = None, filter: Filter = None) -> JobConnection:
        now = info.context.runtime.clock.now()
        wanted = repository.Wanted()
        if filter is not None:
            wanted = repository.Wanted(filter.status, filter.name, filter.lane, _tenant(filter.tenant_id))
        async with info.context.platform_read() as tx:
            page = await repository.page(tx, wanted, PageRequest(first, after), now)
        return connection(JobConnection, JobEdge, page, lambda row: Job.of(row, now))


def _tenant(id: str | None) -> UUID | None:
    if id is None:
        return None
    ref = decode("Tenant", id)
    if ref.id != ref.tenant_id:
        raise NotFound("Tenant")
    return ref.id


async def _job_node(context: Context, ref: Ref) -> Job:
    if not context.actor.may(Permission.PLATFORM_JOBS):
        raise NotFound("Job")
    async with context.platform_read() as tx:
        row = await repository.find(tx, ref.tenant_id, ref.id)
    if row is None:
        raise NotFound("Job")
    return Job.of(row, context.runtime.clock.now())


NODES = {"Job": _job_node}
