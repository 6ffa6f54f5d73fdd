"""Facts about dashboards that are kept."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

SAVED_DASHBOARD = "saved_dashboard"


@dataclass(frozen=True, slots=True)
class SavedDashboardCreated(Event):
    type: ClassVar[str] = "SAVED_DASHBOARD_CREATED"
    name: str
    shared: bool


@dataclass(frozen=True, slots=True)
class SavedDashboardUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "SAVED_DASHBOARD_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class SavedDashboardDeleted(Event):
    type: ClassVar[str] = "SAVED_DASHBOARD_DELETED"
    name: str
