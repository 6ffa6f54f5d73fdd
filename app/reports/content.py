"""What a report says, as plain values: figures of analytics, names, and the days they are of. Knows no page."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.analytics.figures import Figures, HeatCell, PositionShare, Series, StaffFigures


class ReportSection(StrEnum):
    """A part of a report."""

    SUMMARY = "SUMMARY"
    WAITS = "WAITS"
    VOLUMES = "VOLUMES"
    HEAT_MAP = "HEAT_MAP"
    SERVICE_LEVEL = "SERVICE_LEVEL"
    ABANDONMENT = "ABANDONMENT"
    SATISFACTION = "SATISFACTION"
    QUEUES = "QUEUES"
    STAFF = "STAFF"


@dataclass(frozen=True, slots=True)
class Days:
    """From a local day to another, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue and its figures of the period."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One member of staff and what they did in the period."""

    name: str
    figures: StaffFigures


@dataclass(frozen=True, slots=True)
class Content:
    """All of a report, whatever language and format it is shown in.

    - `queue_names`: of those it is about; none: all
    - `series`: hour by hour for a day, else day by day; `waits`: hour by hour up to a week
    - `before`: the same queues in the period before; what no section asks for is empty
    """

    title: str
    tenant_name: str
    sections: tuple[ReportSection, ...]
    queue_names: tuple[str, ...]
    days: Days
    days_before: Days
    time_zone: str
    made_at: datetime
    series: Series
    waits: Series
    before: Figures
    heat_map: tuple[HeatCell, ...] = ()
    positions: tuple[PositionShare, ...] = ()
    queues: tuple[QueueRow, ...] = ()
    staff: tuple[StaffRow, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all happened."""
        now = self.series.total
        return not (now.joined_count or now.called_count or now.served_count or now.abandoned_count)
