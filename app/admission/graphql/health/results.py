"""The result of `originHealthReport`: the queue as it is then, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.admission.graphql.results import QueueNotMeteredError
from app.core.graphql.errors import InvalidInputError
from app.queues.graphql.types import Queue


@strawberry.type(description="The report was heard; `queue.originHealth` says what is believed now.")
class OriginHealthReportSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


OriginHealthReportResult = Annotated[
    OriginHealthReportSuccess | QueueNotMeteredError | InvalidInputError,
    strawberry.union("OriginHealthReportResult", description="What `originHealthReport` answers."),
]
