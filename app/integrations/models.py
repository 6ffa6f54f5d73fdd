"""Tables of integrations: what is configured, how it does, who a visitor is at a CRM, what is owed and paid.

What is said to other systems is the adapters' business; who may wait without having paid is decided in `payments.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, optional_sealed_json, optional_sealed_text


class IntegrationKind(StrEnum):
    """What another system is for."""

    CRM = "CRM"
    PAYMENT = "PAYMENT"


class CustomerStatus(StrEnum):
    """What came of looking somebody up at the CRM."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    FAILED = "FAILED"


class RefundRule(StrEnum):
    """Which fees go back by themselves when a place is cancelled."""

    NEVER = "NEVER"
    BEFORE_CALL = "BEFORE_CALL"
    ALWAYS = "ALWAYS"


class PaymentStatus(StrEnum):
    """Where a fee stands."""

    OPEN = "OPEN"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    REFUND_OWED = "REFUND_OWED"
    REFUNDED = "REFUNDED"
    REFUND_FAILED = "REFUND_FAILED"


class Integration(SealedRow, table=True):
    """Another system of a tenant: which adapter, with which options and credentials.

    1. created by an administrator; credentials are sealed, and shown to nobody again
    2. switched off and on by `enabled`; of each kind at most one is on (`integrations_enabled_key`)
    3. deleted, unless a fee was paid by it, which has to be found again
    """

    __tablename__ = "integrations"
    __table_args__ = (Index("integrations_enabled_key", "tenant_id", "kind", unique=True, postgresql_where="enabled"),)

    kind: IntegrationKind = enum_column(IntegrationKind, "kind")
    adapter: str = Field(max_length=40)
    name: str = Field(max_length=80)
    options: dict[str, Any] = json_column(dict)
    credentials: dict[str, Any] | None = optional_sealed_json()
    enabled: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class IntegrationHealth(TenantRow, table=True):
    """How an integration has done lately, and until when it is left alone; its id is the integration's.

    Written by whoever has just asked it, so that all processes leave it alone together.
    """

    __tablename__ = "integration_health"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["integrations.tenant_id", "integrations.id"], ondelete="CASCADE"),
        {"info": NOT_AUDITED},
    )

    failure_count: int = 0
    open_until: datetime | None = optional_time()
    last_error: str | None = Field(default=None, max_length=500)
    last_failed_at: datetime | None = optional_time()
    last_succeeded_at: datetime | None = optional_time()


class SessionCustomer(SealedRow, table=True):
    """Who a visitor is at the CRM, as it was last asked; its id is the session's.

    Found again for each session, so that nothing is shown that the CRM does not know any more.
    """

    __tablename__ = "session_customers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["tenant_id", "integration_id"], ["integrations.tenant_id", "integrations.id"], ondelete="CASCADE"
        ),
        # A copy of what stands elsewhere; that it was asked for follows from the session's events.
        {"info": NOT_AUDITED},
    )

    integration_id: UUID
    status: CustomerStatus = enum_column(CustomerStatus, "status")
    # {"id": …, "name": …, "url": …, "fields": [{"name": …, "value": …}]}
    customer: dict[str, Any] | None = optional_sealed_json()
    error: str | None = Field(default=None, max_length=500)
    looked_up_at: datetime = time_column()


class QueueFee(TenantRow, table=True):
    """What joining a queue costs; its id is the queue's. How long there is to pay stands on the queue, for joins."""

    __tablename__ = "queue_fees"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("amount > 0", name="amount"),
    )

    # In the currency's smallest unit: cents.
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    description: str = Field(max_length=200)
    refund: RefundRule = enum_column(RefundRule, "refund")


class Payment(SealedRow, table=True):
    """One session's fee.

    1. OPEN from the first time its visitor asks how to pay; amount, currency and rule are those of that moment
    2. PAID when the payment system has said so, signed: the session is taken off hold in the same commit
    3. CANCELLED when the session ended before; paid all the same, it goes back
    4. REFUND_OWED when the place was cancelled and the rule gives it back; REFUNDED, or REFUND_FAILED for good

    One per session (`payments_session_key`). `reference` is what the payment system calls it, `charge` what it took the
    money by; they are kept when the person is erased, because books have to be kept.
    """

    __tablename__ = "payments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "integration_id"], ["integrations.tenant_id", "integrations.id"]),
        UniqueConstraint("tenant_id", "session_id", name="payments_session_key"),
        Index("payments_integration_idx", "tenant_id", "integration_id"),
        CheckConstraint("amount > 0", name="amount"),
    )

    session_id: UUID
    integration_id: UUID
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    description: str = Field(max_length=200)
    refund: RefundRule = enum_column(RefundRule, "refund")
    status: PaymentStatus = enum_column(PaymentStatus, "status", PaymentStatus.OPEN)
    # Counts the pages that were opened: each has a key of its own, and an old one is not paid on by mistake.
    page_number: int = 1
    reference: str | None = Field(default=None, max_length=255)
    charge: str | None = Field(default=None, max_length=255)
    checkout_url: str | None = optional_sealed_text()
    error: str | None = Field(default=None, max_length=500)
    created_at: datetime = time_column()
    paid_at: datetime | None = optional_time()
    refunded_at: datetime | None = optional_time()
    revision: int = 1
