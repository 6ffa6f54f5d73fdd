"""What can be done with providers: create, update, delete; and with whom they know: link, unlink. Signs nobody in.

Whoever decides which provider is believed can become any user of the tenant by it, and so has to be allowed what an
administrator may. A client's secret is sealed, and shown to nobody again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.actor import Actor, ActorKind
from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import NotFound
from app.core.events import Event, record
from app.core.ids import new_id
from app.core.outbound import Network
from app.identity import repository as users
from app.identity import rules
from app.identity.accounts.codes import Codes, Recipient
from app.identity.accounts.models import MessageChannel, MessageKind
from app.identity.models import Role, User
from app.identity.passwords import is_anybodys
from app.identity.permissions import MATRIX
from app.identity.providers import events, people, repository, values
from app.identity.providers.claims import RoleRule
from app.identity.providers.errors import (
    IdentityTaken,
    LastWayIn,
    LoginCodeInvalid,
    ProviderNotConfigurable,
    ProviderSlugTaken,
)
from app.identity.providers.events import IDENTITY_PROVIDER
from app.identity.providers.models import IdentityProvider, ProofPurpose, ProviderKind, UserIdentity
from app.identity.providers.secrets import Sealer, answers, hashed
from app.identity.roles import service as roles
from app.identity.service import note
from app.tenants import repository as tenants
from app.tenants.errors import LimitReached
from app.tenants.models import PLATFORM_SLUG

MAX_PROVIDERS = 20
# What says who becomes what.
_GIVING = frozenset({"role_rules", "default_role"})


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider as it is asked for."""

    slug: str
    name: str
    kind: ProviderKind
    issuer: str | None = None
    directories: Sequence[str] = ()
    client_id: str | None = None
    client_secret: str | None = None
    scopes: Sequence[str] = ()
    role_rules: Sequence[RoleRule] = ()
    default_role: Role | None = None
    roles_follow: bool = False
    email_trusted: bool = False
    return_origins: Sequence[str] = ()
    enabled: bool = True


class ProviderChanges(TypedDict, total=False):
    """What is to be different. Kind and issuer stay: another one calls its people by other names."""

    slug: str
    name: str
    directories: Sequence[str]
    client_id: str | None
    client_secret: str | None
    scopes: Sequence[str]
    role_rules: Sequence[RoleRule]
    default_role: Role | None
    roles_follow: bool
    email_trusted: bool
    return_origins: Sequence[str]
    enabled: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the installation a configuration depends on."""

    sealer: Sealer
    allowed: Sequence[Network] = field(default=())


async def create(tx: WriteTx, new: NewProvider, around: Surroundings) -> IdentityProvider:
    """Let somebody vouch for the tenant's people.

    Raises `InvalidInput`, `ProviderNotConfigurable`, `RoleNotGrantable`, `ProviderSlugTaken`, `LimitReached`,
    `NotFound` (of a custom role).
    """
    now, who = tx.now(), tx.actor.label
    provider = IdentityProvider(
        tenant_id=tx.tenant,
        id=new_id(),
        slug=values.slug(new.slug),
        name=values.name(new.name),
        kind=new.kind,
        issuer=values.issuer(new.issuer, around.allowed),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    wanted = _wanted(
        provider,
        {
            "directories": new.directories,
            "client_id": new.client_id,
            "client_secret": new.client_secret,
            "scopes": new.scopes,
            "role_rules": new.role_rules,
            "default_role": new.default_role,
            "roles_follow": new.roles_follow,
            "email_trusted": new.email_trusted,
            "return_origins": new.return_origins,
            "enabled": new.enabled,
        },
        around,
    )
    for name, value in wanted.items():
        setattr(provider, name, value)
    values.ensure_whole(provider)
    await _ensure_configurable(tx)
    await _ensure_grantable(tx, provider)
    if await repository.count(tx) >= MAX_PROVIDERS:
        raise LimitReached("identityProviders", MAX_PROVIDERS)
    tx.add(provider)
    await _flush(tx, provider)
    record(
        tx,
        IDENTITY_PROVIDER,
        provider.id,
        provider.revision,
        events.IdentityProviderCreated(provider.kind, provider.slug),
        now,
    )
    return provider


async def update(tx: WriteTx, provider_id: UUID, changes: ProviderChanges, around: Surroundings) -> IdentityProvider:
    """Change some of a provider, from the next sign-in on; nothing is recorded if everything is so already.

    A secret that is given counts as another one. Raises what `create` does, and `NotFound`.
    """
    await _ensure_configurable(tx)
    provider = await repository.lock(tx, provider_id)
    wanted = _wanted(provider, changes, around)
    changed = sorted(name for name, value in wanted.items() if getattr(provider, name) != value)
    if not changed:
        return provider
    for name in changed:
        setattr(provider, name, wanted[name])
    values.ensure_whole(provider)
    if not _GIVING.isdisjoint(changed):
        await _ensure_grantable(tx, provider)
    provider.revision += 1
    provider.updated_at, provider.updated_by = tx.now(), tx.actor.label
    await _flush(tx, provider)
    _record(tx, provider, events.IdentityProviderUpdated(changed))
    return provider


async def delete(tx: WriteTx, provider_id: UUID) -> None:
    """Believe a provider no more, and forget whom it knows; the users stay.

    Raises `ProviderNotConfigurable`, `NotFound`.
    """
    await _ensure_configurable(tx)
    provider = await repository.lock(tx, provider_id)
    provider.revision += 1
    _record(tx, provider, events.IdentityProviderDeleted(provider.kind, provider.slug))
    await repository.delete_provider(tx, provider)


async def link(tx: WriteTx, codes: Codes, code: str, verifier: str) -> UserIdentity:
    """Write down that a provider knows the acting user, who is told. Raises `LoginCodeInvalid`, `IdentityTaken`."""
    user = await _acting_user(tx)
    proof = await repository.hold_proof(tx, hashed(code))
    good = (
        proof is not None
        and proof.used_at is None
        and proof.purpose is ProofPurpose.LINK
        and proof.user_id == user.id
        and tx.now() < proof.expires_at
        and answers(proof.challenge, verifier)
    )
    subject = proof.subject if proof is not None and good else None
    if proof is None or subject is None:
        raise LoginCodeInvalid
    provider = await repository.lock(tx, proof.provider_id)
    if not await people.may_be_linked(tx, user, provider, subject):
        raise IdentityTaken
    proof.used_at = tx.now()
    try:
        identity = await people.link(tx, user, provider, subject, proof.email, by_email=False)
    except IntegrityError as error:
        if constraint_name(error) == "user_identities_subject_key":
            raise IdentityTaken from None
        raise
    # A link outlasts a new password: whoever it was not has to hear of it.
    to = Recipient(MessageChannel.EMAIL, user.email)
    await codes.tell(tx, MessageKind.PROVIDER_LINKED, to, subject_id=user.id)
    return identity


async def unlink(tx: WriteTx, identity_id: UUID) -> User:
    """Forget that a provider knows the acting user. Raises `LastWayIn`, `NotFound`."""
    user = await _acting_user(tx)
    mine = (await repository.identities_of(tx, [user.id]))[user.id]
    identity = next((each for each in mine if each.id == identity_id), None)
    if identity is None:
        raise NotFound("UserIdentity")
    if not is_anybodys(user.password_hash):
        provider = await repository.find(tx, identity.provider_id)
        others = await repository.count_ways_in(tx, user.id) - int(provider is not None and provider.enabled)
        if others < 1:
            raise LastWayIn
    provider_id = identity.provider_id
    await tx.delete(identity)
    await repository.forget_proofs(tx, user.id, provider_id)
    note(tx, user, events.UserIdentityUnlinked(provider_id))
    await tx.flush()
    return user


async def _acting_user(tx: WriteTx) -> User:
    if tx.actor.kind is not ActorKind.USER or tx.actor.id is None:
        raise NotFound("User")
    return await users.lock(tx, tx.actor.id)


def _wanted(provider: IdentityProvider, changes: ProviderChanges, around: Surroundings) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "slug" in changes:
        wanted["slug"] = values.slug(changes["slug"])
    if "name" in changes:
        wanted["name"] = values.name(changes["name"])
    if "directories" in changes:
        wanted["directories"] = values.directories(changes["directories"])
    if "client_id" in changes:
        wanted["client_id"] = values.client_id(changes["client_id"])
    if "client_secret" in changes:
        secret = values.client_secret(changes["client_secret"])
        wanted["secret_sealed"] = None if secret is None else around.sealer.seal_client_secret(secret, provider.id)
    if "scopes" in changes:
        wanted["scopes"] = values.scopes(changes["scopes"])
    if "role_rules" in changes:
        wanted["role_rules"] = values.role_rules(changes["role_rules"])
    if "default_role" in changes:
        wanted["default_role"] = changes["default_role"]
    if "roles_follow" in changes:
        wanted["roles_follow"] = changes["roles_follow"]
    if "email_trusted" in changes:
        wanted["email_trusted"] = changes["email_trusted"]
    if "return_origins" in changes:
        wanted["return_origins"] = values.return_origins(changes["return_origins"])
    if "enabled" in changes:
        wanted["enabled"] = changes["enabled"]
    return wanted


async def _ensure_configurable(tx: WriteTx) -> None:
    """That the acting user may decide whom is believed about anybody here. Takes the tenant's lock."""
    tenant = await tenants.lock(tx, tx.tenant)
    if not _may_all(tx.actor, Role.SUPER_ADMIN if tenant.slug == PLATFORM_SLUG else Role.ADMIN):
        raise ProviderNotConfigurable


async def _ensure_grantable(tx: WriteTx, provider: IdentityProvider) -> None:
    """That the acting user may give every role the provider gives, and that there are such roles."""
    given = [(rule.role, rule.custom_role_id) for rule in values.role_rules_in(provider)]
    for role, custom_role_id in [*given, (provider.default_role, None)]:
        if role is not None or custom_role_id is not None:
            rules.ensure_may_manage(tx.actor, await roles.grant(tx, role or Role.CUSTOMER, custom_role_id))


def _may_all(actor: Actor, role: Role) -> bool:
    return actor.kind is ActorKind.SYSTEM or MATRIX[role] <= actor.permissions


def _record(tx: WriteTx, provider: IdentityProvider, event: Event) -> None:
    record(tx, IDENTITY_PROVIDER, provider.id, provider.revision, event, tx.now())


async def _flush(tx: WriteTx, provider: IdentityProvider) -> None:
    # Of a row whose write has failed nothing can be read.
    slug = provider.slug
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "identity_providers_slug_key":
            raise ProviderSlugTaken(slug) from None
        raise
