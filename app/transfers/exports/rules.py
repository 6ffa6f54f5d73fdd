"""Pure rules of exports: what can be asked for, what it takes, and what the file is called."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from app.core.errors import InvalidInput
from app.identity.permissions import Permission
from app.transfers.exports.models import ExportKind
from app.transfers.formats.kinds import SUFFIXES, FileFormat

READING: Final[Mapping[ExportKind, Permission]] = MappingProxyType(
    {
        ExportKind.SESSIONS: Permission.SESSION_READ,
        ExportKind.FACTS: Permission.ANALYTICS_READ,
        ExportKind.ROLLUPS: Permission.ANALYTICS_READ,
        ExportKind.EVENTS: Permission.AUDIT_READ,
        ExportKind.NOTIFICATIONS: Permission.NOTIFICATION_READ,
        ExportKind.USERS: Permission.USER_READ,
        ExportKind.QUEUES: Permission.QUEUE_READ,
    }
)
"""Whoever exports something must be allowed to look at it."""


def permissions(kind: ExportKind, *, personal: bool) -> tuple[Permission, ...]:
    """What whoever asks for such a file, or fetches it, has to have."""
    base = (Permission.EXPORT_WRITE, READING[kind])
    return (*base, Permission.EXPORT_PERSONAL) if personal else base


def ensure_valid(kind: ExportKind, *, of_queue: bool, from_at: datetime | None, to_at: datetime | None) -> None:
    """`InvalidInput` where there can be nothing."""
    if of_queue and kind is ExportKind.USERS:
        raise InvalidInput("queueId", "Users belong to no queue: leave it out.")
    if from_at is not None and to_at is not None and from_at >= to_at:
        raise InvalidInput("to", "`to` is later than `from`, and exclusive.")


def file_name(kind: ExportKind, file_format: FileFormat, at: datetime) -> str:
    """E.g. `sessions-2026-11-21T1630Z.csv`."""
    return f"{kind.lower()}-{at:%Y-%m-%dT%H%MZ}.{SUFFIXES[file_format]}"
