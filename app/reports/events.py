"""Facts about reports and their runs. No addresses: whom a report is sent to stands in the tenant's rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.events import Event

SAVED_REPORT = "saved_report"
REPORT_RUN = "report_run"


@dataclass(frozen=True, slots=True)
class SavedReportCreated(Event):
    type: ClassVar[str] = "SAVED_REPORT_CREATED"
    name: str


@dataclass(frozen=True, slots=True)
class SavedReportUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "SAVED_REPORT_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class SavedReportDeleted(Event):
    type: ClassVar[str] = "SAVED_REPORT_DELETED"
    name: str


@dataclass(frozen=True, slots=True)
class ReportRunStarted(Event):
    """Somebody has asked for a report, or its time has come (`slot`)."""

    type: ClassVar[str] = "REPORT_RUN_STARTED"
    report_id: UUID
    slot: datetime | None


@dataclass(frozen=True, slots=True)
class ReportRunDone(Event):
    """Its files are there, and it is on its way to so many recipients."""

    type: ClassVar[str] = "REPORT_RUN_DONE"
    report_id: UUID
    told_count: int


@dataclass(frozen=True, slots=True)
class ReportRunFailed(Event):
    """There are no files; `reason` says why."""

    type: ClassVar[str] = "REPORT_RUN_FAILED"
    report_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ReportRunMissed(Event):
    """Nothing of ours was running when its time came, and it was found too late."""

    type: ClassVar[str] = "REPORT_RUN_MISSED"
    report_id: UUID
    slot: datetime
