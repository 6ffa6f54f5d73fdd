"""What a Queue has parts of: credits, its last call, categories. The Queue itself is `types.py`'s."""

from datetime import datetime

import strawberry

from app.core.graphql.node import Node
from app.queues import models
from app.queues.disciplines import WHOLE


@strawberry.type(description="Seconds of waiting that a priority is worth under `TIME_CREDIT`.")
class PriorityCredit:
    priority: int = strawberry.field(description="From 0 to 9.")
    seconds: float = strawberry.field(description="From 0 to 86,400.")


@strawberry.type(description="The most recent call of a queue.")
class LastCall:
    ticket_number: str = strawberry.field(description="Who was called, e.g. `A042`.")
    counter_name: str | None = strawberry.field(description="Where to.")
    called_at: datetime = strawberry.field(description="When.")


@strawberry.type(description="A kind of visitor or service within a queue.")
class QueueCategory(Node):
    name: str = strawberry.field(description="At most 80 characters; unique in the queue.")
    priority: int = strawberry.field(description="Priority of those who join with it and name none, from 0 to 9.")
    priority_multiplier: float = strawberry.field(
        description=(
            "Multiplies what the priority of those who join with it is worth, 0 to 10: under `PRIORITY` and `LOTTERY` "
            "the class is priority × multiplier, halves rounded up (3 × 1.5 is 5); under `TIME_CREDIT` the priority's "
            "credit in seconds is multiplied. 1 changes nothing."
        )
    )
    ticket_prefix: str | None = strawberry.field(
        description="What its ticket numbers start with, e.g. `B`; null for the queue's."
    )
    ticket_first_number: int | None = strawberry.field(
        description=(
            "The first of its own ticket numbers of a service day, counted apart from the queue's, without gaps; null "
            "if it counts with the queue."
        )
    )
    ticket_last_number: int | None = strawberry.field(
        description="The last of its own numbers planned, which sets their width; null if it counts with the queue."
    )
    is_active: bool = strawberry.field(description="Whether visitors can choose it.")

    @classmethod
    def of(cls, row: models.QueueCategory) -> "QueueCategory":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            name=row.name,
            priority=row.priority,
            priority_multiplier=row.multiplier_hundredths / WHOLE,
            ticket_prefix=row.ticket_prefix,
            ticket_first_number=row.ticket_first_number,
            ticket_last_number=row.ticket_last_number,
            is_active=row.is_active,
        )
