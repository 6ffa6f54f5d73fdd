"""A deprecated part of the schema, and how it is used."""

from datetime import date

import strawberry


@strawberry.type(description="A part of the schema that is deprecated, and how often it is still used.")
class DeprecatedPart:
    coordinate: str = strawberry.field(
        description="What it is: `Queue.slug`, `Query.queue(id:)`, `QueueCreateInput.slug`, `QueueStatus.OPEN`."
    )
    reason: str = strawberry.field(description="What to use instead, since when, and until when it stays.")
    stays_until: date | None = strawberry.field(description="From then on a release may come without it.")
    operations: int = strawberry.field(description="Operations of the last 30 days that used it.")
    last_used_on: date | None = strawberry.field(
        description="The last day it was used (UTC); null if it was not in the last 400."
    )
