"""Users, their logins and the keys that sign their tokens. Visitors are not users: they hold a session token."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.ids import new_id
from app.core.personal.sealed import SealedRow, any_case, as_it_is, digits, optional_sealed_text, sealed_text


class Role(StrEnum):
    """What a user is; `identity/permissions.py` says what that allows."""

    SUPER_ADMIN = "SUPER_ADMIN"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"


class UserStatus(StrEnum):
    """Only ACTIVE users sign in."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SUSPENDED = "SUSPENDED"


class User(SealedRow, table=True):
    """Somebody with an account in one tenant. E-mail is stored in lower case and unique per tenant.

    With a custom role, `role` is its base: what it allows is in `identity/roles`, not in the matrix.

    `permission_version` grows whenever role or status changes; tokens carry it and die with it.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email_index", name="users_email_key"),
        UniqueConstraint("tenant_id", "username_index", name="users_username_key"),
        Index("users_phone_idx", "tenant_id", "phone_index", postgresql_where="phone_index is not null"),
        ForeignKeyConstraint(["tenant_id", "custom_role_id"], ["roles.tenant_id", "roles.id"]),
        Index("users_custom_role_idx", "tenant_id", "custom_role_id"),
    )

    email: str = sealed_text(found_by=any_case)
    username: str | None = optional_sealed_text(found_by=as_it_is)
    first_name: str | None = optional_sealed_text()
    last_name: str | None = optional_sealed_text()
    phone: str | None = optional_sealed_text(found_by=digits)
    password_hash: str = Field(max_length=200)
    role: Role = enum_column(Role, "role")
    custom_role_id: UUID | None = None
    status: UserStatus = enum_column(UserStatus, "status", UserStatus.ACTIVE)
    email_verified: bool = False
    phone_verified: bool = False
    permission_version: int = 1
    last_login_at: datetime | None = optional_time()
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class ImportedHashKind(SQLModel, table=True):
    """A kind of password hash somebody was imported with, e.g. `$2b$12$`: what else has to be computed at a sign-in, so
    that nobody can tell by the time it takes who was imported. Gone when the last of them has been replaced.
    """

    __tablename__ = "imported_hash_kinds"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    kind: str = Field(primary_key=True, max_length=80)


class Login(SealedRow, table=True):
    """One sign-in: a family of refresh tokens, of which only the newest generation is good.

    1. opened by signing in, with a token of generation 1
    2. using a token of the current `generation` starts the next one (`last_used_at`); for a short while the generation
       before may be used again, because the answer may have been lost, and gets another token of the current one
    3. revoked by signing out, by deactivation, or because an older token was presented: it must have been copied

    `methods` are those by which it was ever proved, `proved_at` is the last time: dangerous actions ask for it.
    `wrong_proofs` counts what was wrong since.
    """

    __tablename__ = "logins"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        Index("logins_user_idx", "tenant_id", "user_id"),
        Index("logins_expires_idx", "tenant_id", "expires_at"),
    )

    user_id: UUID
    generation: int = 1
    created_at: datetime = time_column()
    last_used_at: datetime = time_column()
    expires_at: datetime = time_column()
    methods: list[str] = json_column(list)
    proved_at: datetime = time_column()
    wrong_proofs: int = 0
    revoked_at: datetime | None = optional_time()
    revoke_reason: str | None = Field(default=None, max_length=64)
    agent: str | None = optional_sealed_text()
    address: str | None = optional_sealed_text()


class RefreshToken(TenantRow, table=True):
    """A refresh token ever given out, by hash."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "login_id"], ["logins.tenant_id", "logins.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "token_hash", name="refresh_tokens_hash_key"),
        Index("refresh_tokens_login_idx", "tenant_id", "login_id"),
        Index("refresh_tokens_expires_idx", "expires_at"),
        {"info": NOT_AUDITED},
    )

    login_id: UUID
    generation: int = 1
    token_hash: str = Field(max_length=64)
    issued_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = optional_time()


class KeyStatus(StrEnum):
    """NEXT is published before it signs, RETIRED still verifies: rotation without a failed request."""

    NEXT = "NEXT"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class KeyPurpose(StrEnum):
    """What a key signs: users' access tokens, or visitors' admission tokens for protected sites."""

    ACCESS = "ACCESS"
    ADMISSION = "ADMISSION"


class SigningKey(SQLModel, table=True):
    """A key of the platform's JWKS. The private half is sealed with the installation's secret.

    One of each purpose is ACTIVE (`signing_keys_active_key`).
    """

    __tablename__ = "signing_keys"
    __table_args__ = (Index("signing_keys_active_key", "purpose", unique=True, postgresql_where="status = 'ACTIVE'"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kid: str = Field(max_length=64, unique=True)
    purpose: KeyPurpose = enum_column(KeyPurpose, "purpose")
    algorithm: str = Field(max_length=16)
    public_jwk: dict[str, Any] = json_column()
    private_sealed: bytes = Field(sa_type=LargeBinary)
    status: KeyStatus = enum_column(KeyStatus, "status")
    created_at: datetime = time_column()
    activated_at: datetime | None = optional_time()
    retired_at: datetime | None = optional_time()
