"""The report of a protected site's health."""

import strawberry

from app.admission.graphql.health import inputs, results
from app.admission.health import service
from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.queues.graphql.loaders import load_queue


@strawberry.type
class OriginHealthMutation:
    @strawberry.mutation(
        description=(
            "Report how the site behind a METERED queue is; with an API key, from the site itself, say every 10 s. "
            "Worse counts at once: DEGRADED slows the queue to `degradedPercent`, DOWN releases nobody. Better counts "
            "when it was said twice in a row, unless nothing was known, and speeds up over `rampSeconds`. Without "
            "a report for `healthStaleSeconds` the queue's `failureMode` counts: FAIL_CLOSED as DOWN, FAIL_OPEN as "
            "UNKNOWN."
        ),
        extensions=[Requires(Permission.HEALTH_REPORT)],
    )
    async def origin_health_report(
        self, info: Info, input: inputs.OriginHealthReportInput
    ) -> results.OriginHealthReportResult:
        ref = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            await service.report(tx, ref.id, input.health, input.detail)
        return results.OriginHealthReportSuccess(queue=await load_queue(info.context, ref))
