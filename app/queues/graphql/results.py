"""Results of the queue mutations: a success with the queue as it is now, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.queues import errors
from app.queues.graphql.enums import QueueStatus
from app.queues.graphql.parts import QueueCategory
from app.queues.graphql.types import Queue
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.QueueNotOpen, "Nobody can join: the queue is closed, in maintenance or archived.")
class QueueNotOpenError(UserError):
    queue_status: QueueStatus = strawberry.field(description="The queue's status.")  # type: ignore[valid-type]
    next_opening_at: datetime | None = strawberry.field(
        description="When people can join by its hours or scheduled events; null if nothing is planned."
    )
    refusal_message: str | None = strawberry.field(
        description="What the tenant says to those who may not join, for the visitor's eyes; null if it says nothing."
    )


@error_type(
    errors.QueueNotServing, "Nobody can be called: the queue is in maintenance or archived, or of mode `METERED`."
)
class QueueNotServingError(UserError):
    queue_status: QueueStatus = strawberry.field(description="The queue's status.")  # type: ignore[valid-type]


@error_type(errors.QueuePaused, "A paused queue is not called from.")
class QueuePausedError(UserError):
    pass


@error_type(errors.QueueFull, "The line has as many people as it may have.")
class QueueFullError(UserError):
    capacity: int = strawberry.field(description="Most people waiting at once.")
    waiting_count: int = strawberry.field(description="People waiting, on hold included.")


@error_type(errors.MaxConcurrentReached, "As many people are being served as may be at once.")
class MaxConcurrentReachedError(UserError):
    max_concurrent_users: int = strawberry.field(description="The queue's limit.")


@error_type(errors.QueueSlugTaken, "Another queue of the tenant has this slug.")
class QueueSlugTakenError(UserError):
    slug: str = strawberry.field(description="The slug.")


@error_type(errors.QueueNotEmpty, "Somebody is still in the queue.")
class QueueNotEmptyError(UserError):
    session_count: int = strawberry.field(description="How many people.")


@error_type(errors.IllegalQueueTransition, "The queue's status does not allow this.")
class IllegalQueueTransitionError(UserError):
    queue_status: QueueStatus = strawberry.field(description="The queue's status.")  # type: ignore[valid-type]


@error_type(errors.CategoryNameTaken, "Another category of the queue has this name.")
class CategoryNameTakenError(UserError):
    name: str = strawberry.field(description="The name.")


@strawberry.type(description="The queue was created.")
class QueueCreateSuccess:
    queue: Queue = strawberry.field(description="The new queue.")


@strawberry.type(description="The queue was changed.")
class QueueUpdateSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue is open.")
class QueueOpenSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue is paused.")
class QueuePauseSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue goes on.")
class QueueResumeSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue is closed.")
class QueueCloseSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue is in maintenance.")
class QueueStartMaintenanceSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The queue is archived.")
class QueueArchiveSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The category was created.")
class QueueCategoryCreateSuccess:
    category: QueueCategory = strawberry.field(description="The new category.")


@strawberry.type(description="The category was changed.")
class QueueCategoryUpdateSuccess:
    category: QueueCategory = strawberry.field(description="The category as it is now.")


QueueCreateResult = Annotated[
    QueueCreateSuccess | InvalidInputError | QueueSlugTakenError | LimitReachedError | IdempotencyConflictError,
    strawberry.union("QueueCreateResult", description="What `queueCreate` answers."),
]
QueueUpdateResult = Annotated[
    QueueUpdateSuccess | InvalidInputError | QueueSlugTakenError | QueueNotEmptyError,
    strawberry.union("QueueUpdateResult", description="What `queueUpdate` answers."),
]
QueueOpenResult = Annotated[
    QueueOpenSuccess | IllegalQueueTransitionError,
    strawberry.union("QueueOpenResult", description="What `queueOpen` answers."),
]
QueuePauseResult = Annotated[
    QueuePauseSuccess | IllegalQueueTransitionError,
    strawberry.union("QueuePauseResult", description="What `queuePause` answers."),
]
QueueResumeResult = Annotated[
    QueueResumeSuccess | IllegalQueueTransitionError,
    strawberry.union("QueueResumeResult", description="What `queueResume` answers."),
]
QueueCloseResult = Annotated[
    QueueCloseSuccess | IllegalQueueTransitionError,
    strawberry.union("QueueCloseResult", description="What `queueClose` answers."),
]
QueueStartMaintenanceResult = Annotated[
    QueueStartMaintenanceSuccess | IllegalQueueTransitionError,
    strawberry.union("QueueStartMaintenanceResult", description="What `queueStartMaintenance` answers."),
]
QueueArchiveResult = Annotated[
    QueueArchiveSuccess | QueueNotEmptyError | IllegalQueueTransitionError,
    strawberry.union("QueueArchiveResult", description="What `queueArchive` answers."),
]
QueueCategoryCreateResult = Annotated[
    QueueCategoryCreateSuccess | InvalidInputError | CategoryNameTakenError,
    strawberry.union("QueueCategoryCreateResult", description="What `queueCategoryCreate` answers."),
]
QueueCategoryUpdateResult = Annotated[
    QueueCategoryUpdateSuccess | InvalidInputError | CategoryNameTakenError,
    strawberry.union("QueueCategoryUpdateResult", description="What `queueCategoryUpdate` answers."),
]
