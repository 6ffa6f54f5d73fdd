"""Dashboards that are kept, as the API shows them and takes them: a grid of widgets, each typed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.analytics.graphql.figures import AnalyticsGranularity
from app.context import Context
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.reports import periods
from app.reports.dashboards import models, rules
from app.reports.dashboards.rules import COLUMNS, MAX_FIGURES, MAX_HEIGHT, MAX_QUEUES, MAX_ROWS, MAX_TEXT, MAX_WIDGETS
from app.reports.dashboards.service import DashboardChanges, NewDashboard, user_of

RelativePeriod = explained_enum(
    periods.RelativePeriod,
    "Days by the present one, in the business's time zone. Weeks begin on Monday.",
    TODAY="The present day, up to now.",
    YESTERDAY="The day before.",
    THIS_WEEK="From Monday up to now.",
    LAST_WEEK="The whole week before, Monday to Sunday.",
    LAST_SEVEN_DAYS="The seven days that ended with yesterday.",
    THIS_MONTH="From the first of the month up to now.",
    LAST_MONTH="The whole month before.",
    LAST_THIRTY_DAYS="The thirty days that ended with yesterday.",
)
DashboardWidgetKind = explained_enum(
    rules.WidgetKind,
    "How a widget shows what it shows.",
    NUMBER="One figure of a period, perhaps beside that of the period before.",
    LINES="Figures over time, as lines: `queueAnalytics`, its points.",
    BARS="Figures over time, as bars: `queueAnalytics`, its points.",
    TABLE="Figures, queue by queue.",
    HEAT_MAP="Arrivals by day of the week and hour: `queueAnalytics`, its heat map.",
    LIVE="The business at present: `dashboardChanged`. Of no period.",
    STAFF="What members of staff did: `staffPerformance`.",
    TEXT="A text of one's own. Of no period.",
)
DashboardFigure = explained_enum(
    rules.DashboardFigure,
    "A figure; the field of `AnalyticsFigures` that is named says what it means, with its formula.",
    JOINED="`joinedCount`.",
    CALLED="`calledCount`.",
    SERVED="`servedCount`.",
    ABANDONED="`abandonedCount`.",
    NO_SHOWS="`noShowCount`.",
    WAIT_MEAN="`wait`, its mean.",
    WAIT_P50="`wait`, its P50.",
    WAIT_P90="`wait`, its P90.",
    WAIT_P95="`wait`, its P95.",
    SERVICE_MEAN="`service`, its mean.",
    SERVICE_P50="`service`, its P50.",
    SERVICE_P90="`service`, its P90.",
    SERVICE_P95="`service`, its P95.",
    ABANDONMENT_RATE="`abandonmentRate`.",
    NO_SHOW_RATE="`noShowRate`.",
    SERVICE_LEVEL="`serviceLevel`.",
    THROUGHPUT="`throughputPerHour`.",
    OCCUPANCY="`occupancy`.",
    MEAN_WAITING="`meanWaitingCount`.",
    MOST_WAITING="`mostWaitingCount`.",
    RATING="`satisfaction`, its mean rating.",
    CSAT="`satisfaction`, its CSAT.",
    NPS="`satisfaction`, its NPS.",
)

_TITLE = "What stands over it, at most 120 characters; empty for nothing."
_X = f"The first of the {COLUMNS} columns it takes, from 0."
_Y = f"The first row it takes, 0 to {MAX_ROWS - 1}."
_WIDTH = f"How many columns it takes, 1 to {COLUMNS}; it ends within the grid."
_HEIGHT = f"How many rows it takes, 1 to {MAX_HEIGHT}."
_FIGURES = (
    f"Which figures: one of a NUMBER, one to {MAX_FIGURES} of LINES, BARS and a TABLE, none of the others, which show "
    "what they are."
)
_QUEUES = f"Of which queues, at most {MAX_QUEUES}; none are all of them."
_PERIOD = "Of which days; null for LIVE and TEXT, and only for these."
_GRANULARITY = "How long the spans of LINES and BARS are; null for the others."
_COMPARE = "Whether the period before is shown beside it."
_TEXT = f"Of a TEXT, 1 to {MAX_TEXT:,} characters; null for the others. It is plain text, no markup."


@strawberry.type(description="A field of a dashboard.")
class DashboardWidget:
    kind: DashboardWidgetKind = strawberry.field(description="How it shows what it shows.")  # type: ignore[valid-type]
    title: str = strawberry.field(description=_TITLE)
    x: int = strawberry.field(description=_X)
    y: int = strawberry.field(description=_Y)
    width: int = strawberry.field(description=_WIDTH)
    height: int = strawberry.field(description=_HEIGHT)
    figures: list[DashboardFigure] = strawberry.field(description=_FIGURES)  # type: ignore[valid-type]
    queue_ids: list[strawberry.ID] = strawberry.field(description=_QUEUES)
    period: RelativePeriod | None = strawberry.field(description=_PERIOD)  # type: ignore[valid-type]
    granularity: AnalyticsGranularity | None = strawberry.field(description=_GRANULARITY)  # type: ignore[valid-type]
    compare: bool = strawberry.field(description=_COMPARE)
    text: str | None = strawberry.field(description=_TEXT)

    @classmethod
    def of(cls, widget: rules.Widget, tenant_id: UUID) -> "DashboardWidget":
        """From what is kept."""
        return cls(
            kind=widget.kind,
            title=widget.title,
            x=widget.x,
            y=widget.y,
            width=widget.width,
            height=widget.height,
            figures=list(widget.figures),
            queue_ids=[strawberry.ID(encode("Queue", tenant_id, each)) for each in widget.queue_ids],
            period=widget.period,
            granularity=widget.granularity,
            compare=widget.compare,
            text=widget.text,
        )


@strawberry.type(
    description=(
        f"A grid of {COLUMNS} columns with widgets, for a front-end to draw. It holds no figures: those are asked for "
        "by `queueAnalytics`, `tenantDashboard`, `staffPerformance` and `dashboardChanged`."
    )
)
class SavedDashboard(Node):
    name: str = strawberry.field(description="What it is called, at most 120 characters.")
    is_shared: bool = strawberry.field(description="Whether everybody of the business who may see figures sees it.")
    is_mine: bool = strawberry.field(description="Whether it is the caller's own. Of others' own nobody sees any.")
    widgets: list[DashboardWidget] = strawberry.field(
        description=f"What is on it, at most {MAX_WIDGETS}; none lies over another."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change; name it when changing the dashboard.")

    @classmethod
    def of(cls, row: models.SavedDashboard, context: Context) -> "SavedDashboard":
        """From its row, as the caller sees it."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            name=row.name,
            is_shared=row.shared,
            is_mine=row.owner_id is not None and row.owner_id == user_of(context.actor),
            widgets=[DashboardWidget.of(rules.Widget.of(each), row.tenant_id) for each in row.widgets],
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )


@strawberry.type(description="A dashboard in a page.")
class SavedDashboardEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: SavedDashboard = strawberry.field(description="The dashboard.")


@strawberry.type(description="A page of dashboards.")
class SavedDashboardConnection:
    edges: list[SavedDashboardEdge] = strawberry.field(description="In order of creation.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.input(description="A field of a dashboard.")
class DashboardWidgetInput:
    kind: DashboardWidgetKind = strawberry.field(description="How it shows what it shows.")  # type: ignore[valid-type]
    x: int = strawberry.field(description=_X)
    y: int = strawberry.field(description=_Y)
    width: int = strawberry.field(description=_WIDTH)
    height: int = strawberry.field(description=_HEIGHT)
    title: str = strawberry.field(default="", description=f"{_TITLE} Default: empty.")
    figures: list[DashboardFigure] = strawberry.field(  # type: ignore[valid-type]
        default_factory=list, description=f"{_FIGURES} Default: none."
    )
    queue_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=f"{_QUEUES} Default: all.")
    period: RelativePeriod | None = strawberry.field(default=None, description=_PERIOD)  # type: ignore[valid-type]
    granularity: AnalyticsGranularity | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description=_GRANULARITY
    )
    compare: bool = strawberry.field(default=False, description=f"{_COMPARE} Default: no.")
    text: str | None = strawberry.field(default=None, description=_TEXT)

    def widget(self, context: Context) -> rules.Widget:
        """What the service takes."""
        return rules.Widget(
            kind=self.kind,
            title=self.title,
            x=self.x,
            y=self.y,
            width=self.width,
            height=self.height,
            figures=tuple(self.figures),
            queue_ids=tuple(context.ref("Queue", each).id for each in self.queue_ids),
            period=self.period,
            granularity=self.granularity,
            compare=self.compare,
            text=self.text,
        )


_NAME = "What it is called, 1 to 120 characters."
_SHARED = "Whether everybody of the business who may see figures sees it. An API key's always is."
_WIDGETS = f"What is on it, at most {MAX_WIDGETS}; none may lie over another."


@strawberry.input(description="A new dashboard.")
class SavedDashboardCreateInput:
    name: str = strawberry.field(description=_NAME)
    widgets: list[DashboardWidgetInput] = strawberry.field(default_factory=list, description=_WIDGETS)
    is_shared: bool = strawberry.field(default=False, description=f"{_SHARED} Default: no.")

    def dashboard(self, context: Context) -> NewDashboard:
        """What the service takes."""
        return NewDashboard(self.name, _widgets(context, self.widgets), self.is_shared)


@strawberry.input(description="What to change of a dashboard; what is left out stays.")
class SavedDashboardUpdateInput:
    dashboard_id: strawberry.ID = strawberry.field(description="The dashboard.")
    from_revision: int | None = strawberry.field(
        default=None,
        description="Its revision when it was read: if it is another one now nothing changes. Default: whatever it is.",
    )
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    widgets: list[DashboardWidgetInput] | None = strawberry.field(
        default=UNSET, description=f"{_WIDGETS} Instead of those there are."
    )
    is_shared: bool | None = strawberry.field(default=UNSET, description=f"{_SHARED} Only its owner takes it back.")

    def changes(self, context: Context) -> DashboardChanges:
        """What was given. Null stands for "as it is"."""
        changes: DashboardChanges = {}
        if self.name is not UNSET and self.name is not None:
            changes["name"] = self.name
        if self.widgets is not UNSET and self.widgets is not None:
            changes["widgets"] = _widgets(context, self.widgets)
        if self.is_shared is not UNSET and self.is_shared is not None:
            changes["shared"] = self.is_shared
        return changes


@strawberry.input(description="Which dashboard to delete.")
class SavedDashboardDeleteInput:
    dashboard_id: strawberry.ID = strawberry.field(description="The dashboard.")
    from_revision: int | None = strawberry.field(
        default=None,
        description="Its revision when it was read. If it is another one now it stays. Default: whatever it is.",
    )


def _widgets(context: Context, given: Sequence[DashboardWidgetInput]) -> list[rules.Widget]:
    return [each.widget(context) for each in given]
