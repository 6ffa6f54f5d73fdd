"""Other features' types that a queue shows: named here, resolved when the schema is built. Defines none of them."""

from typing import Annotated

import strawberry

LazySessionConnection = Annotated["SessionConnection", strawberry.lazy("app.sessions.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyBusinessHours = Annotated["BusinessHours", strawberry.lazy("app.schedules.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyScheduledEvent = Annotated["ScheduledEvent", strawberry.lazy("app.schedules.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyScheduledEventConnection = Annotated[
    "ScheduledEventConnection",  # type: ignore[name-defined]  # noqa: F821
    strawberry.lazy("app.schedules.graphql.types"),
]
IdentifierSearch = Annotated[
    str | None,
    strawberry.argument(
        description="Only the person with exactly this identifier: kept encrypted, they can be found by no part of it."
    ),
]
LazyAccessEntryConnection = Annotated["AccessEntryConnection", strawberry.lazy("app.access.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyAccessCodeConnection = Annotated["AccessCodeConnection", strawberry.lazy("app.access.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyOriginHealthState = Annotated["OriginHealthState", strawberry.lazy("app.admission.graphql.health.types")]  # type: ignore[name-defined]  # noqa: F821
LazyQueueFeedback = Annotated["QueueFeedback", strawberry.lazy("app.ratings.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyRatingConnection = Annotated["RatingConnection", strawberry.lazy("app.ratings.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyQueueSnapshot = Annotated["QueueSnapshot", strawberry.lazy("app.sessions.graphql.as_of")]  # type: ignore[name-defined]  # noqa: F821
LazyQueueFee = Annotated["QueueFee", strawberry.lazy("app.integrations.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyCounter = Annotated["Counter", strawberry.lazy("app.counters.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
