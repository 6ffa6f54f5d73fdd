"""The mutations about people's data: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.privacy import service
from app.privacy.graphql import inputs, results
from app.privacy.graphql.types import PrivacyRequest, Retention


@strawberry.type
class PrivacyMutation:
    @strawberry.mutation(
        description="Export everything that is held about one person, as a JSON file behind a link that expires.",
        extensions=[StepUp(), Requires(Permission.PRIVACY_WRITE)],
    )
    async def person_export(self, info: Info, input: inputs.PersonExportInput) -> results.PersonExportResult:
        async with info.context.write() as tx:
            request = await service.request_export(tx, input.subject())
        return results.PersonExportSuccess(request=PrivacyRequest.of(request))

    @strawberry.mutation(
        description=(
            "Destroy everything that says who one person is: accounts, contacts, identifiers, notes, messages, lists, "
            "and from where they came. What was counted stays counted. It cannot be undone; asking twice does no harm."
        ),
        extensions=[StepUp(), Requires(Permission.PRIVACY_WRITE)],
    )
    async def person_erase(self, info: Info, input: inputs.PersonEraseInput) -> results.PersonEraseResult:
        async with info.context.write() as tx:
            request = await service.request_erasure(tx, input.subject())
        return results.PersonEraseSuccess(request=PrivacyRequest.of(request))

    @strawberry.mutation(
        description="Say for how long the business keeps what says who people are.",
        extensions=[StepUp(), Requires(Permission.PRIVACY_WRITE)],
    )
    async def retention_set(self, info: Info, input: inputs.RetentionSetInput) -> results.RetentionSetResult:
        async with info.context.write() as tx:
            retention = await service.set_retention(tx, input.days())
        return results.RetentionSetSuccess(retention=Retention.of(retention))
