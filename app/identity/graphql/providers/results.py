"""Results of the mutations of providers, and of signing in and linking with one."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.providers.types import IdentityProvider, UserIdentity
from app.identity.graphql.results import InvalidCredentialsError, RoleNotGrantableError, SecondFactorRequiredError
from app.identity.graphql.step_up import StepUpRequiredError
from app.identity.graphql.types import User
from app.identity.logins import Granted
from app.identity.providers import errors
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.ProviderSlugTaken, "Another provider of the business has this slug.")
class ProviderSlugTakenError(UserError):
    pass


@error_type(
    errors.ProviderNotConfigurable,
    "A provider vouches for any user: who configures one has to be allowed all an administrator is.",
)
class ProviderNotConfigurableError(UserError):
    pass


@error_type(errors.ProviderUnavailable, "There is no such provider here, or it is switched off.")
class ProviderUnavailableError(UserError):
    pass


@error_type(errors.LoginCodeInvalid, "The code is unknown, used, too old, or not for this verifier.")
class LoginCodeInvalidError(UserError):
    pass


@error_type(errors.IdentityTaken, "The provider's account belongs to another user, or one has another one there.")
class IdentityTakenError(UserError):
    pass


@error_type(errors.LastWayIn, "Without this identity one could not sign in any more.")
class LastWayInError(UserError):
    pass


@strawberry.type(description="The provider was created.")
class IdentityProviderCreateSuccess:
    identity_provider: IdentityProvider = strawberry.field(description="The new provider.")


@strawberry.type(description="The provider was changed.")
class IdentityProviderUpdateSuccess:
    identity_provider: IdentityProvider = strawberry.field(description="The provider as it is now.")


@strawberry.type(description="The provider vouches for nobody any more; its users stay, and sign in another way.")
class IdentityProviderDeleteSuccess:
    identity_provider_id: strawberry.ID = strawberry.field(description="The provider there was.")


@strawberry.type(description="Signed in.")
class LoginExchangeSuccess:
    access_token: str = strawberry.field(
        description="Send as `Authorization: Bearer …`; a JWT, signed with a key of `/.well-known/jwks.json`."
    )
    refresh_token: str = strawberry.field(
        description="Good for one `loginRefresh`, within 7 days by default. Keep it secret."
    )
    expires_in_seconds: int = strawberry.field(description="How long the access token is good.")
    user: User = strawberry.field(description="Who is signed in.")

    @classmethod
    def of(cls, granted: Granted) -> "LoginExchangeSuccess":
        """From what was granted."""
        return cls(
            access_token=granted.access_token,
            refresh_token=granted.refresh_token,
            expires_in_seconds=granted.expires_in_seconds,
            user=User.of(granted.user, is_self=True),
        )


@strawberry.type(description="The browser can set out to the provider.")
class UserIdentityStartLinkSuccess:
    address: str = strawberry.field(
        description="Where to send the browser, within 10 minutes. It comes back with `code`, for `userIdentityLink`."
    )


@strawberry.type(description="The provider knows one from now on.")
class UserIdentityLinkSuccess:
    user_identity: UserIdentity = strawberry.field(description="As it knows one.")


@strawberry.type(description="The provider does not know one any more.")
class UserIdentityUnlinkSuccess:
    user: User = strawberry.field(description="Oneself.")


IdentityProviderCreateResult = Annotated[
    IdentityProviderCreateSuccess
    | InvalidInputError
    | ProviderSlugTakenError
    | ProviderNotConfigurableError
    | RoleNotGrantableError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("IdentityProviderCreateResult", description="What `identityProviderCreate` answers."),
]
IdentityProviderUpdateResult = Annotated[
    IdentityProviderUpdateSuccess
    | InvalidInputError
    | ProviderSlugTakenError
    | ProviderNotConfigurableError
    | RoleNotGrantableError
    | StepUpRequiredError,
    strawberry.union("IdentityProviderUpdateResult", description="What `identityProviderUpdate` answers."),
]
IdentityProviderDeleteResult = Annotated[
    IdentityProviderDeleteSuccess | ProviderNotConfigurableError | StepUpRequiredError,
    strawberry.union("IdentityProviderDeleteResult", description="What `identityProviderDelete` answers."),
]
LoginExchangeResult = Annotated[
    LoginExchangeSuccess | SecondFactorRequiredError | LoginCodeInvalidError | InvalidCredentialsError,
    strawberry.union("LoginExchangeResult", description="What `loginExchange` answers."),
]
UserIdentityStartLinkResult = Annotated[
    UserIdentityStartLinkSuccess | InvalidInputError | ProviderUnavailableError | StepUpRequiredError,
    strawberry.union("UserIdentityStartLinkResult", description="What `userIdentityStartLink` answers."),
]
UserIdentityLinkResult = Annotated[
    UserIdentityLinkSuccess | LoginCodeInvalidError | IdentityTakenError,
    strawberry.union("UserIdentityLinkResult", description="What `userIdentityLink` answers."),
]
UserIdentityUnlinkResult = Annotated[
    UserIdentityUnlinkSuccess | LastWayInError | StepUpRequiredError,
    strawberry.union("UserIdentityUnlinkResult", description="What `userIdentityUnlink` answers."),
]
