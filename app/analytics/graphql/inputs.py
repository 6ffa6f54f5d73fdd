"""What figures are asked for with: periods and filters."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.analytics.figures import Filters, Period
from app.analytics.graphql.figures import AnalyticsGranularity
from app.context import Context
from app.core.graphql.instants import instant

From = Annotated[
    datetime,
    strawberry.argument(name="from", description="The first instant, put back to a whole hour on the local clock."),
]
To = Annotated[
    datetime,
    strawberry.argument(
        description="The first instant after it, put on to a whole hour. After `from`, by at most 1,830 days."
    ),
]
MaybeFrom = Annotated[
    datetime | None,
    strawberry.argument(
        name="from",
        description="The first instant, put back to a whole hour. Default, together with `to`: today up to now.",
    ),
]
MaybeTo = Annotated[
    datetime | None,
    strawberry.argument(
        description="The first instant after it, put on to a whole hour. After `from`, by at most 1,830 days."
    ),
]
Granularity = Annotated[
    AnalyticsGranularity,  # type: ignore[valid-type]
    strawberry.argument(description="How long the spans of `points` are. Default `DAY`."),
]
ServiceLevel = Annotated[
    int | None,
    strawberry.argument(
        description="The longest wait that counts as good, in seconds, 1 to 86,400. Default: the business's setting."
    ),
]


@strawberry.input(description="Only visits of one kind: give one of the four at most.")
class AnalyticsFilter:
    category_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this category.")
    priority: int | None = strawberry.field(default=None, description="Only of this priority, 0 to 9.")
    counter_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those called last to this counter."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those called last by this member of staff."
    )

    def filters(self, context: Context) -> Filters:
        """What the service takes. `NotFound` for ids of other businesses."""
        ids = {
            kind: None if id is None else context.ref(kind, id).id
            for kind, id in (("QueueCategory", self.category_id), ("Counter", self.counter_id), ("User", self.user_id))
        }
        return Filters(ids["QueueCategory"], self.priority, ids["Counter"], ids["User"])


def period(starts: datetime, ends: datetime) -> Period:
    """A period as the service takes it. `BadInput` for times without a zone."""
    return Period(instant("from", starts), instant("to", ends))
