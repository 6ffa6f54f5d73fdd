"""Facts about visits, what they add up to, and how far the log has been read. Made of the log alone, by one writer.

Nothing here is decided by anybody and nothing is personal: whoever deletes it all gets it back by a rebuild. The writer
is the fold (`worker.py`, `rebuild.py`) with the system role; the serving role only reads.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Integer, SmallInteger
from sqlmodel import Field, SQLModel

from app.core.db import enum_column, optional_time, time_column


class Outcome(StrEnum):
    """How a visit ended."""

    SERVED = "SERVED"
    # Left, or was away for longer than the grace allows, before being called.
    ABANDONED_WAITING = "ABANDONED_WAITING"
    # Left after being called and before being served.
    CANCELLED_AFTER_CALL = "CANCELLED_AFTER_CALL"
    # By a member of staff, a program with an API key, or the platform itself.
    CANCELLED_BY_STAFF = "CANCELLED_BY_STAFF"
    NO_SHOW = "NO_SHOW"
    STAY_OVER = "STAY_OVER"
    REVOKED = "REVOKED"
    # Went on to another queue, where another visit begins.
    TRANSFERRED = "TRANSFERRED"


class Grain(StrEnum):
    """How long the time is that a roll-up row covers, by the clock on the queue's wall."""

    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"


class Dimension(StrEnum):
    """Which visits a roll-up row counts: all, or those of one category, priority, counter or member of staff."""

    ALL = "ALL"
    CATEGORY = "CATEGORY"
    PRIORITY = "PRIORITY"
    COUNTER = "COUNTER"
    STAFF = "STAFF"


def _count() -> Any:
    return Field(default=0)


def _milliseconds(*, optional: bool = False) -> Any:
    return Field(default=None if optional else 0, sa_type=BigInteger)


def _buckets() -> Any:
    return Field(default=None, sa_type=ARRAY(Integer))


class FactColumns(SQLModel):
    """One visit of one session in one queue; a session that is transferred makes a visit in each.

    1. from the join, or from being transferred in; while it waits, its rank is here
    2. called, started: times, counter and member of staff are those of the present call; back in line, null again
    3. ended, with an outcome; rated, perhaps much later
    """

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    session_id: UUID = Field(primary_key=True)
    entered_at: datetime = Field(primary_key=True, sa_type=time_column().sa_type)
    # When the session joined its first queue.
    joined_at: datetime = time_column()
    is_transfer: bool
    category_id: UUID | None = None
    priority: int = Field(sa_type=SmallInteger)
    party_size: int = Field(sa_type=SmallInteger)
    # The place in line right after entering, 1 is first; null: on hold then, or nobody had a place (pre-queue).
    position: int | None = None
    # How many waited, not on hold, besides this one.
    waiting_ahead: int
    # Null unless waiting.
    rank_class: int | None = None
    rank_time: datetime | None = optional_time()
    rank_sequence: int | None = Field(default=None, sa_type=BigInteger)
    held_at: datetime | None = optional_time()
    # The call itself; calling again (`recall`) does not move it.
    called_at: datetime | None = optional_time()
    started_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    outcome: Outcome | None = Field(default=None, sa_type=enum_column(Outcome, "outcome").sa_type)
    call_count: int = Field(default=0, sa_type=SmallInteger)
    counter_id: UUID | None = None
    served_by: UUID | None = None
    # From entering to the call, and from the start to the end; whole milliseconds, rounded down.
    wait_ms: int | None = _milliseconds(optional=True)
    service_ms: int | None = _milliseconds(optional=True)
    rating: int | None = Field(default=None, sa_type=SmallInteger)
    nps: int | None = Field(default=None, sa_type=SmallInteger)


class SessionFact(FactColumns, table=True):
    """The visits, partitioned by the month of entering (UTC). Old months are dropped; what they added up to stays."""

    __tablename__ = "session_facts"
    __table_args__ = (
        Index("session_facts_time_idx", "tenant_id", "queue_id", "entered_at"),
        Index("session_facts_open_idx", "tenant_id", "queue_id", postgresql_where="ended_at is null"),
        {"postgresql_partition_by": "RANGE (entered_at)"},
    )


class RollupColumns(SQLModel):
    """What the visits of one scope, dimension and hour (day, month) add up to: whole numbers only, so that it is exact.

    Each figure counts in the hour in which it happened: entering when entered, waits when called, outcomes and service
    when ended. Histograms are lists of bucket, count, bucket, count …, in order of the buckets; null is empty. Buckets
    of times are those of `sketch.py`. A row that would be all zero is not there.
    """

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    # The queue, or the tenant itself: the sum of its queues, each by its own local time.
    scope_id: UUID = Field(primary_key=True)
    grain: Grain = Field(primary_key=True, sa_type=enum_column(Grain, "grain").sa_type)
    dimension: Dimension = Field(primary_key=True, sa_type=enum_column(Dimension, "dimension").sa_type)
    # The instant at which the local hour, day or month begins; in rows of a tenant, whose queues may be in several time
    # zones, the same as `local_at`.
    begins_at: datetime = Field(primary_key=True, sa_type=time_column().sa_type)
    # The category (zero: none), counter or user; the priority as a number: UUID(int=priority); of ALL, zero.
    member: UUID = Field(primary_key=True)
    # What the wall's clock shows then, as if it were UTC: for days and hours of the week without any time zone.
    local_at: datetime = time_column()

    entered: int = _count()
    # The sum of the party sizes of who entered.
    people: int = _count()
    transferred_in: int = _count()
    called: int = _count()
    wait_ms: int = _milliseconds()
    wait_buckets: list[int] | None = _buckets()
    served: int = _count()
    abandoned: int = _count()
    cancelled_after_call: int = _count()
    cancelled_by_staff: int = _count()
    no_show: int = _count()
    stay_over: int = _count()
    revoked: int = _count()
    transferred_out: int = _count()
    # Time waited by those who left before they were called.
    abandoned_ms: int = _milliseconds()
    abandoned_buckets: list[int] | None = _buckets()
    # Visits that ended after service had begun, whatever ended them.
    service_count: int = _count()
    service_ms: int = _milliseconds()
    service_buckets: list[int] | None = _buckets()
    # By the position on entering (`contribution.position_bucket`), in the hour of entering: all, and who of them left.
    position_buckets: list[int] | None = _buckets()
    position_abandoned_buckets: list[int] | None = _buckets()
    # By rating 1 to 5, and by answer 0 to 10, in the hour in which the visit ended.
    rating_buckets: list[int] | None = _buckets()
    nps_buckets: list[int] | None = _buckets()
    # Of dimension ALL only: people × time in line (not on hold), called and being served, and open counters × time.
    waiting_ms: int = _milliseconds()
    called_ms: int = _milliseconds()
    serving_ms: int = _milliseconds()
    counter_ms: int = _milliseconds()
    # The longest the line was; 0 in rows of a tenant.
    waiting_max: int = _count()


class Rollup(RollupColumns, table=True):
    """What the visits add up to, as everybody reads it. Kept for good."""

    __tablename__ = "analytics_rollups"


class CursorColumns(SQLModel):
    """How far a queue's log is folded into facts; locked by whoever folds on, and written with what came of it."""

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    revision: int = Field(default=0, sa_type=BigInteger)
    # Whose hours and days these are. The queue's, once; where the queue was moved, it is rebuilt.
    time_zone: str = Field(max_length=64)
    # The last event's time and what it said of the line: how long the line was is known up to here, and goes on so.
    occurred_at: datetime | None = optional_time()
    waiting_count: int = _count()
    called_count: int = _count()
    serving_count: int = _count()
    open_counter_count: int = _count()


class AnalyticsCursor(CursorColumns, table=True):
    """A queue's cursor."""

    __tablename__ = "analytics_cursors"


class AnalyticsRebuild(CursorColumns, table=True):
    """A rebuild under way, and how far it is: the fold from the first event on, into the two tables below.

    1. asked for: revision 0
    2. goes on in portions, whoever does them, while everybody reads the old numbers
    3. as far as the queue's cursor: in one transaction the new rows take the old ones' place, and this row is gone
    """

    __tablename__ = "analytics_rebuilds"


class RebuiltFact(FactColumns, table=True):
    """A visit as a rebuild that is under way sees it."""

    __tablename__ = "rebuilt_facts"
    __table_args__ = (Index("rebuilt_facts_open_idx", "tenant_id", "queue_id", postgresql_where="ended_at is null"),)


class RebuiltRollup(RollupColumns, table=True):
    """A roll-up row of a rebuild that is under way. Of queues only."""

    __tablename__ = "rebuilt_rollups"
