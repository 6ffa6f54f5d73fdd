"""Results of the mutations of ratings."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.queues.graphql.types import Queue
from app.ratings import errors
from app.ratings.graphql.types import Rating, RatingRefusal


@error_type(errors.RatingRefused, "The visit cannot be rated, or not now; nothing has happened.")
class RatingRefusedError(UserError):
    reason: RatingRefusal = strawberry.field(description="Why.")  # type: ignore[valid-type]


@strawberry.type(description="The queue asks so from now on.")
class QueueSetFeedbackSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The visit is rated so.")
class SessionRateSuccess:
    rating: Rating = strawberry.field(description="The rating as it is now.")


QueueSetFeedbackResult = Annotated[
    QueueSetFeedbackSuccess | InvalidInputError,
    strawberry.union("QueueSetFeedbackResult", description="What `queueSetFeedback` answers."),
]
SessionRateResult = Annotated[
    SessionRateSuccess | RatingRefusedError | InvalidInputError,
    strawberry.union("SessionRateResult", description="What `sessionRate` answers."),
]
