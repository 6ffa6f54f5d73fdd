"""Sessions: one visitor's place in one queue, from joining to its end."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import enum_column, optional_time, time_column
from app.core.personal.sealed import (
    SealedRow,
    any_case,
    as_it_is,
    digits,
    optional_sealed_json,
    optional_sealed_text,
    sealed_text,
)
from app.sessions.statuses import SessionStatus as SessionStatus

_ACTIVE = "status in ('WAITING', 'CALLED', 'SERVING')"


class Device(StrEnum):
    """What a visitor waits with: a phone sleeps, a browser does not."""

    BROWSER = "BROWSER"
    PHONE = "PHONE"


class Session(SealedRow, table=True):
    """A place in a line.

    1. WAITING from the join; its rank (class, effective join time, sequence) is its place, the position is derived
    2. CALLED to a counter; recalled, returned to the line, or marked NO_SHOW
    3. SERVING from the start of service; COMPLETED, or transferred: WAITING in another queue, join time kept
    4. CANCELLED by the visitor or by staff before service has started

    - one active place per person and queue (`sessions_person_key`)
    - a counter holds at most one called or served session (`sessions_counter_busy_key`)
    - ticket numbers are unique per issuing queue and service day (`sessions_ticket_key`); a transferred visitor keeps
      the number, because it is the one on the paper
    """

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "ticket_queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "counter_id"], ["counters.tenant_id", "counters.id"]),
        ForeignKeyConstraint(["tenant_id", "served_by"], ["users.tenant_id", "users.id"]),
        ForeignKeyConstraint(["tenant_id", "category_id"], ["queue_categories.tenant_id", "queue_categories.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "ticket_category_id"], ["queue_categories.tenant_id", "queue_categories.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "access_code_id"], ["access_codes.tenant_id", "access_codes.id"]),
        UniqueConstraint(
            "tenant_id",
            "ticket_queue_id",
            "ticket_category_id",
            "service_day",
            "ticket_serial",
            name="sessions_ticket_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "sessions_person_key",
            "tenant_id",
            "queue_id",
            "user_identifier_index",
            unique=True,
            postgresql_where=f"{_ACTIVE} and user_identifier_index is not null",
        ),
        *(
            Index(f"sessions_{name}_idx", "tenant_id", f"{name}_index", postgresql_where=f"{name}_index is not null")
            for name in ("email", "phone")
        ),
        Index(
            "sessions_counter_busy_key",
            "tenant_id",
            "counter_id",
            unique=True,
            postgresql_where="status in ('CALLED', 'SERVING') and counter_id is not null",
        ),
        Index(
            "sessions_line_idx",
            "tenant_id",
            "queue_id",
            "rank_class",
            "rank_time",
            "rank_sequence",
            postgresql_where=_ACTIVE,
        ),
        Index("sessions_expiry_idx", "tenant_id", "queue_id", "expires_at", postgresql_where="expires_at is not null"),
        Index(
            "sessions_address_idx",
            "tenant_id",
            "queue_id",
            "address_hash",
            postgresql_where=f"{_ACTIVE} and address_hash is not null",
        ),
        Index(
            "sessions_access_code_idx",
            "tenant_id",
            "access_code_id",
            postgresql_where="access_code_id is not null",
        ),
        Index("sessions_lottery_idx", "tenant_id", "lottery_id", "id", postgresql_where="lottery_id is not null"),
        Index("sessions_at_counters_idx", "tenant_id", "queue_id", postgresql_where="status in ('CALLED', 'SERVING')"),
        Index("sessions_status_idx", "tenant_id", "queue_id", "status", "joined_at", "id"),
        Index("sessions_queue_idx", "tenant_id", "queue_id", "joined_at", "id"),
        CheckConstraint("party_size between 1 and 50", name="party_size"),
        CheckConstraint("priority between 0 and 9", name="priority"),
    )

    queue_id: UUID
    status: SessionStatus = enum_column(SessionStatus, "status", SessionStatus.WAITING)
    ticket_queue_id: UUID
    service_day: date
    ticket_serial: int
    ticket_number: str = Field(max_length=16)
    priority: int = 0
    rank_class: int
    rank_time: datetime = time_column()
    rank_sequence: int = Field(sa_type=BigInteger)
    held_at: datetime | None = optional_time()
    # Until when the fee has to be paid it is on hold for; null: it owes none, or whoever took it off hold let it in.
    payment_due_at: datetime | None = optional_time()

    user_identifier: str | None = optional_sealed_text(found_by=as_it_is)
    category_id: UUID | None = None
    party_size: int = 1
    email: str | None = optional_sealed_text(found_by=any_case)
    phone: str | None = optional_sealed_text(found_by=digits)
    locale: str | None = Field(default=None, max_length=35)
    visitor_metadata: dict[str, Any] | None = optional_sealed_json()

    joined_at: datetime = time_column()
    called_at: datetime | None = optional_time()
    started_at: datetime | None = optional_time()
    completed_at: datetime | None = optional_time()
    cancelled_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    call_count: int = 0
    counter_id: UUID | None = None
    served_by: UUID | None = None
    cancelled_by: str | None = Field(default=None, max_length=16)
    cancel_reason: str | None = optional_sealed_text()

    # When what the status allows is over: the claim window of who is called, the stay of who is inside. Null: never.
    expires_at: datetime | None = optional_time()
    device: Device = enum_column(Device, "device", Device.BROWSER)
    # Who knows the address can find it again by our key; nobody can read it here.
    address_hash: str | None = Field(default=None, max_length=64)
    # Raised by each release, entry and renewal: the serial number of the admission token. The one it had at the entry
    # parts the tokens of this stay from those before, and each says when it was issued.
    admission_number: int = 0
    entry_number: int | None = None
    renewed_at: datetime | None = optional_time()
    access_code_id: UUID | None = None
    # Whose numbers the ticket's is one of: the queue's own, or a category's.
    ticket_category_id: UUID | None = None
    lottery_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class Joined:
    """A session as its join makes it: what its row will say, without the weight of a mapped object.

    Thousands join in a second; a row is mapped when somebody does something with it.
    """

    tenant_id: UUID
    id: UUID
    queue_id: UUID
    service_day: date
    ticket_serial: int
    ticket_number: str
    priority: int
    rank_class: int
    rank_time: datetime
    rank_sequence: int
    user_identifier: str | None
    user_identifier_index: bytes | None
    category_id: UUID | None
    party_size: int
    email: str | None
    phone: str | None
    locale: str | None
    visitor_metadata: dict[str, Any] | None
    joined_at: datetime
    address_hash: str | None
    access_code_id: UUID | None
    ticket_category_id: UUID | None
    lottery_id: UUID | None
    device: Device
    # The revision of the queue that the join is.
    revision: int

    # Some are let in at once: what a release changes.
    status: SessionStatus = SessionStatus.WAITING
    called_at: datetime | None = None
    call_count: int = 0
    expires_at: datetime | None = None
    admission_number: int = 0
    # Where joining costs something: on hold until it is paid.
    held_at: datetime | None = None
    payment_due_at: datetime | None = None

    started_at: ClassVar[None] = None
    completed_at: ClassVar[None] = None
    cancelled_at: ClassVar[None] = None
    cancelled_by: ClassVar[None] = None
    cancel_reason: ClassVar[None] = None
    ended_at: ClassVar[None] = None
    counter_id: ClassVar[None] = None
    served_by: ClassVar[None] = None
    renewed_at: ClassVar[None] = None


class Presence(SQLModel, table=True):
    """A visitor as one API process has seen them: there, or last seen at a time.

    Written when they come and when they go. In between they are there as long as the process is alive.
    """

    __tablename__ = "presences"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    session_id: UUID = Field(primary_key=True)
    reporter_id: UUID = Field(primary_key=True)
    is_present: bool
    seen_at: datetime = time_column()


class PresenceReporter(SQLModel, table=True):
    """An API process that says who is there; of the installation, not of a tenant.

    Its row is gone when it has ended in order. One that was killed stays until nobody waits whom it has seen.
    """

    __tablename__ = "presence_reporters"

    id: UUID = Field(primary_key=True)
    began_at: datetime = time_column()
    alive_at: datetime = time_column()


class SessionNote(SealedRow, table=True):
    """What staff wrote down about a session. Visitors do not see it."""

    __tablename__ = "session_notes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        Index("session_notes_session_idx", "tenant_id", "session_id", "created_at"),
    )

    session_id: UUID
    author: str = Field(max_length=64)
    text: str = sealed_text()
    created_at: datetime = time_column()
