"""What operators do about jobs."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.core.ids import decode
from app.identity.permissions import Permission
from app.jobs import service
from app.jobs.graphql import inputs, results
from app.jobs.graphql.types import Job


@strawberry.type
class JobMutation:
    @strawberry.mutation(
        description="Give a job that has failed for good another chance, once the cause is put right.",
        extensions=[Requires(Permission.PLATFORM_JOBS)],
    )
    async def job_retry(self, info: Info, input: inputs.JobRetryInput) -> results.JobRetryResult:
        ref = decode("Job", input.job_id)
        async with info.context.platform_write(ref.tenant_id) as tx:
            job = await service.retry(tx, ref.id)
        return results.JobRetrySuccess(job=Job.of(job, info.context.runtime.clock.now()))
