"""Providers a tenant's people sign in with, and whom they know under which name. Nobody is signed in here."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, as_it_is, optional_sealed_text, sealed_text
from app.identity.models import Role


class ProviderKind(StrEnum):
    """Whose protocol and whose habits."""

    GOOGLE = "GOOGLE"
    MICROSOFT = "MICROSOFT"
    FACEBOOK = "FACEBOOK"
    OIDC = "OIDC"


class ProofPurpose(StrEnum):
    """What somebody went to a provider for."""

    SIGN_IN = "SIGN_IN"
    LINK = "LINK"


class IdentityProvider(TenantRow, table=True):
    """Somebody a tenant lets vouch for its people.

    1. created by an administrator, with a client of its own at the provider or the installation's
    2. switched off and on again by `enabled`: nobody signs in with it meanwhile; who has is not thrown out
    3. deleted, with every identity it vouched for; the users stay

    `secret_sealed` is bound to the row. `role_rules` is a list of `rules.RoleRule` as plain data, `default_role` what a
    new account becomes that no rule knows; null for nothing: then it is not made.
    """

    __tablename__ = "identity_providers"
    __table_args__ = (UniqueConstraint("tenant_id", "slug", name="identity_providers_slug_key"),)

    slug: str = Field(max_length=40)
    name: str = Field(max_length=80)
    kind: ProviderKind = enum_column(ProviderKind, "kind")
    issuer: str | None = Field(default=None, max_length=300)
    directories: list[str] = json_column(list)
    client_id: str | None = Field(default=None, max_length=300)
    secret_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    scopes: list[str] = json_column(list)
    role_rules: list[dict[str, Any]] = json_column(list)
    default_role: Role | None = Field(
        default=None,
        sa_type=Enum(Role, native_enum=False, create_constraint=True, length=24, name="default_role"),
    )
    roles_follow: bool = False
    email_trusted: bool = False
    return_origins: list[str] = json_column(list)
    enabled: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class UserIdentity(SealedRow, table=True):
    """A user as a provider knows them: `subject` is what it calls them, `email` the address it named last.

    One provider knows a user once (`user_identities_user_key`), and one whom it knows is one user
    (`user_identities_subject_key`).
    """

    __tablename__ = "user_identities"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["tenant_id", "provider_id"], ["identity_providers.tenant_id", "identity_providers.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "provider_id", "subject_index", name="user_identities_subject_key"),
        UniqueConstraint("tenant_id", "user_id", "provider_id", name="user_identities_user_key"),
    )

    user_id: UUID
    provider_id: UUID
    subject: str = sealed_text(found_by=as_it_is)
    email: str | None = optional_sealed_text()
    linked_at: datetime = time_column()
    last_used_at: datetime | None = optional_time()


class ProviderProof(SealedRow, table=True):
    """That somebody has come back from a provider who vouched for them, until they fetch what they came for.

    1. made by the callback, with a code that is good once, for a minute, together with the front-end's verifier
    2. used: SIGN_IN opens the user's sign-in, LINK gives the user who asked the identity
    3. deleted some time after

    For LINK `subject` and `email` say whom the provider knows; for SIGN_IN that was looked up already.
    """

    __tablename__ = "provider_proofs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["tenant_id", "provider_id"], ["identity_providers.tenant_id", "identity_providers.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "code_hash", name="provider_proofs_code_key"),
        Index("provider_proofs_expires_idx", "expires_at"),
    )

    purpose: ProofPurpose = enum_column(ProofPurpose, "purpose")
    provider_id: UUID
    user_id: UUID
    code_hash: str = Field(max_length=64)
    challenge: str = Field(max_length=43)
    subject: str | None = optional_sealed_text()
    email: str | None = optional_sealed_text()
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = optional_time()
