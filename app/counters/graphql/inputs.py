"""Inputs of the counter mutations."""

import strawberry

from app.queues.graphql.inputs import KEY


@strawberry.input(description="A new counter.")
class CounterCreateInput:
    name: str = strawberry.field(description="1 to 80 characters; unique in the tenant; shown on displays.")
    queue_ids: list[strawberry.ID] = strawberry.field(description="The queues it serves, at most 100.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="What to change of a counter; what is left out stays.")
class CounterUpdateInput:
    counter_id: strawberry.ID = strawberry.field(description="The counter.")
    name: str | None = strawberry.field(default=None, description="1 to 80 characters; unique in the tenant.")
    is_active: bool | None = strawberry.field(default=None, description="Whether it can call.")
    queue_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="All the queues it is to serve.")


@strawberry.input(description="Where to start a shift.")
class ShiftStartInput:
    counter_id: strawberry.ID = strawberry.field(description="The counter.")


@strawberry.input(description="Which shift to pause.")
class ShiftPauseInput:
    counter_id: strawberry.ID = strawberry.field(description="The counter it is worked at.")


@strawberry.input(description="Which shift to resume.")
class ShiftResumeInput:
    counter_id: strawberry.ID = strawberry.field(description="The counter it is worked at.")


@strawberry.input(description="Which shift to end.")
class ShiftEndInput:
    counter_id: strawberry.ID = strawberry.field(description="The counter it is worked at.")
    notes: str | None = strawberry.field(default=None, description="For the record, at most 2,000 characters.")
