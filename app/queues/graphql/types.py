"""The Queue type. Sessions, counters and the rest are added from their own features, lazily."""

from datetime import datetime, time
from typing import Annotated

import strawberry

from app.access.graphql.enums import AccessCodeKind
from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.node import Node
from app.core.graphql.pages import After, First, PageInfo
from app.queues import models
from app.queues.estimates import outlook
from app.queues.graphql import lazy
from app.queues.graphql.columns import CONFIGURATION, FROM_LINE
from app.queues.graphql.enums import FailureMode, QueueDiscipline, QueueMode, QueueStatus
from app.queues.graphql.events import QueueEventConnection
from app.queues.graphql.parts import LastCall, PriorityCredit, QueueCategory
from app.queues.limits import state_of
from app.sessions.graphql.enums import SessionStatus, WaitEstimateReason, WaitUnknown
from app.sessions.waits.expected import ANYBODY, Quantiles


@strawberry.type(
    description=(
        "A line visitors wait in. Public but for fields that name a permission; every change raises `revision` by 1."
    )
)
class Queue(Node):
    name: str = strawberry.field(description="At most 120 characters.")
    slug: str = strawberry.field(description="Its address within the tenant; unique there.")
    description: str | None = strawberry.field(description="At most 2,000 characters.")
    status: QueueStatus = strawberry.field(description="What it lets happen now.")  # type: ignore[valid-type]
    mode: QueueMode = strawberry.field(description="Who calls.")  # type: ignore[valid-type]
    discipline: QueueDiscipline = strawberry.field(description="What decides the order.")  # type: ignore[valid-type]
    priority_credits: list[PriorityCredit] = strawberry.field(
        description="What priorities are worth under `TIME_CREDIT`; a priority not listed is worth nothing."
    )
    visitor_max_priority: int = strawberry.field(
        description="The highest priority visitors may give themselves; staff may give up to 9."
    )
    capacity: int | None = strawberry.field(
        description="Most people waiting at once, those on hold included; null for no limit."
    )
    max_concurrent_users: int | None = strawberry.field(
        description="Most people called, released or served at once: never exceeded; null for no limit."
    )
    release_rate_per_minute: int | None = strawberry.field(
        description="Most visitors a `METERED` queue releases in any 60 seconds; null for no limit."
    )
    grace_seconds: int | None = strawberry.field(
        description="How long a waiting visitor who is not seen keeps the place; null: for ever."
    )
    phone_grace_seconds: int | None = strawberry.field(
        description="The same for visitors with phones; null: as for others."
    )
    claim_seconds: int | None = strawberry.field(
        description="How long whoever is called or released may take to show up; null: for ever."
    )
    stay_seconds: int | None = strawberry.field(
        description="How long whoever is inside may stay without renewing; null: for ever."
    )
    queue_all: bool = strawberry.field(description="Whether everybody is held: nobody is released.")
    invited_only: bool = strawberry.field(description="Whether only the invited may join.")
    max_places_per_address: int | None = strawberry.field(
        description="Most places at once of visitors with one network address; null for no limit."
    )
    payment_seconds: int | None = strawberry.field(
        description="How long whoever joins has to pay the fee, on hold meanwhile; null where joining costs nothing."
    )
    bind_address: bool = strawberry.field(
        description="Whether admission tokens are bound to the network address their visitor joined from."
    )
    refusal_message: str | None = strawberry.field(description="What visitors are told when nobody can join.")
    site_origins: list[str] = strawberry.field(
        description="Origins the waiting page may send visitors back to, at most 50."
    )
    failure_mode: FailureMode = strawberry.field(  # type: ignore[valid-type]
        description="What happens while one side does not hear the other."
    )
    degraded_percent: int = strawberry.field(description="How much of the rate is left while the site is degraded.")
    ramp_seconds: int = strawberry.field(description="How long the rate takes to be whole again after a recovery.")
    health_stale_seconds: int = strawberry.field(
        description="After this many seconds without a report the site's health is unknown."
    )
    ticket_prefix: str = strawberry.field(description="What ticket numbers start with, e.g. `A`.")
    ticket_first_number: int = strawberry.field(description="The first ticket number of a service day.")
    ticket_last_number: int = strawberry.field(
        description="The last number planned; sets the width (`A042`). A busier day goes on beyond it."
    )
    time_zone: str = strawberry.field(description="IANA name, e.g. `Europe/Berlin`.")
    daily_reset_time: time = strawberry.field(
        description="When a service day begins, on the queue's own clock; ticket numbers start anew."
    )
    announcement: str | None = strawberry.field(description="Text for displays, at most 280 characters.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When its configuration or status was last changed.")
    archived_at: datetime | None = strawberry.field(description="When it was archived; null if it is not.")
    waiting_count: int = strawberry.field(description="People in line; those on hold are not counted.")
    held_count: int = strawberry.field(description="People on hold.")
    called_count: int = strawberry.field(description="People called whose service has not started.")
    serving_count: int = strawberry.field(description="People being served.")
    open_counter_count: int = strawberry.field(
        description=(
            "Counters that call people: those with a shift not paused. Without any shift, all active counters, unless "
            "the tenant requires shifts."
        )
    )
    inside_count: int = strawberry.field(
        description="People called and being served: those who count against `effectiveMaxConcurrentUsers`."
    )
    effective_release_rate_per_minute: int | None = strawberry.field(
        description=(
            "Most visitors released a minute at present, with what a scheduled event, `queueAll` and the protected "
            "site's health make of it, as of the line's last change. 0: nobody. Null for no limit, and for `STAFFED`."
        )
    )
    effective_max_concurrent_users: int | None = strawberry.field(
        description=(
            "Most people called or served at once at present, as of the line's last change; null for no limit."
        )
    )
    estimated_wait_seconds: int | None = strawberry.field(
        description=(
            "What somebody who joins now can expect, in the mean. `STAFFED`: people waiting × mean service time ÷ open "
            "counters. `METERED`: people waiting over the effective rate or, once nobody fits in any more, over the "
            "pace at which people leave. Null while `estimatedWaitUnknown` says why."
        )
    )
    estimated_wait_unknown: WaitUnknown | None = strawberry.field(  # type: ignore[valid-type]
        description="Why there is no estimate; null if there is one."
    )
    revision: int = strawberry.field(
        description="Grows by exactly 1 with every change of the queue or its line; the greater, the newer."
    )
    last_called: LastCall | None = strawberry.field(description="The most recent call; null until there is one.")

    @classmethod
    def of(cls, row: models.Queue, line: models.QueueLine) -> "Queue":
        """From its rows, read together."""
        last_called = None
        if line.last_called_ticket is not None and line.last_called_at is not None:
            last_called = LastCall(
                ticket_number=line.last_called_ticket,
                counter_name=line.last_called_counter,
                called_at=line.last_called_at,
            )
        state = state_of(row, line)
        limits, wait = state.limits, outlook(state).wait(line.waiting_count)
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            **{name: getattr(row, name) for name in CONFIGURATION},
            **{name: getattr(line, name) for name in FROM_LINE},
            priority_credits=[
                PriorityCredit(priority=int(entry["priority"]), seconds=entry["seconds"])
                for entry in row.priority_credits
            ],
            inside_count=line.called_count + line.serving_count,
            effective_release_rate_per_minute=limits.rate_per_minute if limits else None,
            effective_max_concurrent_users=limits.max_concurrent_users if limits else row.max_concurrent_users,
            estimated_wait_seconds=wait if isinstance(wait, int) else None,
            estimated_wait_unknown=None if isinstance(wait, int) else wait,
            last_called=last_called,
        )

    async def _expected(self, info: Info) -> Quantiles:
        live = await info.context.runtime.lines.get(self.tenant_key, self.key, self.revision)
        return live.line.expected.of_next(ANYBODY)

    @strawberry.field(
        description=(
            "Half of those who join now, without a priority, wait at most so long, by what the queue has learned "
            "(docs/estimates.md); `METERED`: people waiting over rate and cap. Null where `estimatedWaitReason` hides "
            "it."
        )
    )
    async def estimated_wait_p50_seconds(self, info: Info) -> int | None:
        """From its live line."""
        return (await self._expected(info)).p50_seconds

    @strawberry.field(
        description="Nine of ten of those who join now wait at most so long; else as `estimatedWaitP50Seconds`."
    )
    async def estimated_wait_p90_seconds(self, info: Info) -> int | None:
        """From its live line."""
        return (await self._expected(info)).p90_seconds

    @strawberry.field(description="Why P50 and P90 are hidden, or wide; null where neither.")
    async def estimated_wait_reason(self, info: Info) -> WaitEstimateReason | None:  # type: ignore[valid-type]
        """From its live line."""
        return (await self._expected(info)).reason

    @strawberry.field(description="Its categories, by name, at most 100.")
    async def categories(self, info: Info) -> list[QueueCategory]:
        """Loaded for all queues of the answer at once."""
        rows = await info.context.loader(loaders.categories_of_queues, self.tenant_key).load(self.key)
        return [QueueCategory.of(row) for row in rows]

    @strawberry.field(
        description="When it opens and closes by itself; null if only staff and scheduled events open and close it."
    )
    async def hours(self, info: Info) -> lazy.LazyBusinessHours | None:
        """Loaded for all queues of the answer at once."""
        from app.schedules.graphql.loaders import business_hours

        return await info.context.loader(business_hours, self.tenant_key).load(self.key)

    @strawberry.field(
        description=(
            "While nobody can join: when people can again by hours or scheduled events, a pre-queue's begin included. "
            "In a pre-queue: when it opens. Null while it is open, and if nothing is planned within 370 days."
        )
    )
    async def next_opening_at(self, info: Info) -> datetime | None:
        """Loaded for all queues of the answer at once."""
        from app.schedules.graphql.loaders import openings

        return await info.context.loader(openings, self.tenant_key).load(self.key)

    @strawberry.field(
        description=(
            "The scheduled event whose overrides are in force, from its pre-queue on; null if there is none. Needs the "
            "permission `queue:read`."
        )
    )
    async def active_event(self, info: Info) -> lazy.LazyScheduledEvent | None:
        """Loaded for all queues of the answer at once."""
        from app.schedules.graphql.loaders import active_event

        return await active_event(info.context, self.tenant_key, self.key)

    @strawberry.field(description="What is planned for it, by start. Needs the permission `queue:read`.")
    async def scheduled_events(
        self,
        info: Info,
        first: First,
        after: After = None,
        include_ended: Annotated[
            bool, strawberry.argument(description="Those that have ended too. Default false.")
        ] = False,
    ) -> lazy.LazyScheduledEventConnection:
        """A page of events."""
        from app.schedules.graphql.loaders import event_page

        request = PageRequest(first, after)
        return await event_page(info.context, self.tenant_key, self.key, request, include_ended=include_ended)

    @strawberry.field(
        description=("How the site behind it is; null in mode STAFFED. Null without `queue:read` or `health:report`.")
    )
    async def origin_health(self, info: Info) -> lazy.LazyOriginHealthState | None:
        """Loaded for all queues of the answer at once."""
        from app.admission.graphql.health.loaders import health_of_queue

        return await health_of_queue(info.context, self.tenant_key, self.key)

    @strawberry.field(description="Its log, oldest first. Needs the permission `event:read`.")
    async def events(self, info: Info, first: First, after: After = None) -> QueueEventConnection:
        """A page of the log."""
        return await loaders.event_page(info.context, self.tenant_key, self.key, PageRequest(first, after))

    @strawberry.field(description="As it was at a past time, built from its log. Needs the permission `event:read`.")
    async def as_of(
        self,
        info: Info,
        at: Annotated[
            datetime, strawberry.argument(description="The time, with its zone; as that of `Query.queueAsOf`.")
        ],
    ) -> lazy.LazyQueueSnapshot:
        """Folded for each."""
        from app.sessions.graphql.as_of import queue_as_of

        return await queue_as_of(info.context, self.tenant_key, self.key, at)

    @strawberry.field(
        description="The counters that serve it, active ones, by name. Needs the permission `counter:read`."
    )
    async def counters(self, info: Info) -> list[lazy.LazyCounter]:
        """Loaded for all queues of the answer at once."""
        from app.counters.graphql.loaders import counters_of_queue

        return await counters_of_queue(info.context, self.tenant_key, self.key)

    @strawberry.field(
        description=(
            "The line in order; in a pre-queue nobody, for it has no order yet. Needs the permission `session:read`."
        )
    )
    async def waiting(self, info: Info, first: First, after: After = None) -> lazy.LazySessionConnection:
        """A page of the line."""
        from app.sessions.graphql.loaders import waiting_page

        return await waiting_page(info.context, self.tenant_key, self.key, PageRequest(first, after))

    @strawberry.field(
        description="Its sessions in order of joining, ended ones included. Needs the permission `session:read`."
    )
    async def sessions(
        self,
        info: Info,
        first: First,
        after: After = None,
        status: Annotated[
            SessionStatus | None,  # type: ignore[valid-type]
            strawberry.argument(description="Only those of this status."),
        ] = None,
    ) -> lazy.LazySessionConnection:
        """A page of sessions."""
        from app.sessions.graphql.loaders import session_page

        return await session_page(info.context, self.tenant_key, self.key, status, PageRequest(first, after))

    @strawberry.field(
        description="Who is bypassed, in the order of coming onto the list. Needs the permission `access:read`."
    )
    async def bypass_list(
        self, info: Info, first: First, after: After = None, search: lazy.IdentifierSearch = None
    ) -> lazy.LazyAccessEntryConnection:
        """A page of the list."""
        from app.access.graphql.loaders import bypass_page

        return await bypass_page(info.context, self.tenant_key, self.key, search, PageRequest(first, after))

    @strawberry.field(
        description="Who is invited, in the order of coming onto the list. Needs the permission `access:read`."
    )
    async def invite_list(
        self, info: Info, first: First, after: After = None, search: lazy.IdentifierSearch = None
    ) -> lazy.LazyAccessEntryConnection:
        """A page of the list."""
        from app.access.graphql.loaders import invite_page

        return await invite_page(info.context, self.tenant_key, self.key, search, PageRequest(first, after))

    @strawberry.field(
        description="Its access codes in order of creation, old ones included. Needs the permission `access:read`."
    )
    async def access_codes(
        self,
        info: Info,
        first: First,
        after: After = None,
        kind: Annotated[
            AccessCodeKind | None,  # type: ignore[valid-type]
            strawberry.argument(description="Only those of this kind."),
        ] = None,
    ) -> lazy.LazyAccessCodeConnection:
        """A page of codes."""
        from app.access.graphql.loaders import code_page

        return await code_page(info.context, self.tenant_key, self.key, kind, PageRequest(first, after))

    @strawberry.field(description="What joining costs; null: nothing.")
    async def fee(self, info: Info) -> lazy.LazyQueueFee | None:
        """Looked up where there is one, for all queues of the answer at once."""
        from app.integrations.graphql.loaders import fees_by_queue

        if self.payment_seconds is None:
            return None
        return await info.context.loader(fees_by_queue, self.tenant_key).load(self.key)

    @strawberry.field(description="What it asks visitors after service.")
    async def feedback(self, info: Info) -> lazy.LazyQueueFeedback:
        """Loaded for all queues of the answer at once."""
        from app.ratings.graphql.loaders import feedback_of_queue

        return await feedback_of_queue(info.context, self.tenant_key, self.key)

    @strawberry.field(
        description=(
            "What visitors said, newest first. Needs the permission `session:read`; their words `rating:read` besides."
        )
    )
    async def ratings(
        self,
        info: Info,
        first: First,
        after: After = None,
        most_score: Annotated[
            int | None, strawberry.argument(description="Only scores up to this, 1 to 5. Default: all.")
        ] = None,
    ) -> lazy.LazyRatingConnection:
        """A page of ratings."""
        from app.ratings.graphql.loaders import rating_page

        return await rating_page(info.context, self.tenant_key, self.key, most_score, PageRequest(first, after))


@strawberry.type(description="A queue and its cursor.")
class QueueEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Queue = strawberry.field(description="The queue.")


@strawberry.type(description="A page of queues, in order of creation.")
class QueueConnection:
    edges: list[QueueEdge] = strawberry.field(description="The queues.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.queues.graphql import loaders  # noqa: E402  (loaders build these types)
