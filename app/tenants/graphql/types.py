"""The Tenant type and its parts: a public face, and an inside for its members and the platform."""

from datetime import datetime

import strawberry

from app.context import Context, Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.identity.graphql.types import Role
from app.identity.models import Role as RoleName
from app.identity.permissions import Permission
from app.tenants import models, service, values
from app.tenants.domains import service as domains

TenantStatus = explained_enum(
    models.TenantStatus,
    "Whether a tenant serves.",
    ACTIVE="It does.",
    INACTIVE="Not yet or not any more.",
    SUSPENDED="The platform turns its users and visitors away.",
)


@strawberry.type(description="How a tenant works.")
class TenantSettings:
    shift_required: bool = strawberry.field(
        description="Whether calling needs a running shift at the counter. Default false."
    )
    time_zone: str = strawberry.field(description="IANA name, e.g. `Europe/Berlin`. Default `UTC`.")
    default_locale: str = strawberry.field(
        description="Language of texts where a visitor asks for none, as a BCP 47 tag. Default `en`."
    )
    registration_open: bool = strawberry.field(
        description="Whether people can make themselves customers' accounts (`userRegister`). Default false."
    )
    second_factor_roles: list[Role] = strawberry.field(  # type: ignore[valid-type]
        description="Users of these roles need a second factor to sign in. Default: none."
    )
    second_factor_codes: bool = strawberry.field(
        description="Whether codes by e-mail and SMS count as a second factor, besides apps. Default true."
    )
    trusted_documents_only: bool = strawberry.field(
        description=(
            "Whether its people, programs and visitors may send only the operations of the front-ends "
            "(`frontend-contract`). Any other is refused with `DOCUMENT_NOT_TRUSTED`. Default false."
        )
    )
    service_level_seconds: int = strawberry.field(
        description="The longest wait that counts as good service in its figures, in seconds. Default 600."
    )

    @classmethod
    def of(cls, settings: values.TenantSettings) -> "TenantSettings":
        """From what is stored."""
        roles = [RoleName(name) for name in settings.second_factor_roles]
        return cls(**settings.model_dump() | {"second_factor_roles": roles})


@strawberry.type(description="How a tenant looks to its visitors; null where it has no wish.")
class TenantBranding:
    logo_url: str | None = strawberry.field(description="Web address of the logo, at most 2,000 characters.")
    primary_color: str | None = strawberry.field(description="Six hexadecimal digits, e.g. `#1a73e8`.")
    background_color: str | None = strawberry.field(description="Six hexadecimal digits, e.g. `#ffffff`.")
    welcome_text: str | None = strawberry.field(description="Shown before joining, at most 280 characters.")
    waiting_text: str | None = strawberry.field(description="Shown while waiting, at most 280 characters.")
    called_text: str | None = strawberry.field(description="Shown when called, at most 280 characters.")


@strawberry.type(description="How much a tenant may use. What would go beyond is refused with `LimitReachedError`.")
class TenantLimits:
    queues: int = strawberry.field(description="Queues that are not archived. Default 100.")
    waiting_sessions: int = strawberry.field(
        description="People waiting in all its queues together, on hold included. Default 100,000."
    )
    counters: int = strawberry.field(description="Counters that are active. Default 500.")
    staff: int = strawberry.field(description="Users who are neither customers nor deactivated. Default 500.")
    customers: int = strawberry.field(
        description="Customers with an account, deactivated ones apart. Default 1,000,000."
    )
    api_keys: int = strawberry.field(description="API keys that are neither revoked nor expired. Default 50.")
    custom_roles: int = strawberry.field(description="Roles of its own. Default 50.")
    storage_megabytes: int = strawberry.field(
        description="Files it has: those of persons' exports, until their time is over. In 10^6 bytes. Default 10,000."
    )
    requests_per_minute: int = strawberry.field(
        description=(
            "Requests of all its people, programs and visitors in a minute, by their cost. Beyond, the answer is "
            "`RATE_LIMITED` with `extensions.limit` `requestsPerMinute`. Default 600,000."
        )
    )


@strawberry.type(description="How much of its limits a tenant uses now.")
class TenantUsage:
    queues: int = strawberry.field(description="Queues that are not archived.")
    waiting_sessions: int = strawberry.field(description="People waiting, on hold included.")
    counters: int = strawberry.field(description="Counters that are active.")
    staff: int = strawberry.field(description="Users who are neither customers nor deactivated.")
    customers: int = strawberry.field(description="Customers with an account, deactivated ones apart.")
    api_keys: int = strawberry.field(description="API keys that are neither revoked nor expired.")
    custom_roles: int = strawberry.field(description="Roles of its own.")
    storage_megabytes: int = strawberry.field(description="Its files, in 10^6 bytes, rounded up.")
    requests_in_a_minute: int | None = strawberry.field(
        description="Requests in the last minute, by their cost. Null while they cannot be counted."
    )


@strawberry.type(description="A domain a tenant says is its own, and the record that proves it.")
class TenantDomainClaim:
    domain: str = strawberry.field(description="The domain.")
    record_name: str = strawberry.field(description="The name of the TXT record to publish.")
    record_value: str = strawberry.field(description="What the record has to say.")
    claimed_at: datetime = strawberry.field(description="When it was claimed.")


@strawberry.type(
    description=(
        "A business that runs queues. Its face is public; `settings`, `limits`, `usage` and `domainClaim` are null "
        "except for its own users with the permission `tenant:read`, and for the platform."
    )
)
class Tenant(Node):
    row: strawberry.Private[models.Tenant]
    name: str = strawberry.field(description="At most 120 characters.")
    slug: str = strawberry.field(description="Its address; unique in this installation.")
    domain: str | None = strawberry.field(description="Its own host name, verified; unique in this installation.")
    description: str | None = strawberry.field(description="At most 2,000 characters.")
    status: TenantStatus = strawberry.field(description="Whether it serves.")  # type: ignore[valid-type]
    branding: TenantBranding = strawberry.field(description="How it looks.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Tenant) -> "Tenant":
        """From its row."""
        return cls(
            tenant_key=row.id,
            key=row.id,
            row=row,
            name=row.name,
            slug=row.slug,
            domain=row.domain,
            description=row.description,
            status=row.status,
            branding=TenantBranding(**service.branding_in(row).model_dump()),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @strawberry.field(description="How it works. Null without `tenant:read`.")
    def settings(self, info: Info) -> TenantSettings | None:
        """Inside."""
        if not self._is_open_to(info.context):
            return None
        return TenantSettings.of(service.settings_in(self.row))

    @strawberry.field(description="How much it may use. Null without `tenant:read`.")
    def limits(self, info: Info) -> TenantLimits | None:
        """Inside."""
        if not self._is_open_to(info.context):
            return None
        return TenantLimits(**service.limits_in(self.row).model_dump())

    @strawberry.field(description="How much it uses now. Null without `tenant:read`.")
    async def usage(self, info: Info) -> TenantUsage | None:
        """Inside; counted when it is asked for."""
        return await loaders.usage_of(info.context, self.key) if self._is_open_to(info.context) else None

    @strawberry.field(
        description="The domain it claims and has not verified yet. Null for none. Null without `tenant:read`."
    )
    def domain_claim(self, info: Info) -> TenantDomainClaim | None:
        """Inside."""
        row = self.row
        if not self._is_open_to(info.context) or row.claimed_domain is None or row.domain_claimed_at is None:
            return None
        return TenantDomainClaim(
            domain=row.claimed_domain,
            record_name=domains.record_name(row.claimed_domain),
            record_value=domains.record_value(row.domain_challenge or ""),
            claimed_at=row.domain_claimed_at,
        )

    def _is_open_to(self, context: Context) -> bool:
        actor = context.actor
        return actor.may_in(self.key, Permission.TENANT_READ) or actor.may(Permission.PLATFORM_TENANTS)


@strawberry.type(description="A tenant and its cursor.")
class TenantEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Tenant = strawberry.field(description="The tenant.")


@strawberry.type(description="A page of tenants, in order of creation.")
class TenantConnection:
    edges: list[TenantEdge] = strawberry.field(description="The tenants.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.tenants.graphql import loaders  # noqa: E402  (loaders build these types)
