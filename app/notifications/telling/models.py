"""The rules by which messages become owed, and which alerts are raised. Who is told by them is decided elsewhere."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, json_column, time_column
from app.core.db.changed import NOT_AUDITED
from app.notifications.models import NotificationKind


class Audience(StrEnum):
    """To whom a message goes."""

    VISITOR = "VISITOR"
    STAFF = "STAFF"
    USERS = "USERS"


class ChannelChoice(StrEnum):
    """Which of a rule's channels carry a message: the first that reaches somebody, or each that does."""

    FIRST = "FIRST"
    ALL = "ALL"


class MessageRule(TenantRow, table=True):
    """When whom which channels tell what, instead of the built-in rule of the same kind.

    - of a kind with a threshold exactly that threshold is set, of others none (`rules.py`)
    - disabled, it tells nobody, and the built-in rule stays away all the same: that is how one is switched off
    """

    __tablename__ = "message_rules"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet"),
        CheckConstraint("delay_seconds between 0 and 604800", name="delay"),
        Index("message_rules_queue_idx", "tenant_id", "queue_id"),
    )

    kind: NotificationKind = enum_column(NotificationKind, "kind")
    # Null: in all queues.
    queue_id: UUID | None = None
    audience: Audience = enum_column(Audience, "audience", Audience.VISITOR)
    # Whom, if the audience is USERS.
    user_ids: list[str] = json_column(list)
    # By preference: ["SMS", "EMAIL"]
    channels: list[str] = json_column(list)
    choice: ChannelChoice = enum_column(ChannelChoice, "choice", ChannelChoice.FIRST)
    # The threshold of PEOPLE_AHEAD, WAIT_BELOW, OPENING_SOON, and QUEUE_ALERT (null there: nobody is on duty).
    people_ahead: int | None = None
    wait_minutes: int | None = None
    minutes_before: int | None = None
    waiting_count: int | None = None
    delay_seconds: int = 0
    # Local times of the queue's zone between which nothing is sent; what falls there waits for their end.
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_enabled: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class RaisedAlert(SQLModel, table=True):
    """That a queue is, or lately was, as a QUEUE_ALERT rule warns of: it warns once until that is over.

    Raised again at the earliest some time after it was (`alerts.py`): a line that swings round the limit is one alert.
    """

    __tablename__ = "message_rule_alerts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "rule_id"], ["message_rules.tenant_id", "message_rules.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        # Nobody changes it: it follows from what the queue's log says.
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    rule_id: UUID = Field(primary_key=True)
    queue_id: UUID = Field(primary_key=True)
    is_raised: bool
    raised_at: datetime = time_column()
