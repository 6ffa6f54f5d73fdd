"""The Session type: what a visitor and the staff see of one place in one queue."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from app.access.graphql.enums import BYPASSED
from app.context import Context, Info
from app.core.actor import ActorKind
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import Ref, encode
from app.estimates.values import Reason
from app.identity.permissions import Permission
from app.queues.disciplines import is_bypassed
from app.queues.graphql.loaders import categories_by_id, load_queue
from app.queues.graphql.parts import QueueCategory
from app.queues.graphql.types import Queue
from app.sessions import models
from app.sessions.graphql.enums import SessionStatus, WaitEstimateReason, WaitUnknown
from app.sessions.line import Place
from app.sessions.waits.expected import Kind, Quantiles
from app.sessions.waits.observed import kind_of

LazyCounter = Annotated["Counter", strawberry.lazy("app.counters.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyAdmission = Annotated["Admission", strawberry.lazy("app.admission.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyPayment = Annotated["Payment", strawberry.lazy("app.integrations.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyCustomer = Annotated["SessionCustomer", strawberry.lazy("app.integrations.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyRating = Annotated["Rating", strawberry.lazy("app.ratings.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyUser = Annotated["User", strawberry.lazy("app.identity.graphql.types")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="How to reach a visitor.")
class SessionContact:
    email: str | None = strawberry.field(description="E-mail address.")
    phone: str | None = strawberry.field(description="Phone number.")


@strawberry.type(description="What staff wrote down about a session.")
class SessionNote:
    text: str = strawberry.field(description="At most 2,000 characters.")
    author: str = strawberry.field(description="Who: `USER:<uuid>`.")
    created_at: datetime = strawberry.field(description="When.")


@strawberry.type(description="One visitor's place in one queue, from joining to its end.")
class Session(Node):
    row: strawberry.Private[models.Session | models.Joined]
    # The answer to the very join that made it: its visitor is reading, though not yet with the token.
    is_own: strawberry.Private[bool]
    place: strawberry.Private[Place | None]
    ticket_number: str = strawberry.field(
        description="What is printed and called, e.g. `A042`; unique and gapless per queue and service day."
    )
    status: SessionStatus = strawberry.field(description="Where it stands.")  # type: ignore[valid-type]
    is_bypassed: bool = strawberry.field(description=f"Whether it was let to the front by a list or a code. {BYPASSED}")
    on_hold: bool = strawberry.field(description="Whether it is waiting outside the line: not called, place kept.")
    priority: int = strawberry.field(description="From 0 to 9; the higher, the sooner.")
    party_size: int = strawberry.field(description="How many people, 1 to 50.")
    position: int | None = strawberry.field(
        description="Place in line, from 1; 0 while let in by a `METERED` queue; null for all others."
    )
    ahead_count: int | None = strawberry.field(
        description="People ahead, from 0, which it is while let in by a `METERED` queue; null for all others."
    )
    estimated_wait_seconds: int | None = strawberry.field(
        description=(
            "The mean of what can be expected. `STAFFED`: people ahead × mean service time ÷ open counters. `METERED`: "
            "people ahead over the release rate or, once nobody fits in any more, over the pace at which people leave; "
            "0 while let in. Null unless in line, and while `estimatedWaitUnknown` says why."
        )
    )
    estimated_wait_unknown: WaitUnknown | None = strawberry.field(  # type: ignore[valid-type]
        description="Why there is no estimate; null if there is one, and unless in line."
    )
    revision: int = strawberry.field(
        description="Revision of the queue this shows; of two answers with the same `queue.id` the greater is newer."
    )
    payment_due_at: datetime | None = strawberry.field(
        description="Until when its fee has to be paid, which it is on hold for; null where it owes none (any more)."
    )
    locale: str | None = strawberry.field(description="Language of messages, e.g. `en` or `pt-BR`.")
    joined_at: datetime = strawberry.field(description="When the visitor joined; kept in a transfer.")
    called_at: datetime | None = strawberry.field(description="When it was last called; null until then.")
    started_at: datetime | None = strawberry.field(description="When service started; null until then.")
    completed_at: datetime | None = strawberry.field(description="When service was completed; null until then.")
    cancelled_at: datetime | None = strawberry.field(description="When it was cancelled; null unless it was.")
    cancelled_by: str | None = strawberry.field(description="`VISITOR`, `STAFF` or `SYSTEM`; null unless cancelled.")
    ended_at: datetime | None = strawberry.field(description="When it ended, in whichever way; null until then.")
    call_count: int = strawberry.field(description="How often it was called.")
    wait_seconds: float | None = strawberry.field(
        description="From joining to the last call, or to the end without one; null while waiting."
    )
    service_seconds: float | None = strawberry.field(description="From start to completion; null until completed.")

    @classmethod
    def of(cls, row: models.Session | models.Joined, revision: int, place: Place | None) -> "Session":
        """From its row and its place, at a revision of its queue."""
        waited_until = row.called_at or row.ended_at
        # Whoever was released waits for nobody any more. Only METERED queues number admissions.
        if row.admission_number and row.status in _INSIDE:
            place = _LET_IN
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            is_own=False,
            place=place,
            revision=revision,
            is_bypassed=is_bypassed(row.rank_class),
            on_hold=row.held_at is not None,
            position=place.position if place else None,
            ahead_count=place.ahead_count if place else None,
            estimated_wait_seconds=place.estimated_wait_seconds if place else None,
            estimated_wait_unknown=place.estimated_wait_unknown if place else None,
            wait_seconds=(waited_until - row.joined_at).total_seconds() if waited_until else None,
            service_seconds=(
                (row.completed_at - row.started_at).total_seconds() if row.completed_at and row.started_at else None
            ),
            **{name: getattr(row, name) for name in _FROM_ROW},
        )

    @property
    def kind(self) -> Kind:
        """What of the visitor an estimate depends on."""
        return kind_of(self.row.category_id, self.row.joined_at, self.row.rank_time)

    def quantiles(self) -> Quantiles | None:
        """What is expected of its place; null unless in line or let in."""
        place = self.place
        if place is None:
            return None
        if place.ahead_count is None:
            return _NOT_YET
        return _NO_WAIT if place.expected is None else place.expected.of(place.ahead_count, self.kind)

    @strawberry.field(
        description=(
            "Half of those at this place wait at most so long until they are called, by what the queue has "
            "learned. `STAFFED`: what the predictor with the least measured loss says (docs/estimates.md). `METERED`: "
            "people ahead over rate and cap. 0 while let in. Null unless in line, and where `estimatedWaitReason` "
            "hides it. In a feed it comes with the moves: a change of it alone is no item."
        )
    )
    def estimated_wait_p50_seconds(self) -> int | None:
        """From the line's state."""
        expected = self.quantiles()
        return None if expected is None else expected.p50_seconds

    @strawberry.field(
        description="Nine of ten of those at this place wait at most so long; else as `estimatedWaitP50Seconds`."
    )
    def estimated_wait_p90_seconds(self) -> int | None:
        """From the line's state."""
        expected = self.quantiles()
        return None if expected is None else expected.p90_seconds

    @strawberry.field(description="Why P50 and P90 are hidden, or wide; null where neither, and unless in line.")
    def estimated_wait_reason(self) -> WaitEstimateReason | None:  # type: ignore[valid-type]
        """From the line's state."""
        expected = self.quantiles()
        return None if expected is None else expected.reason

    @strawberry.field(
        description="Id of the queue it is in; free of cost, so that a feed can tell the revisions of two queues apart."
    )
    def queue_id(self) -> strawberry.ID:
        """From the row."""
        return strawberry.ID(encode("Queue", self.tenant_key, self.row.queue_id))

    @strawberry.field(description="The queue it is in.")
    async def queue(self, info: Info) -> Queue:
        """Loaded for all sessions of the answer at once; in a feed, once per revision for all who watch the line."""
        live = info.context.runtime.lines.peek(self.tenant_key, self.row.queue_id)
        if live is not None and live.line.revision >= self.revision:
            return Queue.of(*await live.rows())
        return await load_queue(info.context, Ref(self.tenant_key, self.row.queue_id))

    @strawberry.field(description="The category it joined with.")
    async def category(self, info: Info) -> QueueCategory | None:
        """Loaded for all sessions of the answer at once."""
        if self.row.category_id is None:
            return None
        row = await info.context.loader(categories_by_id, self.tenant_key).load(self.row.category_id)
        return None if row is None else QueueCategory.of(row)

    @strawberry.field(description="The counter it was called to; null until then.")
    async def counter(self, info: Info) -> LazyCounter | None:
        """Loaded for all sessions of the answer at once."""
        from app.counters.graphql.loaders import counters_by_id

        if self.row.counter_id is None:
            return None
        return await info.context.loader(counters_by_id, self.tenant_key).load(self.row.counter_id)

    @strawberry.field(description="Who called or served it. Null without `session:read`, to its visitor too.")
    async def served_by(self, info: Info) -> LazyUser | None:
        """Loaded for all sessions of the answer at once."""
        from app.identity.graphql.loaders import users_by_id

        if self.row.served_by is None or not info.context.actor.may_in(self.tenant_key, Permission.SESSION_READ):
            return None
        return await info.context.loader(users_by_id, self.tenant_key).load(self.row.served_by)

    @strawberry.field(
        description=(
            "What the visitor may do at the protected site; null until released, and in a queue that is not `METERED`. "
            "Null without `session:read`, except for its visitor; staff see no token."
        )
    )
    def admission(self, info: Info) -> LazyAdmission | None:
        """From the row."""
        from app.admission.graphql.types import Admission

        is_waiting = self.row.status is models.SessionStatus.WAITING
        if is_waiting or not self.row.admission_number or not self._is_open_to(info.context):
            return None
        is_visitors = self.is_own or info.context.actor.kind is ActorKind.VISITOR
        return Admission.of(self.row, self.revision, is_bearers=is_visitors)

    @strawberry.field(
        description="Who this is, as the join named it. Null without `session:read`, except for its visitor."
    )
    def user_identifier(self, info: Info) -> str | None:
        """Personal."""
        return self.row.user_identifier if self._is_open_to(info.context) else None

    @strawberry.field(description="How to reach the visitor. Null without `session:read`, except for its visitor.")
    def contact(self, info: Info) -> SessionContact | None:
        """Personal."""
        if not self._is_open_to(info.context):
            return None
        return SessionContact(email=self.row.email, phone=self.row.phone)

    @strawberry.field(
        description="What the front-end stored with the join. Null without `session:read`, except for its visitor."
    )
    def metadata(self, info: Info) -> JSON | None:
        """Personal."""
        data = self.row.visitor_metadata if self._is_open_to(info.context) else None
        return None if data is None else JSON(data)

    @strawberry.field(description="Why it was cancelled. Null without `session:read`, except for its visitor.")
    def cancel_reason(self, info: Info) -> str | None:
        """Personal."""
        return self.row.cancel_reason if self._is_open_to(info.context) else None

    @strawberry.field(
        description=(
            "Its fee, from the first time its visitor asked how to pay. Null without `session:read`, except for its "
            "visitor."
        )
    )
    async def payment(self, info: Info) -> LazyPayment | None:
        """Loaded for all sessions of the answer at once."""
        from app.integrations.graphql.loaders import payments_by_session

        if not self._is_open_to(info.context):
            return None
        return await info.context.loader(payments_by_session, self.tenant_key).load(self.key)

    @strawberry.field(
        description="Who the visitor is at the business's CRM. Null without `session:read`, to its visitor too."
    )
    async def customer(self, info: Info) -> LazyCustomer | None:
        """Loaded for all sessions of the answer at once."""
        from app.integrations.graphql.loaders import customers_by_session

        if not info.context.actor.may_in(self.tenant_key, Permission.SESSION_READ):
            return None
        return await info.context.loader(customers_by_session, self.tenant_key).load(self.key)

    @strawberry.field(
        description=(
            "What was said of the visit; null until then. Null without `session:read`, except for its visitor."
        )
    )
    async def rating(self, info: Info) -> LazyRating | None:
        """Loaded for all sessions of the answer at once."""
        from app.ratings.graphql.loaders import ratings_by_session

        # Whoever still waits is in no hurry to be asked for what cannot be there.
        if self.row.ended_at is None or not self._is_open_to(info.context):
            return None
        return await info.context.loader(ratings_by_session, self.tenant_key).load(self.key)

    @strawberry.field(
        description=(
            "A page on which the visit can be rated by whoever has the link; null unless it can be at present. Null "
            "without `session:write`, except for its visitor."
        )
    )
    async def rating_url(self, info: Info) -> str | None:
        """Signed anew each time, and always the same."""
        from app.ratings.graphql.loaders import rating_link

        is_visitors = info.context.actor.kind is ActorKind.VISITOR
        if not self._is_open_to(info.context) or not (
            is_visitors or info.context.actor.may_in(self.tenant_key, Permission.SESSION_WRITE)
        ):
            return None
        return await rating_link(info.context, self.row)

    @strawberry.field(description="Notes of the staff, oldest first, at most 100. Needs the permission `session:read`.")
    async def notes(self, info: Info) -> list[SessionNote]:
        """Loaded for all sessions of the answer at once."""
        info.context.actor.require_in(self.tenant_key, Permission.SESSION_READ)
        rows = await info.context.loader(loaders.notes_by_session, self.tenant_key).load(self.key)
        return [SessionNote(text=row.text, author=row.author, created_at=row.created_at) for row in rows]

    def _is_open_to(self, context: Context) -> bool:
        actor = context.actor
        if self.is_own or actor.kind is ActorKind.VISITOR:
            return self.is_own or actor.id == self.key
        return actor.may_in(self.tenant_key, Permission.SESSION_READ)


_NO_WAIT, _NOT_YET = Quantiles(0, 0, None), Quantiles(None, None, Reason.NOT_RELEASING)
_LET_IN, _INSIDE = Place(0, 0, 0), frozenset({models.SessionStatus.CALLED, models.SessionStatus.SERVING})
_FROM_ROW = [
    "ticket_number",
    "status",
    "priority",
    "party_size",
    "payment_due_at",
    "locale",
    "joined_at",
    "called_at",
    "started_at",
    "completed_at",
    "cancelled_at",
    "cancelled_by",
    "ended_at",
    "call_count",
]


@strawberry.type(description="A session and its cursor.")
class SessionEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Session = strawberry.field(description="The session.")


@strawberry.type(description="A page of sessions.")
class SessionConnection:
    edges: list[SessionEdge] = strawberry.field(description="The sessions.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.sessions.graphql import loaders  # noqa: E402  (loaders build these types)
