"""Queues: their configuration, and the small hot row of each line. Who stands in the line is the sessions' business."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.queues.kinds import QueueDiscipline as QueueDiscipline
from app.queues.kinds import QueueMode as QueueMode
from app.queues.kinds import QueueStatus as QueueStatus


class FailureMode(StrEnum):
    """What a protected site does while it cannot ask us, and we do while we do not hear of it."""

    FAIL_OPEN = "FAIL_OPEN"
    FAIL_CLOSED = "FAIL_CLOSED"


class OriginHealth(StrEnum):
    """How the protected site is, as it was last told; UNKNOWN where nobody tells."""

    UNKNOWN = "UNKNOWN"
    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


class Queue(TenantRow, table=True):
    """A line's configuration.

    1. created ACTIVE; opened, paused, resumed, closed by staff
    2. ARCHIVED when it is empty: hidden, kept for its history, never opened again

    Every change is made under the lock of its `queue_lines` row and is an event with the line's next revision.
    """

    __tablename__ = "queues"
    __table_args__ = (
        UniqueConstraint("tenant_id", "slug", name="queues_slug_key"),
        CheckConstraint("capacity is null or capacity >= 1", name="capacity"),
        CheckConstraint("release_rate_per_minute is null or release_rate_per_minute >= 0", name="release_rate"),
        CheckConstraint("ticket_first_number >= 0 and ticket_last_number > ticket_first_number", name="ticket_range"),
        CheckConstraint("bypass_count >= 0", name="bypass_count"),
    )

    slug: str = Field(max_length=63)
    name: str = Field(max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    status: QueueStatus = enum_column(QueueStatus, "status", QueueStatus.ACTIVE)
    mode: QueueMode = enum_column(QueueMode, "mode", QueueMode.STAFFED)
    discipline: QueueDiscipline = enum_column(QueueDiscipline, "discipline", QueueDiscipline.PRIORITY)
    # Seconds of waiting a priority is worth, by priority: [{"priority": 2, "seconds": 90.0}]
    priority_credits: list[dict[str, float]] = json_column(list)
    visitor_max_priority: int = 9
    capacity: int | None = None
    max_concurrent_users: int | None = None
    release_rate_per_minute: int | None = None
    # The three timers, in seconds; null: never.
    grace_seconds: int | None = None
    phone_grace_seconds: int | None = None
    claim_seconds: int | None = None
    stay_seconds: int | None = None
    queue_all: bool = False
    invited_only: bool = False
    max_places_per_address: int | None = None
    # Whether admission tokens carry the hash of the address their visitor joined from.
    bind_address: bool = False
    # How many are on the bypass list: while nobody is, no join looks. Written with the list, by `access/service.py`.
    bypass_count: int = 0
    # How long whoever joins has for the fee, on hold meanwhile; null: there is none. Written with it, by
    # `integrations/fees.py`.
    payment_seconds: int | None = None
    refusal_message: str | None = Field(default=None, max_length=500)
    # Where the waiting page may send people back to: ["https://shop.example"]
    site_origins: list[str] = json_column(list)
    failure_mode: FailureMode = enum_column(FailureMode, "failure_mode", FailureMode.FAIL_CLOSED)
    health_url: str | None = Field(default=None, max_length=2000)
    degraded_percent: int = 50
    ramp_seconds: int = 60
    health_stale_seconds: int = 60
    weekly_hours: list[dict[str, Any]] | None = json_column(lambda: None)
    hours_exceptions: list[dict[str, Any]] = json_column(list)
    # What a scheduled event puts over the configuration while it runs, by column; only its start and end write it.
    overrides: dict[str, Any] = json_column(dict)
    active_event_id: UUID | None = None
    ticket_prefix: str = Field(default="A", max_length=4)
    ticket_first_number: int = 1
    ticket_last_number: int = 999
    time_zone: str = Field(default="UTC", max_length=64)
    daily_reset_time: time = time(0, 0)
    announcement: str | None = Field(default=None, max_length=280)
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
    archived_at: datetime | None = optional_time()


class QueueLine(TenantRow, table=True):
    """The row that is locked to change a line: its id is the queue's. Small, because every join and call rewrites it.

    `revision` is the number of the last event in the queue's log. The counts are kept, not counted, so that a join
    knows exactly whether there is room; their only writer holds the lock.
    """

    __tablename__ = "queue_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("waiting_count >= 0 and called_count >= 0 and serving_count >= 0", name="counts"),
        Index("queue_lines_due_idx", "due_at", postgresql_where="due_at is not null"),
        # Every event of the queue says what it is afterwards.
        {"info": NOT_AUDITED},
    )

    revision: int = 0
    waiting_count: int = 0
    held_count: int = 0
    called_count: int = 0
    serving_count: int = 0
    open_counter_count: int = 0
    last_sequence: int = 0
    service_day: date | None = None
    last_ticket_serial: int | None = None
    # Moving mean of service times, seconds; null until somebody has been served.
    service_seconds_mean: float | None = None
    service_count: int = 0
    last_called_ticket: str | None = Field(default=None, max_length=16)
    last_called_counter: str | None = Field(default=None, max_length=80)
    last_called_at: datetime | None = optional_time()
    # Times in one queue never run backwards, whichever process writes them.
    last_change_at: datetime | None = optional_time()
    # The number of the last release, and when the next one's slot begins.
    release_count: int = Field(default=0, sa_type=BigInteger)
    release_due_at: datetime | None = optional_time()
    # When somebody's time is over; when the schedule has something to do; the least of the three, which the clockwork
    # looks for. Null: nothing to wait for.
    timer_due_at: datetime | None = optional_time()
    schedule_due_at: datetime | None = optional_time()
    due_at: datetime | None = optional_time()
    origin_health: OriginHealth = enum_column(OriginHealth, "origin_health", OriginHealth.UNKNOWN)
    health_changed_at: datetime | None = optional_time()
    health_reported_at: datetime | None = optional_time()
    # What part of the rate was in force when the health changed: where a ramp begins.
    health_factor: float = 1.0
    # The lottery of the pre-queue that runs now.
    lottery_id: UUID | None = None


class QueueRelease(SQLModel, table=True):
    """A release of a metered queue: numbered without a gap, and never changed. Kept for as long as the rate looks back.

    The number is what makes the rate exact: release `n` may happen when release `n - rate` is a minute old.
    """

    __tablename__ = "queue_releases"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index("queue_releases_old_idx", "released_at"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    session_id: UUID
    released_at: datetime = time_column()


class Lottery(TenantRow, table=True):
    """The lottery of one pre-queue; what a lot is stands in `lottery.py`.

    1. begun with the pre-queue: the seed is made, and its hash stands in the queue's log before anybody has a lot
    2. opened when the pre-queue ends, in whichever way: the seed stands in the log; nothing is changed any more

    The seed is read by whoever gives out lots, and shown to nobody before `opened_at`.
    """

    __tablename__ = "lotteries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "queue_id", "seed_hash", name="lotteries_seed_key"),
        Index("lotteries_queue_idx", "tenant_id", "queue_id", "began_at"),
    )

    queue_id: UUID
    seed: bytes
    seed_hash: str = Field(max_length=64)
    # Where its lots begin: whoever waited before joined earlier, whoever comes after the opening joins later.
    began_at: datetime = time_column()
    opened_at: datetime | None = optional_time()


class LotteryEntry(SQLModel, table=True):
    """Who took part in a lottery, as it was drawn: nobody changes it, whatever becomes of the session."""

    __tablename__ = "lottery_entries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "lottery_id"], ["lotteries.tenant_id", "lotteries.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        Index("lottery_entries_drawn_idx", "tenant_id", "lottery_id", "draw_class", "lot", "session_id"),
        Index("lottery_entries_session_idx", "tenant_id", "session_id"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    lottery_id: UUID = Field(primary_key=True)
    session_id: UUID = Field(primary_key=True)
    # What comes before the lot, the lower the sooner: minus the class, under TIME_CREDIT minus the milliseconds of it.
    draw_class: int
    lot: int = Field(sa_type=BigInteger)
    ticket_number: str = Field(max_length=16)
    joined_at: datetime = time_column()


class QueueCategory(TenantRow, table=True):
    """A kind of visitor or service within a queue; gives its sessions a priority unless the join names one.

    With a number range of its own it counts its own tickets: `service_day` and `last_ticket_serial` are written by
    joins, under the line's lock, as those of the line are.
    """

    __tablename__ = "queue_categories"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "queue_id", "name", name="queue_categories_name_key"),
        Index("queue_categories_queue_idx", "tenant_id", "queue_id"),
        CheckConstraint(
            "(ticket_first_number is null) = (ticket_last_number is null) and (ticket_first_number is null or"
            " ticket_prefix is not null and ticket_first_number >= 0 and ticket_last_number > ticket_first_number)",
            name="ticket_range",
        ),
        CheckConstraint("multiplier_hundredths between 0 and 1000", name="multiplier"),
    )

    queue_id: UUID
    name: str = Field(max_length=80)
    priority: int = 0
    # In hundredths: 150 is a multiplier of 1.5.
    multiplier_hundredths: int = 100
    # Null: the queue's.
    ticket_prefix: str | None = Field(default=None, max_length=4)
    # Null: the queue's numbers.
    ticket_first_number: int | None = None
    ticket_last_number: int | None = None
    service_day: date | None = None
    last_ticket_serial: int | None = None
    is_active: bool = True
    created_at: datetime = time_column()
