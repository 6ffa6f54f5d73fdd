"""Who carries a tenant's messages, and how each of them has been doing. The messages are elsewhere."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, optional_sealed_json


class MessageProvider(SealedRow, table=True):
    """An account of the tenant's with somebody who carries messages.

    1. created by an administrator, who may send a test through it
    2. switched off and on again by `enabled`; what was handed to it before is still reported
    3. deleted; what it has carried keeps its id

    `kind` is a provider's name in the registry, `options` what it takes, as it was given; `credentials` are sealed and
    shown to nobody again. Of those that carry a channel the one with the lowest `try_order` is tried first.
    """

    __tablename__ = "message_providers"
    __table_args__ = (UniqueConstraint("tenant_id", "name", name="message_providers_name_key"),)

    kind: str = Field(max_length=40)
    name: str = Field(max_length=80)
    channels: list[str] = json_column(list)
    options: dict[str, Any] = json_column()
    credentials: dict[str, Any] | None = optional_sealed_json()
    try_order: int = 100
    enabled: bool = True
    rate_per_minute: int | None = None
    resend_when_in_doubt: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class MessageProviderHealth(TenantRow, table=True):
    """How a provider is doing: small and hot, so a table of its own. Without a row it is doing well.

    `id` is the provider's; for the installation's own, which has no row, `installation_id` of its channel.
    `paused_until` holds messages back, `turn_at` is when the rate allows the next one (`rules.py`).
    """

    __tablename__ = "message_provider_health"
    __table_args__ = ({"info": NOT_AUDITED},)

    failures: int = 0
    paused_until: datetime | None = optional_time()
    turn_at: datetime | None = optional_time()
    last_error: str | None = Field(default=None, max_length=300)
    last_error_at: datetime | None = optional_time()


_INSTALLATION = 0x6D70_0000 << 96


def installation_id(number: int) -> UUID:
    """What the health of the installation's provider for the channel of this number is kept under."""
    return UUID(int=_INSTALLATION + number)
