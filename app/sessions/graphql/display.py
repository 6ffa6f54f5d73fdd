"""What a display board shows: numbers and counters, no personal data, no login."""

from datetime import datetime

import strawberry

from app.core.ids import encode
from app.queues.graphql.enums import QueueStatus
from app.queues.models import Queue, QueueLine
from app.sessions.graphql.enums import SessionStatus, WaitEstimateReason, WaitUnknown
from app.sessions.line import Line
from app.sessions.waits.expected import ANYBODY

NEXT_TICKETS = 10
MAX_QUEUES = 20
MOST_SERVED = 100


@strawberry.type(description="A ticket number at a counter.")
class DisplayCall:
    ticket_number: str = strawberry.field(description="E.g. `A042`.")
    counter_name: str | None = strawberry.field(
        description="Where to go; null in a queue of mode `METERED`, which has no counters."
    )
    called_at: datetime = strawberry.field(description="When it was last called.")
    status: SessionStatus = strawberry.field(description="`CALLED` or `SERVING`.")  # type: ignore[valid-type]

    @classmethod
    def all_of(cls, line: Line) -> "list[DisplayCall]":
        """Those at a counter or let in, latest call first: of thousands inside only the latest."""
        return [
            cls(
                ticket_number=session.ticket_number,
                counter_name=session.counter_name,
                called_at=session.called_at,
                status=session.status,
            )
            for session in line.at_counters()[:MOST_SERVED]
            if session.called_at is not None
        ]


@strawberry.type(description="One queue on a display.")
class DisplayQueue:
    id: strawberry.ID = strawberry.field(description="The queue's id.")
    name: str = strawberry.field(description="The queue's name.")
    status: QueueStatus = strawberry.field(description="What it lets happen now.")  # type: ignore[valid-type]
    waiting_count: int = strawberry.field(description="People in line.")
    estimated_wait_seconds: int | None = strawberry.field(description="For somebody who joins now; null while unknown.")
    estimated_wait_unknown: WaitUnknown | None = strawberry.field(  # type: ignore[valid-type]
        description="Why there is no estimate; null if there is one."
    )
    estimated_wait_p50_seconds: int | None = strawberry.field(
        description="Half of those who join now wait at most so long; null where `estimatedWaitReason` hides it."
    )
    estimated_wait_p90_seconds: int | None = strawberry.field(
        description="Nine of ten of those who join now wait at most so long; null where `estimatedWaitReason` hides it."
    )
    estimated_wait_reason: WaitEstimateReason | None = strawberry.field(  # type: ignore[valid-type]
        description="Why P50 and P90 are hidden, or wide; null where neither."
    )
    announcement: str | None = strawberry.field(description="Text to show.")
    revision: int = strawberry.field(description="The queue's revision this shows.")
    now_serving: list[DisplayCall] = strawberry.field(
        description="Numbers at counters, or let in by a queue of mode `METERED`; latest call first, at most 100."
    )
    next: list[str] = strawberry.field(description="The next ticket numbers, at most 10.")

    @classmethod
    def of(cls, queue: Queue, row: QueueLine, line: Line) -> "DisplayQueue":
        """From the configuration and the live line, which may be a revision apart: numbers are the line's."""
        state = line.state
        wait, expected = line.outlook.wait(state.waiting_count), line.expected.of_next(ANYBODY)
        return cls(
            id=strawberry.ID(encode("Queue", queue.tenant_id, queue.id)),
            name=queue.name,
            status=state.status,
            waiting_count=state.waiting_count,
            estimated_wait_seconds=wait if isinstance(wait, int) else None,
            estimated_wait_unknown=None if isinstance(wait, int) else wait,
            estimated_wait_p50_seconds=expected.p50_seconds,
            estimated_wait_p90_seconds=expected.p90_seconds,
            estimated_wait_reason=expected.reason,
            announcement=queue.announcement,
            revision=line.revision,
            now_serving=DisplayCall.all_of(line),
            next=[entry.ticket_number for entry in line.head(NEXT_TICKETS)],
        )


@strawberry.type(description="A display board of one or more queues of a tenant.")
class Display:
    queues: list[DisplayQueue] = strawberry.field(description="In the order asked for.")
