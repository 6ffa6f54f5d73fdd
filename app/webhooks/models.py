"""Endpoints events are sent to, and what became of each. How sending goes on is `carrier.py`'s business."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Enum, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, optional_sealed_text, sealed_text


class WebhookOrdering(StrEnum):
    """In which order an endpoint is sent what happens."""

    NONE = "NONE"
    PER_QUEUE = "PER_QUEUE"


class DisableReason(StrEnum):
    """Why nothing is sent any more."""

    BY_USER = "BY_USER"
    GONE = "GONE"
    FAILING = "FAILING"


class DeliveryStatus(StrEnum):
    """DELIVERED: answered with 2xx. FAILED: every try of the schedule was used up, or the endpoint was gone."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class WebhookEndpoint(TenantRow, table=True):
    """An address of a tenant's that is told what happens, from its creation on.

    1. created with its first secret, enabled
    2. switched off and on by its people; switched off by us when it answers 410, or nothing good for days: then
       `disabled_reason` says why, an event is recorded and administrators are told. What is pending waits, 30 days
    3. deleted, with its log

    Empty `event_types` are all of them; empty `queue_ids` everything that happens, and not only in some queues.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("webhook_endpoints_created_idx", "tenant_id", "created_at", "id"),)

    name: str = Field(max_length=80)
    url: str = Field(max_length=2000)
    event_types: list[str] = json_column(list)
    queue_ids: list[str] = json_column(list)
    ordering: WebhookOrdering = enum_column(WebhookOrdering, "ordering", WebhookOrdering.NONE)
    enabled: bool = True
    disabled_at: datetime | None = optional_time()
    disabled_reason: DisableReason | None = Field(
        default=None,
        sa_type=Enum(DisableReason, native_enum=False, create_constraint=True, length=24, name="disabled_reason"),
    )
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class WebhookSecret(SealedRow, table=True):
    """A secret an endpoint's messages are signed with. `ends_at` is null for the newest; rotation ends the others."""

    __tablename__ = "webhook_secrets"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["webhook_endpoints.tenant_id", "webhook_endpoints.id"], ondelete="CASCADE"
        ),
        Index("webhook_secrets_endpoint_idx", "tenant_id", "endpoint_id", "created_at"),
        {"info": NOT_AUDITED},
    )

    endpoint_id: UUID
    secret: str = sealed_text()
    created_at: datetime = time_column()
    ends_at: datetime | None = optional_time()


class WebhookLane(SQLModel, table=True):
    """How sending to one endpoint goes: a small row of its own, because every batch of events and every try writes it.

    - `due_at`: when there is something to do; null while there is not
    - `leased_until`, `claim`: which worker has it, and until when it need not be looked after
    - `failures`: portions in a row of which nothing arrived; `paused_until`: nobody asks it before (the breaker)
    """

    __tablename__ = "webhook_lanes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["webhook_endpoints.tenant_id", "webhook_endpoints.id"], ondelete="CASCADE"
        ),
        Index("webhook_lanes_due_idx", "due_at", postgresql_where="due_at is not null"),
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    endpoint_id: UUID = Field(primary_key=True)
    due_at: datetime | None = optional_time()
    leased_until: datetime | None = optional_time()
    claim: int = Field(default=0, sa_type=BigInteger)
    failures: int = 0
    failing_since: datetime | None = optional_time()
    paused_until: datetime | None = optional_time()
    last_delivered_at: datetime | None = optional_time()
    last_error: str | None = Field(default=None, max_length=300)


class WebhookDelivery(TenantRow, table=True):
    """One event owed to one endpoint. Its id is the `webhook-id` of every try, and of replays too.

    1. PENDING from the transaction in which the relay takes the event from the log (`fan_out`)
    2. tried until it is answered with 2xx: `tries` counts since it became pending, `attempts` all there ever were
    3. DELIVERED or FAILED; a replay makes it PENDING again

    Once per event and endpoint (`webhook_deliveries_once_key`). The event itself stays in the log.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["webhook_endpoints.tenant_id", "webhook_endpoints.id"], ondelete="CASCADE"
        ),
        UniqueConstraint(
            "tenant_id",
            "endpoint_id",
            "aggregate_type",
            "aggregate_id",
            "revision",
            name="webhook_deliveries_once_key",
        ),
        Index(
            "webhook_deliveries_pending_idx",
            "tenant_id",
            "endpoint_id",
            "aggregate_type",
            "aggregate_id",
            "revision",
            postgresql_where="status = 'PENDING'",
        ),
        Index(
            "webhook_deliveries_due_idx", "tenant_id", "endpoint_id", "due_at", postgresql_where="status = 'PENDING'"
        ),
        Index("webhook_deliveries_log_idx", "tenant_id", "created_at", "id"),
        Index("webhook_deliveries_endpoint_idx", "tenant_id", "endpoint_id", "created_at", "id"),
        Index("webhook_deliveries_age_idx", "created_at"),
        {"info": NOT_AUDITED},
    )

    endpoint_id: UUID
    aggregate_type: str = Field(max_length=32)
    aggregate_id: UUID
    revision: int = Field(sa_type=BigInteger)
    occurred_at: datetime = time_column()
    event_type: str = Field(max_length=48)
    status: DeliveryStatus = enum_column(DeliveryStatus, "status", DeliveryStatus.PENDING)
    tries: int = 0
    attempts: int = 0
    created_at: datetime = time_column()
    # Not to be tried before.
    due_at: datetime = time_column()
    settled_at: datetime | None = optional_time()
    error: str | None = Field(default=None, max_length=300)


class WebhookAttempt(SealedRow, table=True):
    """One try: where it went, what was answered (the beginning, masked), or why nothing was."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "delivery_id"], ["webhook_deliveries.tenant_id", "webhook_deliveries.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "delivery_id", "number", name="webhook_attempts_number_key"),
        {"info": NOT_AUDITED},
    )

    delivery_id: UUID
    number: int
    started_at: datetime = time_column()
    duration_ms: int
    url: str = Field(max_length=2000)
    status_code: int | None = None
    error: str | None = Field(default=None, max_length=300)
    answer: str | None = optional_sealed_text()
