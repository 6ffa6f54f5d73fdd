"""Second factors, recovery codes, and sign-ins that wait for one. What a sign-in is stands in `identity/models.py`."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column


class FactorKind(StrEnum):
    """What somebody has: an app that shows codes, or an address that codes are sent to."""

    TOTP = "TOTP"
    EMAIL_CODE = "EMAIL_CODE"
    SMS_CODE = "SMS_CODE"


class SecondFactor(TenantRow, table=True):
    """One thing a user signs in with besides the first proof; one of each kind at most (`second_factors_kind_key`).

    1. enrolled: `confirmed_at` is null, it counts for nothing and may be enrolled anew
    2. confirmed by a code of it: from now on every sign-in needs a second factor
    3. removed by the user, or by an administrator when it is lost: the row is deleted

    Of a TOTP `secret_sealed` is the shared secret, under the installation's; `last_step` is the 30-second step of the
    code that was accepted last: it and those before it are refused for good.
    """

    __tablename__ = "second_factors"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "user_id", "kind", name="second_factors_kind_key"),
    )

    user_id: UUID
    kind: FactorKind = enum_column(FactorKind, "kind")
    secret_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    last_step: int = 0
    created_at: datetime = time_column()
    confirmed_at: datetime | None = optional_time()
    last_used_at: datetime | None = optional_time()


class RecoveryCode(TenantRow, table=True):
    """One of ten codes that each replace a second factor once, by keyed hash. New ones replace all of them."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "user_id", "code_hash", name="recovery_codes_hash_key"),
    )

    user_id: UUID
    code_hash: str = Field(max_length=64)
    created_at: datetime = time_column()
    used_at: datetime | None = optional_time()


class LoginChallenge(TenantRow, table=True):
    """A sign-in that is proved but for its second factor. Good for ten minutes, five tries and one sign-in.

    Whoever signs in holds a token of 256 bits; its hash is here. `methods` is what was proved before, `tries` counts
    what was wrong: of all a user's challenges together as well, because who knows the password can open any number.
    """

    __tablename__ = "login_challenges"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "token_hash", name="login_challenges_hash_key"),
        Index("login_challenges_user_idx", "tenant_id", "user_id", "created_at"),
        Index("login_challenges_expires_idx", "expires_at"),
    )

    user_id: UUID
    token_hash: str = Field(max_length=64)
    methods: list[str] = json_column(list)
    tries: int = 0
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = optional_time()
