"""Facts about exports. What is in the file stands in none."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.events import Event

EXPORT = "export"


@dataclass(frozen=True, slots=True)
class ExportRequested(Event):
    """Somebody wants a file; `personal`: with who people are."""

    type: ClassVar[str] = "EXPORT_REQUESTED"
    kind: str
    format: str
    personal: bool
    queue_id: UUID | None
    from_at: datetime | None
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExportDone(Event):
    """The file can be fetched. `length` in bytes."""

    type: ClassVar[str] = "EXPORT_DONE"
    kind: str
    rows: int
    length: int


@dataclass(frozen=True, slots=True)
class ExportFailed(Event):
    """There will be no file; `reason` says why."""

    type: ClassVar[str] = "EXPORT_FAILED"
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExportCancelled(Event):
    """Somebody does not want it any more."""

    type: ClassVar[str] = "EXPORT_CANCELLED"
    kind: str
