"""The mutations of providers, and those by which somebody signs in with one or is known by it."""

import strawberry

from app.context import Context, Info
from app.core.actor import ActorKind
from app.core.errors import Unauthenticated
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.ids import Ref
from app.core.limits import Bucket
from app.identity import logins
from app.identity.graphql.providers import inputs, results
from app.identity.graphql.providers.types import IdentityProvider, UserIdentity
from app.identity.graphql.source import source_of
from app.identity.graphql.step_up import StepUp
from app.identity.graphql.types import User
from app.identity.permissions import Permission
from app.identity.providers import service
from app.identity.providers.service import Surroundings

_ONESELF = "Users, about themselves."


@strawberry.type
class ProviderMutation:
    @strawberry.mutation(
        description=(
            "Let a provider vouch for the business's people. Whoever decides that can become any of its users, and so "
            "has to be allowed all an administrator is."
        ),
        extensions=[StepUp(), Requires(Permission.PROVIDER_WRITE)],
    )
    async def identity_provider_create(
        self, info: Info, input: inputs.IdentityProviderCreateInput
    ) -> results.IdentityProviderCreateResult:
        new = input.provider(info.context)
        async with info.context.write() as tx:
            provider = await service.create(tx, new, _around(info.context))
        return results.IdentityProviderCreateSuccess(identity_provider=IdentityProvider.of(provider))

    @strawberry.mutation(
        description="Change how a provider is configured, or switch it off or on. Who is signed in stays so.",
        extensions=[StepUp(), Requires(Permission.PROVIDER_WRITE)],
    )
    async def identity_provider_update(
        self, info: Info, input: inputs.IdentityProviderUpdateInput
    ) -> results.IdentityProviderUpdateResult:
        ref, changes = info.context.ref("IdentityProvider", input.identity_provider_id), input.changes(info.context)
        async with info.context.write() as tx:
            provider = await service.update(tx, ref.id, changes, _around(info.context))
        return results.IdentityProviderUpdateSuccess(identity_provider=IdentityProvider.of(provider))

    @strawberry.mutation(
        description=(
            "Believe a provider no more, and forget whom it knows. Its users stay; who has no password sets one by "
            "e-mail."
        ),
        extensions=[StepUp(), Requires(Permission.PROVIDER_WRITE)],
    )
    async def identity_provider_delete(
        self, info: Info, input: inputs.IdentityProviderDeleteInput
    ) -> results.IdentityProviderDeleteResult:
        ref = info.context.ref("IdentityProvider", input.identity_provider_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.IdentityProviderDeleteSuccess(identity_provider_id=input.identity_provider_id)

    @strawberry.mutation(
        description=(
            "Sign in with the `code` a browser has come back with from a provider. Whatever the answer, the code is "
            "used up."
        ),
        extensions=[Limited(Bucket.SIGN_IN, failures_only=True), Public("Public: code and verifier say who asks.")],
    )
    async def login_exchange(self, info: Info, input: inputs.LoginExchangeInput) -> results.LoginExchangeResult:
        context = info.context
        source = source_of(context)
        proven = await context.runtime.journeys.proven(input.code, input.verifier, source)
        tokens = context.runtime.authenticator.tokens
        return results.LoginExchangeSuccess.of(await logins.begin(context.runtime.dbs, tokens, proven, source))

    @strawberry.mutation(
        description="Begin to be known by a provider: the address to send the browser to.",
        extensions=[StepUp(), Checked(_ONESELF)],
    )
    async def user_identity_start_link(
        self, info: Info, input: inputs.UserIdentityStartLinkInput
    ) -> results.UserIdentityStartLinkResult:
        journeys = info.context.runtime.journeys
        address = await journeys.ticket_to_link(
            _user_ref(info.context), input.provider_slug, input.return_url, input.challenge
        )
        return results.UserIdentityStartLinkSuccess(address=address)

    @strawberry.mutation(
        description="Be known by a provider from now on, with the `code` one's browser has come back with.",
        extensions=[Checked(_ONESELF)],
    )
    async def user_identity_link(
        self, info: Info, input: inputs.UserIdentityLinkInput
    ) -> results.UserIdentityLinkResult:
        _user_ref(info.context)
        async with info.context.write() as tx:
            identity = await service.link(tx, info.context.runtime.authenticator.codes, input.code, input.verifier)
        return results.UserIdentityLinkSuccess(user_identity=UserIdentity.of(identity))

    @strawberry.mutation(
        description="Be known by a provider no more. Refused if one could not sign in any more without it.",
        extensions=[StepUp(), Checked(_ONESELF)],
    )
    async def user_identity_unlink(
        self, info: Info, input: inputs.UserIdentityUnlinkInput
    ) -> results.UserIdentityUnlinkResult:
        _user_ref(info.context)
        ref = info.context.ref("UserIdentity", input.user_identity_id)
        async with info.context.write() as tx:
            user = await service.unlink(tx, ref.id)
        return results.UserIdentityUnlinkSuccess(user=User.of(user))


def _around(context: Context) -> Surroundings:
    conversations = context.runtime.journeys.conversations
    return Surroundings(conversations.sealer, conversations.issuers.allowed)


def _user_ref(context: Context) -> Ref:
    """The user who asks; `Unauthenticated` for everybody else."""
    actor = context.actor
    if actor.kind is not ActorKind.USER or actor.tenant_id is None or actor.id is None:
        raise Unauthenticated("This is for users, about themselves: sign in with `userLogin`.")
    return Ref(actor.tenant_id, actor.id)
