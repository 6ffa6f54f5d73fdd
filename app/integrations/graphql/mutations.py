"""The mutations of integrations, fees and payments."""

from functools import partial
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.graphql.permissions import Checked, Requires
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.integrations import fees, paying, repository, rules, service
from app.integrations.breaker import Asking
from app.integrations.graphql import inputs, results
from app.integrations.graphql.types import Integration, Payment
from app.queues import repository as queues
from app.queues.graphql.loaders import load_queue
from app.sessions import repository as sessions
from app.sessions.graphql.loaders import session_ref
from app.sessions.metered.settle import settle_changed


@strawberry.type
class IntegrationMutation:
    @strawberry.mutation(
        description="Let the business use another system: its CRM, or what takes its fees.",
        extensions=[StepUp(), Requires(Permission.INTEGRATION_WRITE)],
    )
    async def integration_create(
        self, info: Info, input: inputs.IntegrationCreateInput
    ) -> results.IntegrationCreateResult:
        new = input.integration()
        async with info.context.write() as tx:
            row = await service.create(tx, new)
        return results.IntegrationCreateSuccess(integration=Integration.of(row))

    @strawberry.mutation(
        description="Change how a system is used, or switch it off or on. It is asked again at once.",
        extensions=[StepUp(), Requires(Permission.INTEGRATION_WRITE)],
    )
    async def integration_update(
        self, info: Info, input: inputs.IntegrationUpdateInput
    ) -> results.IntegrationUpdateResult:
        ref, changes = info.context.ref("Integration", input.integration_id), input.changes()
        async with info.context.write() as tx:
            row = await service.update(tx, ref.id, changes)
        return results.IntegrationUpdateSuccess(integration=Integration.of(row))

    @strawberry.mutation(
        description="Forget a system with its credentials. Not one that fees were paid by: that is switched off.",
        extensions=[StepUp(), Requires(Permission.INTEGRATION_WRITE)],
    )
    async def integration_delete(
        self, info: Info, input: inputs.IntegrationDeleteInput
    ) -> results.IntegrationDeleteResult:
        ref = info.context.ref("Integration", input.integration_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.IntegrationDeleteSuccess(integration_id=input.integration_id)

    @strawberry.mutation(
        description="Ask a system something harmless, as it is configured: whether it answers, within 5 seconds.",
        extensions=[Requires(Permission.INTEGRATION_WRITE)],
    )
    async def integration_test(self, info: Info, input: inputs.IntegrationTestInput) -> results.IntegrationTestResult:
        ref = info.context.ref("Integration", input.integration_id)
        write = partial(info.context.write, ref.tenant_id)
        answer = await service.try_out(_asking(info.context, ref.tenant_id), write, ref.id)
        async with info.context.read() as tx:
            row = await repository.get(tx, ref.id)
        return results.IntegrationTestSuccess(integration=Integration.of(row), answer=answer)

    @strawberry.mutation(
        description=(
            "What joining a queue costs from now on: whoever joins is on hold until it is paid, and gives up the place "
            "if that takes too long. Who has joined is not touched. Staff let people in without it by `sessionUnhold`."
        ),
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def queue_set_fee(self, info: Info, input: inputs.QueueSetFeeInput) -> results.QueueSetFeeResult:
        ref, fee = info.context.ref("Queue", input.queue_id), input.config()
        async with info.context.write() as tx:
            await fees.set_fee(tx, ref.id, fee)
            await settle_changed(tx, ref.id)
        return results.QueueSetFeeSuccess(queue=await load_queue(info.context, ref))

    @strawberry.mutation(
        description=(
            "A page on which a session's fee can be paid; the same one until it ends. Asked again by somebody who "
            "comes back from it, it also says whether the fee is paid."
        ),
        extensions=[Checked("For the session's visitor (session token), or staff with `session:write`.")],
    )
    async def session_pay(self, info: Info, input: inputs.SessionPayInput) -> results.SessionPayResult:
        context = info.context
        ref = session_ref(context, input.session_id, Permission.SESSION_WRITE)
        settings = context.runtime.settings
        async with context.read(ref.tenant_id) as tx:
            queue = await queues.get(tx, (await sessions.get(tx, ref.id)).queue_id)
        url = rules.ensure_return_url(
            input.return_url, [settings.base_url, *settings.cors_origins, *queue.site_origins]
        )
        write = partial(context.write, ref.tenant_id)
        payment = await paying.pay(_asking(context, ref.tenant_id), write, ref.id, url)
        return results.SessionPaySuccess(payment=Payment.of(payment))


def _asking(context: Context, tenant_id: UUID) -> Asking:
    return Asking(context.runtime.dbs.app, context.runtime.clock, context.runtime.settings, tenant_id)
