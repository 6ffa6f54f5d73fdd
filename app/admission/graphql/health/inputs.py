"""The input of `originHealthReport`."""

import strawberry

from app.admission.graphql.health.types import OriginHealth


@strawberry.input(description="How the site behind a queue is.")
class OriginHealthReportInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue before the site, of mode METERED.")
    health: OriginHealth = strawberry.field(  # type: ignore[valid-type]
        description="How it is. UNKNOWN: it will not be reported any more, and what was known is forgotten."
    )
    detail: str | None = strawberry.field(
        default=None,
        description="Why, for those who run the queue; at most 200 characters, and nothing personal. Default: none.",
    )
