"""The mutations of the providers of messages."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.notifications.graphql.providers import inputs, results
from app.notifications.graphql.providers.types import MessageProvider, MessageProviderTestReport
from app.notifications.providers import service, testing


@strawberry.type
class MessageProviderMutation:
    @strawberry.mutation(
        description=(
            "Have the business's messages carried by somebody, with an account of its own there. From then on the "
            "installation's own provider is not used any more for these channels."
        ),
        extensions=[StepUp(), Requires(Permission.MESSAGE_PROVIDER_WRITE)],
    )
    async def message_provider_create(
        self, info: Info, input: inputs.MessageProviderCreateInput
    ) -> results.MessageProviderCreateResult:
        async with info.context.write() as tx:
            provider = await service.create(tx, input.provider())
        return results.MessageProviderCreateSuccess(message_provider=MessageProvider.of(provider))

    @strawberry.mutation(
        description="Change how a provider is configured, or switch it off or on. It is tried again at once.",
        extensions=[StepUp(), Requires(Permission.MESSAGE_PROVIDER_WRITE)],
    )
    async def message_provider_update(
        self, info: Info, input: inputs.MessageProviderUpdateInput
    ) -> results.MessageProviderUpdateResult:
        ref = info.context.ref("MessageProvider", input.message_provider_id)
        async with info.context.write() as tx:
            provider = await service.update(tx, ref.id, input.changes())
        return results.MessageProviderUpdateSuccess(message_provider=MessageProvider.of(provider))

    @strawberry.mutation(
        description="Give a provider no more messages, and take no more reports of it.",
        extensions=[StepUp(), Requires(Permission.MESSAGE_PROVIDER_WRITE)],
    )
    async def message_provider_delete(
        self, info: Info, input: inputs.MessageProviderDeleteInput
    ) -> results.MessageProviderDeleteResult:
        ref = info.context.ref("MessageProvider", input.message_provider_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.MessageProviderDeleteSuccess(message_provider_id=input.message_provider_id)

    @strawberry.mutation(
        description=(
            "Send a test through a provider, and see what it says: at once, whether it is paused or not, within 40 s."
        ),
        extensions=[StepUp(), Requires(Permission.MESSAGE_PROVIDER_WRITE)],
    )
    async def message_provider_test(
        self, info: Info, input: inputs.MessageProviderTestInput
    ) -> results.MessageProviderTestResult:
        context = info.context
        ref = context.ref("MessageProvider", input.message_provider_id)
        async with context.read() as tx:
            trial = await testing.prepare(
                tx,
                context.runtime.settings,
                ref.id,
                context.runtime.clock.now(),
                channel=input.channel,
                to=input.to,
            )
        outcome, seconds = await testing.send(context.runtime.dbs.app, ref.tenant_id, trial)
        async with context.write() as tx:
            provider = await testing.note(tx, trial, outcome)
        return results.MessageProviderTestSuccess(
            message_provider=MessageProvider.of(provider), report=MessageProviderTestReport.of(outcome, seconds)
        )
