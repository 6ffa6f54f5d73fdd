"""The types of providers: what anybody may know of one, how it is configured, and whom it knows."""

from datetime import datetime
from uuid import UUID

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.ids import encode
from app.identity.graphql.types import Role
from app.identity.providers import claims, models, values
from app.identity.providers.conversation import provider_path

ProviderKind = explained_enum(
    models.ProviderKind,
    "Who vouches for people.",
    GOOGLE="Google, personal accounts and Workspace.",
    MICROSOFT="Microsoft Entra: personal accounts, or the directories that are listed.",
    FACEBOOK="Facebook.",
    OIDC="Any provider of OpenID Connect, as a business runs it for its own people.",
)


@strawberry.type(description="A way to sign in that a business offers besides e-mail and password.")
class LoginProvider:
    name: str = strawberry.field(description="What to write on the button.")
    slug: str = strawberry.field(description="Unique in the business.")
    kind: ProviderKind = strawberry.field(description="Whose logo belongs there.")  # type: ignore[valid-type]
    start_url: str = strawberry.field(
        description=(
            "Where to send the browser, with two parameters: `return`, the address it comes back to, and `challenge`, "
            "the SHA-256 of a verifier the front-end keeps, in base64url without padding. It comes back with `code`, "
            "for `loginExchange`, or with `error`."
        )
    )

    @classmethod
    def of(cls, row: models.IdentityProvider, tenant_slug: str, base_url: str) -> "LoginProvider":
        """From its row."""
        start_url = base_url + provider_path(tenant_slug, row.slug)
        return cls(name=row.name, slug=row.slug, kind=row.kind, start_url=start_url)


@strawberry.type(description="Whoever's claim is, or holds, the value has the role. The first rule that fits counts.")
class RoleRule:
    claim: str = strawberry.field(description="The claim's name; `realm_access.roles` also looks inside.")
    value: str = strawberry.field(description="The value, letter by letter.")
    role: Role | None = strawberry.field(description="The role, unless it is one of one's own.")  # type: ignore[valid-type]
    custom_role_id: strawberry.ID | None = strawberry.field(description="The role of one's own, if it is one.")

    @classmethod
    def of(cls, rule: claims.RoleRule, tenant_id: UUID) -> "RoleRule":
        """From the domain's."""
        custom = None if rule.custom_role_id is None else encode("CustomRole", tenant_id, rule.custom_role_id)
        return cls(
            claim=rule.claim,
            value=rule.value,
            role=rule.role,
            custom_role_id=None if custom is None else strawberry.ID(custom),
        )


@strawberry.type(description="Somebody a business lets vouch for its people, with how that is configured.")
class IdentityProvider(Node):
    row: strawberry.Private[models.IdentityProvider]
    slug: str = strawberry.field(description="Part of the address people set out at; at most 40 characters.")
    name: str = strawberry.field(description="What stands on the button, at most 80 characters.")
    kind: ProviderKind = strawberry.field(description="Who it is.")  # type: ignore[valid-type]
    issuer: str | None = strawberry.field(description="OIDC: its issuer; null for the others.")
    directories: list[str] = strawberry.field(
        description="Microsoft: the directories whose people may sign in, by GUID; empty for everybody's."
    )
    client_id: str | None = strawberry.field(
        description="What the provider calls this business's client; null for the installation's own client."
    )
    has_client_secret: bool = strawberry.field(description="Whether a secret is kept. Nobody is shown it again.")
    scopes: list[str] = strawberry.field(description="What is asked for besides `openid email profile`.")
    default_role: Role | None = strawberry.field(  # type: ignore[valid-type]
        description="What somebody new becomes whom no rule fits; null: then they are not let in."
    )
    roles_follow: bool = strawberry.field(
        description="Whether everybody's role is set by the rules at every sign-in, instead of the first only."
    )
    email_trusted: bool = strawberry.field(
        description="Whether its addresses count as verified although it does not say so itself."
    )
    return_origins: list[str] = strawberry.field(description="Front-ends people may be sent back to, as origins.")
    enabled: bool = strawberry.field(description="Whether anybody can sign in with it at present.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.IdentityProvider) -> "IdentityProvider":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            slug=row.slug,
            name=row.name,
            kind=row.kind,
            issuer=row.issuer,
            directories=row.directories,
            client_id=row.client_id,
            has_client_secret=row.secret_sealed is not None,
            scopes=row.scopes,
            default_role=row.default_role,
            roles_follow=row.roles_follow,
            email_trusted=row.email_trusted,
            return_origins=row.return_origins,
            enabled=row.enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description=f"Which claims give which role, at most {values.MAX_ROLE_RULES} rules.")
    def role_rules(self) -> list[RoleRule]:
        """In their order."""
        return [RoleRule.of(rule, self.tenant_key) for rule in values.role_rules_in(self.row)]

    @strawberry.field(
        description=(
            "The address to register at the provider as the one people come back to; null where there is no client: "
            "neither the business's nor the installation's."
        )
    )
    def redirect_uri(self, info: Info) -> str | None:
        """As the installation is reached."""
        return info.context.runtime.journeys.conversations.redirect_uri_if_any(self.row)


@strawberry.type(description="A user as a provider knows them.")
class UserIdentity(Node):
    row: strawberry.Private[models.UserIdentity]
    email: str | None = strawberry.field(description="The address the provider named last; null if it named none.")
    linked_at: datetime = strawberry.field(description="Since when.")
    last_used_at: datetime | None = strawberry.field(description="When it last let them in; null if never.")

    @classmethod
    def of(cls, row: models.UserIdentity) -> "UserIdentity":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            email=row.email,
            linked_at=row.linked_at,
            last_used_at=row.last_used_at,
        )

    @strawberry.field(description="What the provider is called.")
    async def provider_name(self, info: Info) -> str:
        """Loaded for all identities of the answer at once."""
        return (await info.context.loader(loaders.providers_by_id, self.tenant_key).load(self.row.provider_id)).name

    @strawberry.field(description="Who the provider is.")
    async def provider_kind(self, info: Info) -> ProviderKind:  # type: ignore[valid-type]
        """Loaded for all identities of the answer at once."""
        return (await info.context.loader(loaders.providers_by_id, self.tenant_key).load(self.row.provider_id)).kind


from app.identity.graphql.providers import loaders  # noqa: E402  (loaders build these types)
