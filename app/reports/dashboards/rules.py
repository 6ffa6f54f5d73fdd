"""What a dashboard may be made of: widgets on a grid, each with what it needs and nothing else. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.analytics.figures import Granularity
from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.reports.periods import RelativePeriod

COLUMNS: Final = 12
MAX_ROWS: Final = 200
MAX_HEIGHT: Final = 20
MAX_WIDGETS: Final = 40
MAX_FIGURES: Final = 6
MAX_QUEUES: Final = 100
MAX_TEXT: Final = 2_000


class WidgetKind(StrEnum):
    """How a widget shows what it shows."""

    NUMBER = "NUMBER"
    LINES = "LINES"
    BARS = "BARS"
    TABLE = "TABLE"
    HEAT_MAP = "HEAT_MAP"
    LIVE = "LIVE"
    STAFF = "STAFF"
    TEXT = "TEXT"


class DashboardFigure(StrEnum):
    """A figure of `AnalyticsFigures`, which says what it means."""

    JOINED = "JOINED"
    CALLED = "CALLED"
    SERVED = "SERVED"
    ABANDONED = "ABANDONED"
    NO_SHOWS = "NO_SHOWS"
    WAIT_MEAN = "WAIT_MEAN"
    WAIT_P50 = "WAIT_P50"
    WAIT_P90 = "WAIT_P90"
    WAIT_P95 = "WAIT_P95"
    SERVICE_MEAN = "SERVICE_MEAN"
    SERVICE_P50 = "SERVICE_P50"
    SERVICE_P90 = "SERVICE_P90"
    SERVICE_P95 = "SERVICE_P95"
    ABANDONMENT_RATE = "ABANDONMENT_RATE"
    NO_SHOW_RATE = "NO_SHOW_RATE"
    SERVICE_LEVEL = "SERVICE_LEVEL"
    THROUGHPUT = "THROUGHPUT"
    OCCUPANCY = "OCCUPANCY"
    MEAN_WAITING = "MEAN_WAITING"
    MOST_WAITING = "MOST_WAITING"
    RATING = "RATING"
    CSAT = "CSAT"
    NPS = "NPS"


# How many figures a kind shows; the others show what they are.
_FIGURES: Final = {
    WidgetKind.NUMBER: (1, 1),
    WidgetKind.LINES: (1, MAX_FIGURES),
    WidgetKind.BARS: (1, MAX_FIGURES),
    WidgetKind.TABLE: (1, MAX_FIGURES),
}
_OVER_TIME: Final = frozenset({WidgetKind.LINES, WidgetKind.BARS})
_OF_NO_PERIOD: Final = frozenset({WidgetKind.LIVE, WidgetKind.TEXT})


@dataclass(frozen=True, slots=True)
class Widget:
    """A field of the grid from column `x` and row `y` on, both from 0. Empty `queue_ids` are all queues."""

    kind: WidgetKind
    title: str
    x: int
    y: int
    width: int
    height: int
    figures: tuple[DashboardFigure, ...] = ()
    queue_ids: tuple[UUID, ...] = ()
    period: RelativePeriod | None = None
    granularity: Granularity | None = None
    compare: bool = False
    text: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the row keeps it."""
        found = asdict(self)
        return found | {"figures": list(self.figures), "queue_ids": [str(each) for each in self.queue_ids]}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Widget":
        """From what the row keeps."""
        period, granularity = kept["period"], kept["granularity"]
        return cls(
            **kept
            | {
                "kind": WidgetKind(kept["kind"]),
                "figures": tuple(DashboardFigure(each) for each in kept["figures"]),
                "queue_ids": tuple(UUID(each) for each in kept["queue_ids"]),
                "period": None if period is None else RelativePeriod(period),
                "granularity": None if granularity is None else Granularity(granularity),
            }
        )


def ensure_widgets(widgets: Sequence[Widget]) -> None:
    """`InvalidInput` unless they can stand beside each other and show what they are to."""
    if len(widgets) > MAX_WIDGETS:
        raise InvalidInput("widgets", f"A dashboard has at most {MAX_WIDGETS} widgets.")
    taken: dict[tuple[int, int], int] = {}
    for number, widget in enumerate(widgets):
        place = f"widgets.{number}"
        _ensure_place(place, widget)
        _ensure_content(place, widget)
        for x in range(widget.x, widget.x + widget.width):
            for y in range(widget.y, widget.y + widget.height):
                other = taken.setdefault((x, y), number)
                if other != number:
                    raise InvalidInput(place, f"It lies over the widget {other}, at column {x}, row {y}.")


def _ensure_place(place: str, widget: Widget) -> None:
    if not (widget.x >= 0 and widget.width >= 1 and widget.x + widget.width <= COLUMNS):
        raise InvalidInput(place, f"`x` and `width` stay within the {COLUMNS} columns, which count from 0.")
    if not (0 <= widget.y < MAX_ROWS and 1 <= widget.height <= MAX_HEIGHT):
        raise InvalidInput(place, f"`y` is from 0 to {MAX_ROWS - 1}, `height` from 1 to {MAX_HEIGHT}.")


def _ensure_content(place: str, widget: Widget) -> None:
    kind = widget.kind
    ensure_text(f"{place}.title", widget.title, 0, 120)
    least, most = _FIGURES.get(kind, (0, 0))
    if not least <= len(widget.figures) <= most or len(set(widget.figures)) != len(widget.figures):
        wanted = "none" if not most else f"{least}" if least == most else f"{least} to {most}, each once"
        raise InvalidInput(f"{place}.figures", f"A widget {kind} has {wanted} of `figures`.")
    if len(widget.queue_ids) > MAX_QUEUES:
        raise InvalidInput(f"{place}.queueIds", f"At most {MAX_QUEUES} queues; none are all of them.")
    if (widget.period is None) != (kind in _OF_NO_PERIOD):
        needs = "has no" if kind in _OF_NO_PERIOD else "needs a"
        raise InvalidInput(f"{place}.period", f"A widget {kind} {needs} `period`.")
    if (widget.granularity is None) == (kind in _OVER_TIME):
        needs = "needs a" if kind in _OVER_TIME else "has no"
        raise InvalidInput(f"{place}.granularity", f"A widget {kind} {needs} `granularity`.")
    if (widget.text is None) != (kind is not WidgetKind.TEXT):
        needs = "needs a" if kind is WidgetKind.TEXT else "has no"
        raise InvalidInput(f"{place}.text", f"A widget {kind} {needs} `text`.")
    if widget.text is not None:
        ensure_text(f"{place}.text", widget.text, 1, MAX_TEXT)
