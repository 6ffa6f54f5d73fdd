"""Inputs of the mutations of providers, and of signing in and linking with one."""

import strawberry
from strawberry import UNSET

from app.context import Context
from app.identity.graphql.providers.types import ProviderKind
from app.identity.graphql.types import Role
from app.identity.providers.claims import RoleRule
from app.identity.providers.service import NewProvider, ProviderChanges
from app.identity.providers.values import MAX_DIRECTORIES, MAX_RETURN_ORIGINS, MAX_ROLE_RULES, MAX_SCOPES

_SLUG = "1 to 40 of a-z, 0-9 and -; unique in the business."
_NAME = "What stands on the button, 1 to 80 characters."
_DIRECTORIES = (
    f"Microsoft: the directories whose people may sign in, by GUID, at most {MAX_DIRECTORIES}; none for everybody's."
)
_CLIENT_ID = "What the provider calls this business's client. Default: the installation's own client, if it has one."
_CLIENT_SECRET = "Its secret, 1 to 300 characters. Kept sealed, and shown to nobody again. Default: none."
_SCOPES = f"What to ask for besides `openid email profile`, at most {MAX_SCOPES}."
_RULES = (
    f"Which claims give which role, at most {MAX_ROLE_RULES}; the first that fits counts. None allows more than "
    "one's own."
)
_DEFAULT_ROLE = (
    "What somebody new becomes whom no rule fits: no more than one's own, and only `CUSTOMER` where anybody in the "
    "world has an account. Null: then they are not let in."
)
_FOLLOW = (
    "Whether everybody's role is set by the rules at every sign-in, those who were there before included; whoever no "
    "rule fits gets the default role, or is not let in. The last administrator keeps the role."
)
_TRUSTED = (
    "Whether its addresses count as verified although it does not say so. Whoever can choose an address there becomes "
    "the user who has it here: only for a provider that is the business's own."
)
_ORIGINS = (
    f"Front-ends people may be sent back to, as origins (`https://shop.example.com`), at most {MAX_RETURN_ORIGINS}, "
    "besides the installation's own."
)
_RETURN = "Where the browser comes back to, with `code` or `error` added to the query; at most 1,000 characters."
_CHALLENGE = "The SHA-256 of a verifier the front-end keeps, in base64url without padding: 43 characters."
_CODE = "The `code` the browser came back with; good once, within a minute."
_VERIFIER = "The verifier the challenge was made of, 43 to 128 characters."


@strawberry.input(description="Which claim gives which role: either `role` or `customRoleId`.")
class RoleRuleInput:
    claim: str = strawberry.field(
        description="The claim's name, 1 to 200 characters; `realm_access.roles` also looks inside."
    )
    value: str = strawberry.field(description="What it is or holds, letter by letter, 1 to 200 characters.")
    role: Role | None = strawberry.field(default=None, description="One of the five roles.")  # type: ignore[valid-type]
    custom_role_id: strawberry.ID | None = strawberry.field(default=None, description="A role of one's own.")

    def rule(self, context: Context) -> RoleRule:
        """As the domain has it."""
        custom = None if self.custom_role_id is None else context.ref("CustomRole", self.custom_role_id).id
        return RoleRule(self.claim, self.value, self.role, custom)


@strawberry.input(description="Somebody new to vouch for the business's people.")
class IdentityProviderCreateInput:
    slug: str = strawberry.field(description=_SLUG)
    name: str = strawberry.field(description=_NAME)
    kind: ProviderKind = strawberry.field(description="Who it is; stays as it is.")  # type: ignore[valid-type]
    issuer: str | None = strawberry.field(
        default=None,
        description="OIDC: the issuer, letter by letter as its discovery document has it; stays as it is.",
    )
    directories: list[str] = strawberry.field(default_factory=list, description=f"{_DIRECTORIES} Default: none.")
    client_id: str | None = strawberry.field(default=None, description=_CLIENT_ID)
    client_secret: str | None = strawberry.field(default=None, description=_CLIENT_SECRET)
    scopes: list[str] = strawberry.field(default_factory=list, description=f"{_SCOPES} Default: none.")
    role_rules: list[RoleRuleInput] = strawberry.field(default_factory=list, description=f"{_RULES} Default: none.")
    default_role: Role | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description=f"{_DEFAULT_ROLE} Default: null."
    )
    roles_follow: bool = strawberry.field(default=False, description=f"{_FOLLOW} Default: no.")
    email_trusted: bool = strawberry.field(default=False, description=f"{_TRUSTED} Default: no.")
    return_origins: list[str] = strawberry.field(default_factory=list, description=f"{_ORIGINS} Default: none.")
    enabled: bool = strawberry.field(default=True, description="Whether people can sign in with it. Default: yes.")

    def provider(self, context: Context) -> NewProvider:
        """What the service takes."""
        return NewProvider(
            slug=self.slug,
            name=self.name,
            kind=self.kind,
            issuer=self.issuer,
            directories=self.directories,
            client_id=self.client_id,
            client_secret=self.client_secret,
            scopes=self.scopes,
            role_rules=[rule.rule(context) for rule in self.role_rules],
            default_role=self.default_role,
            roles_follow=self.roles_follow,
            email_trusted=self.email_trusted,
            return_origins=self.return_origins,
            enabled=self.enabled,
        )


@strawberry.input(description="What to change of a provider, from the next sign-in on; what is left out stays.")
class IdentityProviderUpdateInput:
    identity_provider_id: strawberry.ID = strawberry.field(description="The provider.")
    slug: str | None = strawberry.field(default=UNSET, description=_SLUG)
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    directories: list[str] | None = strawberry.field(default=UNSET, description=_DIRECTORIES)
    client_id: str | None = strawberry.field(
        default=UNSET, description="This business's client; null for the installation's own."
    )
    client_secret: str | None = strawberry.field(
        default=UNSET, description="Its secret, 1 to 300 characters; null for none. Shown to nobody again."
    )
    scopes: list[str] | None = strawberry.field(default=UNSET, description=_SCOPES)
    role_rules: list[RoleRuleInput] | None = strawberry.field(
        default=UNSET, description=f"{_RULES} Instead of those there are."
    )
    default_role: Role | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_DEFAULT_ROLE
    )
    roles_follow: bool | None = strawberry.field(default=UNSET, description=_FOLLOW)
    email_trusted: bool | None = strawberry.field(default=UNSET, description=_TRUSTED)
    return_origins: list[str] | None = strawberry.field(default=UNSET, description=_ORIGINS)
    enabled: bool | None = strawberry.field(default=UNSET, description="Whether people can sign in with it.")

    def changes(self, context: Context) -> ProviderChanges:
        """What was given. Null stands for "as it is" where there must be a value."""
        changes: ProviderChanges = {}
        if self.client_id is not UNSET:
            changes["client_id"] = self.client_id
        if self.client_secret is not UNSET:
            changes["client_secret"] = self.client_secret
        if self.default_role is not UNSET:
            changes["default_role"] = self.default_role
        if self.role_rules is not UNSET and self.role_rules is not None:
            changes["role_rules"] = [rule.rule(context) for rule in self.role_rules]
        for name in (
            "slug",
            "name",
            "directories",
            "scopes",
            "roles_follow",
            "email_trusted",
            "return_origins",
            "enabled",
        ):
            value = getattr(self, name)
            if value is not UNSET and value is not None:
                changes[name] = value
        return changes


@strawberry.input(description="Which provider to believe no more.")
class IdentityProviderDeleteInput:
    identity_provider_id: strawberry.ID = strawberry.field(description="The provider.")


@strawberry.input(description="What somebody who is back from a provider shows for a sign-in.")
class LoginExchangeInput:
    code: str = strawberry.field(description=_CODE)
    verifier: str = strawberry.field(description=_VERIFIER)


@strawberry.input(description="By which provider one wants to be known from now on.")
class UserIdentityStartLinkInput:
    provider_slug: str = strawberry.field(description="The provider's `slug`, as `loginProviders` shows it.")
    return_url: str = strawberry.field(description=_RETURN)
    challenge: str = strawberry.field(description=_CHALLENGE)


@strawberry.input(description="What somebody who is back from a provider shows to be known by it from now on.")
class UserIdentityLinkInput:
    code: str = strawberry.field(description=_CODE)
    verifier: str = strawberry.field(description=_VERIFIER)


@strawberry.input(description="Which of one's own identities to give up.")
class UserIdentityUnlinkInput:
    user_identity_id: strawberry.ID = strawberry.field(description="The identity, as `User.identities` shows it.")
