"""A queue's log as clients see it."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from app.core.events import EventRow
from app.core.graphql.enums import explained_enum
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.queues import events
from app.queues.shown import shown_data

QueueEventType = explained_enum(
    events.QueueEventType,
    "What happened in a queue.",
    QUEUE_CREATED="The queue was created, open.",
    QUEUE_UPDATED="Its configuration was changed; `data.changes` holds the new values.",
    QUEUE_OPENED="It was opened; by its business hours if `data.scheduledAt` is not null.",
    QUEUE_PAUSED="It was paused.",
    QUEUE_RESUMED="It went on after a pause.",
    QUEUE_CLOSED="It was closed; by its business hours if `data.scheduledAt` is not null.",
    QUEUE_MAINTENANCE_STARTED="It was put into maintenance.",
    QUEUE_ARCHIVED="It was archived.",
    QUEUE_STAFFING_CHANGED="Counters opened, closed or went on a break.",
    ORIGIN_HEALTH_CHANGED=(
        "Something else is believed of the protected site: `data.health`, for `data.reason` (REPORTED, ASKED, STALE, "
        "NOT_TOLD) and `data.detail`; `data.factor` is what part of the rate was in force until then."
    ),
    PREQUEUE_STARTED=(
        "A scheduled event's pre-queue began, and its overrides are in force; `data.seedHash` is the SHA-256 of its "
        "lottery's seed, null if it draws no lots."
    ),
    LOTTERY_OPENED="A pre-queue is over: `data.seed` is its lottery's seed, whose hash was published when it began.",
    SCHEDULED_EVENT_STARTED="A scheduled event began; `data.overrides` holds what it sets.",
    SCHEDULED_EVENT_ENDED="A scheduled event ended, and its overrides with it; `data.reason`: `TIME` or `DELETED`.",
    SESSION_JOINED="Somebody joined.",
    SESSION_CALLED="Somebody was called to a counter; `data.outOfTurn` says whether somebody else was first.",
    SESSION_RELEASED="Somebody was let through by a queue of mode `METERED`; the claim window has begun.",
    SESSION_RECALLED="Somebody was called again.",
    SESSION_STARTED="Somebody's service started.",
    SESSION_ENTERED="Somebody who was released has entered the protected site.",
    SESSION_RENEWED="Somebody's stay was renewed.",
    SESSION_REVOKED="Staff has revoked somebody's admission.",
    SESSION_COMPLETED="Somebody was served.",
    SESSION_NO_SHOW="Somebody was called and did not come; in a queue of mode `METERED`: the claim window is over.",
    SESSION_EXPIRED="A place ran out: of somebody waiting the grace, of somebody inside the stay.",
    SESSION_CANCELLED="A place was given up.",
    SESSION_RETURNED="Somebody was put back into the line from a counter.",
    SESSION_STEPPED_BACK="Somebody let others go first.",
    SESSION_HELD="Somebody was put on hold.",
    SESSION_UNHELD="Somebody came back into the line from hold.",
    SESSION_TRANSFERRED_OUT="Somebody left for another queue, `data.toQueueId`.",
    SESSION_TRANSFERRED_IN="Somebody came from another queue, `data.fromQueueId`.",
    SESSION_PRIORITY_CHANGED="Somebody's priority was changed.",
    SESSION_NOTE_ADDED="Staff wrote something down about somebody.",
    SESSION_RATED=(
        "Somebody rated a visit, or changed the rating: `data.score` from 1 to 5, `data.nps` from 0 to 10 or null."
    ),
    SESSION_IMPORTED="A session of the past was brought in from another system: `data.visit`. The line is as it was.",
)


@strawberry.type(description="A fact from a queue's log.")
class QueueEvent:
    revision: int = strawberry.field(description="Grows by exactly 1 from event to event; resume with `after:` this.")
    type: QueueEventType = strawberry.field(description="What happened.")  # type: ignore[valid-type]
    occurred_at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(
        description="Who: `USER:<uuid>`, `API_KEY:<uuid>`, `VISITOR:<uuid>`, `ANONYMOUS` or `SYSTEM`."
    )
    queue_id: strawberry.ID = strawberry.field(description="Id of the queue.")
    session_id: strawberry.ID | None = strawberry.field(description="Id of the session it is about, if any.")
    ticket_number: str | None = strawberry.field(description="That session's ticket number.")
    data: JSON = strawberry.field(
        description=(
            "The event in full, with camelCase keys: `line` (the queue's counts after it) and, for events of a "
            "session, `session` (its state after it: status, rank, times, counter; in a pre-queue without the rank). "
            "No personal data."
        )
    )

    @classmethod
    def of(cls, row: EventRow) -> "QueueEvent":
        """From its row."""
        session = row.data.get("session")
        return cls(
            revision=row.revision,
            type=events.QueueEventType(row.type),
            occurred_at=row.occurred_at,
            actor=row.actor,
            queue_id=strawberry.ID(encode("Queue", row.tenant_id, row.aggregate_id)),
            session_id=None
            if session is None
            else strawberry.ID(encode("Session", row.tenant_id, UUID(session["id"]))),
            ticket_number=None if session is None else session["ticket_number"],
            data=JSON(shown_data(row.data, row.tenant_id)),
        )


@strawberry.type(description="An event and its cursor.")
class QueueEventEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: QueueEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of a queue's log, oldest first.")
class QueueEventConnection:
    edges: list[QueueEventEdge] = strawberry.field(description="The events.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
