"""Inputs of the tenant mutations."""

from typing import Any

import strawberry
from strawberry import UNSET

from app.identity import rules as user_rules
from app.identity.models import Role
from app.identity.passwords import hash_new
from app.identity.service import NewUser
from app.tenants.service import NewTenant, TenantChanges

KEY = "A random string (a UUID, say) of at most 200 characters; the same key again returns the first result."


@strawberry.input(description="How a tenant works; what is left out, or null, stays or gets its default.")
class TenantSettingsInput:
    shift_required: bool | None = strawberry.field(
        default=UNSET, description="Whether calling needs a running shift at the counter. Default false."
    )
    time_zone: str | None = strawberry.field(default=UNSET, description="IANA name. Default `UTC`.")
    default_locale: str | None = strawberry.field(default=UNSET, description="BCP 47 tag. Default `en`.")
    trusted_documents_only: bool | None = strawberry.field(
        default=UNSET,
        description="Whether only the operations of the front-ends may be sent; this one is one. Default false.",
    )
    registration_open: bool | None = strawberry.field(
        default=UNSET, description="Whether people can make themselves customers' accounts. Default false."
    )
    service_level_seconds: int | None = strawberry.field(
        default=UNSET,
        description="The longest wait that counts as good service, in seconds, 1 to 86,400. Default 600.",
    )


@strawberry.input(description="How a tenant looks; what is left out stays, null takes it away.")
class TenantBrandingInput:
    logo_url: str | None = strawberry.field(
        default=UNSET, description="Starts with https:// or http://, at most 2,000 characters."
    )
    primary_color: str | None = strawberry.field(default=UNSET, description="E.g. `#1a73e8`.")
    background_color: str | None = strawberry.field(default=UNSET, description="E.g. `#ffffff`.")
    welcome_text: str | None = strawberry.field(default=UNSET, description="At most 280 characters.")
    waiting_text: str | None = strawberry.field(default=UNSET, description="At most 280 characters.")
    called_text: str | None = strawberry.field(default=UNSET, description="At most 280 characters.")


@strawberry.input(description="How much a tenant may use; what is left out, or null, stays or gets its default.")
class TenantLimitsInput:
    queues: int | None = strawberry.field(default=UNSET, description="0 to 100,000. Default 100.")
    waiting_sessions: int | None = strawberry.field(default=UNSET, description="0 to 10,000,000. Default 100,000.")
    counters: int | None = strawberry.field(default=UNSET, description="0 to 100,000. Default 500.")
    staff: int | None = strawberry.field(default=UNSET, description="1 to 100,000. Default 500.")
    customers: int | None = strawberry.field(default=UNSET, description="0 to 100,000,000. Default 1,000,000.")
    api_keys: int | None = strawberry.field(default=UNSET, description="0 to 10,000. Default 50.")
    requests_per_minute: int | None = strawberry.field(default=UNSET, description="60 to 100,000,000. Default 600,000.")
    custom_roles: int | None = strawberry.field(default=UNSET, description="0 to 1,000. Default 50.")
    storage_megabytes: int | None = strawberry.field(
        default=UNSET, description="0 to 10,000,000, in 10^6 bytes. Default 10,000."
    )


@strawberry.input(description="A new tenant and its first administrator.")
class TenantCreateInput:
    name: str = strawberry.field(description="1 to 120 characters.")
    slug: str = strawberry.field(description="1 to 63 of a-z, 0-9 and -; unique in this installation.")
    admin_email: str = strawberry.field(description="E-mail address the administrator signs in with.")
    admin_password: str = strawberry.field(description="8 to 128 characters; the administrator's.")
    domain: str | None = strawberry.field(default=None, description="Its own host name. Default: none.")
    description: str | None = strawberry.field(default=None, description="At most 2,000 characters.")
    settings: TenantSettingsInput | None = strawberry.field(default=None, description="Default: the defaults.")
    branding: TenantBrandingInput | None = strawberry.field(default=None, description="Default: none.")
    limits: TenantLimitsInput | None = strawberry.field(default=None, description="Default: the defaults.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def tenant(self) -> NewTenant:
        """What the service takes."""
        return NewTenant(
            name=self.name,
            slug=self.slug,
            domain=self.domain,
            description=self.description,
            settings=_given(self.settings),
            branding=_given(self.branding, nullable=True),
            limits=_given(self.limits),
        )

    async def administrator(self) -> NewUser:
        """The first user, with the password hashed: not to be done in a block."""
        email = user_rules.email(self.admin_email, "adminEmail")
        return NewUser(email, await hash_new(self.admin_password, email, self.name, self.slug), Role.ADMIN)


@strawberry.input(description="What to change of a tenant; what is left out stays.")
class TenantUpdateInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 120 characters.")
    slug: str | None = strawberry.field(
        default=UNSET, description="1 to 63 of a-z, 0-9 and -. Only the platform may change it."
    )
    domain: str | None = strawberry.field(
        default=UNSET, description="Its own host name; null for none. Only the platform may change it."
    )
    description: str | None = strawberry.field(default=UNSET, description="At most 2,000 characters; null for none.")
    settings: TenantSettingsInput | None = strawberry.field(default=UNSET, description="Only what is to change.")
    branding: TenantBrandingInput | None = strawberry.field(default=UNSET, description="Only what is to change.")
    limits: TenantLimitsInput | None = strawberry.field(
        default=UNSET,
        description="Only what is to change; only the platform may. Lowering one takes nothing away that is there.",
    )

    def changes(self) -> TenantChanges:
        """What was given. Null stands for "none" where there can be none, and for "as it is" elsewhere."""
        changes: TenantChanges = {}
        if self.name is not UNSET and self.name is not None:
            changes["name"] = self.name
        if self.slug is not UNSET and self.slug is not None:
            changes["slug"] = self.slug
        if self.domain is not UNSET:
            changes["domain"] = self.domain
        if self.description is not UNSET:
            changes["description"] = self.description
        if settings := _given(self.settings):
            changes["settings"] = settings
        if branding := _given(self.branding, nullable=True):
            changes["branding"] = branding
        if limits := _given(self.limits):
            changes["limits"] = limits
        return changes


@strawberry.input(description="Which tenant to suspend.")
class TenantSuspendInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")


@strawberry.input(description="Which tenant to reactivate.")
class TenantReactivateInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")


@strawberry.input(description="Which tenant to delete.")
class TenantDeleteInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant; it must be suspended.")
    slug: str = strawberry.field(description="Its slug once more, as a confirmation.")


def _given(section: object, *, nullable: bool = False) -> dict[str, Any]:
    if section is None or section is UNSET:
        return {}
    return {
        name: value for name, value in vars(section).items() if value is not UNSET and (nullable or value is not None)
    }
