"""Results of the counter mutations."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.counters import errors
from app.counters.graphql.types import Counter, Shift
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.CounterNameTaken, "Another counter of the tenant has this name.")
class CounterNameTakenError(UserError):
    name: str = strawberry.field(description="The name.")


@error_type(errors.CounterNotServingQueue, "The counter is inactive or does not serve this queue.")
class CounterNotServingQueueError(UserError):
    pass


@error_type(errors.ShiftRequired, "The tenant wants calls only from counters with a shift at work.")
class ShiftRequiredError(UserError):
    pass


@error_type(errors.ShiftConflict, "The counter or the person has a running shift already.")
class ShiftConflictError(UserError):
    pass


@error_type(errors.NoRunningShift, "There is no shift to end, pause or resume at this counter.")
class NoRunningShiftError(UserError):
    pass


@strawberry.type(description="The counter was created.")
class CounterCreateSuccess:
    counter: Counter = strawberry.field(description="The new counter.")


@strawberry.type(description="The counter was changed.")
class CounterUpdateSuccess:
    counter: Counter = strawberry.field(description="The counter as it is now.")


@strawberry.type(description="The shift runs.")
class ShiftStartSuccess:
    shift: Shift = strawberry.field(description="The new shift.")


@strawberry.type(description="The shift is paused.")
class ShiftPauseSuccess:
    shift: Shift = strawberry.field(description="The shift as it is now.")


@strawberry.type(description="The shift goes on.")
class ShiftResumeSuccess:
    shift: Shift = strawberry.field(description="The shift as it is now.")


@strawberry.type(description="The shift is over.")
class ShiftEndSuccess:
    shift: Shift = strawberry.field(description="The shift as it ended.")


CounterCreateResult = Annotated[
    CounterCreateSuccess | InvalidInputError | CounterNameTakenError | LimitReachedError | IdempotencyConflictError,
    strawberry.union("CounterCreateResult", description="What `counterCreate` answers."),
]
CounterUpdateResult = Annotated[
    CounterUpdateSuccess | InvalidInputError | CounterNameTakenError | LimitReachedError,
    strawberry.union("CounterUpdateResult", description="What `counterUpdate` answers."),
]
ShiftStartResult = Annotated[
    ShiftStartSuccess | ShiftConflictError | CounterNotServingQueueError,
    strawberry.union("ShiftStartResult", description="What `shiftStart` answers."),
]
ShiftPauseResult = Annotated[
    ShiftPauseSuccess | NoRunningShiftError,
    strawberry.union("ShiftPauseResult", description="What `shiftPause` answers."),
]
ShiftResumeResult = Annotated[
    ShiftResumeSuccess | NoRunningShiftError,
    strawberry.union("ShiftResumeResult", description="What `shiftResume` answers."),
]
ShiftEndResult = Annotated[
    ShiftEndSuccess | NoRunningShiftError | InvalidInputError,
    strawberry.union("ShiftEndResult", description="What `shiftEnd` answers."),
]
