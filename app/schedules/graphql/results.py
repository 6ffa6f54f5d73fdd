"""Results of the schedule mutations: a success with what there is now, or a refusal one can act on."""

from typing import Annotated

import strawberry
from strawberry.types import Info

from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.queues.graphql.types import Queue
from app.schedules import errors, repository
from app.schedules.graphql.types import ScheduledEvent


@error_type(errors.ScheduledEventOverlaps, "Another event of the queue takes some of the same time.")
class ScheduledEventOverlapsError(UserError):
    event: ScheduledEvent = strawberry.field(description="That event; the earliest if there are several.")

    @staticmethod
    async def convert(error: errors.ScheduledEventOverlaps, info: Info) -> "ScheduledEventOverlapsError":
        """With the event loaded."""
        async with info.context.read(error.tenant_id) as tx:
            event = ScheduledEvent.of(await repository.get(tx, error.event_id))
        return ScheduledEventOverlapsError(message=error.message, event=event)


@error_type(errors.ScheduledEventOver, "The event has ended: it is history.")
class ScheduledEventOverError(UserError):
    pass


@strawberry.type(description="The hours count.")
class QueueSetHoursSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The event is planned, or runs already.")
class ScheduledEventCreateSuccess:
    event: ScheduledEvent = strawberry.field(description="The event as it is now.")


@strawberry.type(description="The event was changed.")
class ScheduledEventUpdateSuccess:
    event: ScheduledEvent = strawberry.field(description="The event as it is now.")


@strawberry.type(description="The event is gone, or has ended.")
class ScheduledEventDeleteSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


QueueSetHoursResult = Annotated[
    QueueSetHoursSuccess | InvalidInputError,
    strawberry.union("QueueSetHoursResult", description="What `queueSetHours` answers."),
]
ScheduledEventCreateResult = Annotated[
    ScheduledEventCreateSuccess | InvalidInputError | ScheduledEventOverlapsError | IdempotencyConflictError,
    strawberry.union("ScheduledEventCreateResult", description="What `scheduledEventCreate` answers."),
]
ScheduledEventUpdateResult = Annotated[
    ScheduledEventUpdateSuccess | InvalidInputError | ScheduledEventOverlapsError | ScheduledEventOverError,
    strawberry.union("ScheduledEventUpdateResult", description="What `scheduledEventUpdate` answers."),
]
ScheduledEventDeleteResult = Annotated[
    ScheduledEventDeleteSuccess | ScheduledEventOverError,
    strawberry.union("ScheduledEventDeleteResult", description="What `scheduledEventDelete` answers."),
]
