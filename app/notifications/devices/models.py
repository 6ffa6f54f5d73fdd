"""Devices that can be pushed to. What is sent to them is a notification like any other."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import orjson
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint

from app.core.db import enum_column, time_column
from app.core.personal.sealed import SealedRow, sealed_text


class PushDeviceKind(StrEnum):
    """What is pushed to."""

    WEB_PUSH = "WEB_PUSH"
    FCM = "FCM"


def place_of(address: str) -> str:
    """What a device is known by: the endpoint or token in its address (JSON); keys may change. Else the text itself."""
    try:
        found = orjson.loads(address)
        return str(found.get("endpoint") or found["token"])
    except (orjson.JSONDecodeError, KeyError, AttributeError):
        return address


class PushDevice(SealedRow, table=True):
    """A browser or an app that a visitor or a user has registered; of one of the two.

    1. registered by a session's visitor, or by a user; anew when its keys change (`revision`)
    2. removed: by whom it is, by a newer one when there are too many, or when its push service says it is gone

    `address` is `Message.to` of it. One device may stand for two sessions, and then has two rows
    (`push_devices_owner_key`).
    """

    __tablename__ = "push_devices"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint(
            "tenant_id",
            "session_id",
            "user_id",
            "address_index",
            name="push_devices_owner_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index("push_devices_user_idx", "tenant_id", "user_id", postgresql_where="user_id is not null"),
        Index("push_devices_address_idx", "tenant_id", "address_index"),
        CheckConstraint("num_nonnulls(session_id, user_id) = 1", name="owner"),
    )

    session_id: UUID | None = None
    user_id: UUID | None = None
    kind: PushDeviceKind = enum_column(PushDeviceKind, "kind")
    address: str = sealed_text(found_by=place_of)
    revision: int = 1
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
