"""Business hours, scheduled events, what will count when, and the proof of a lottery."""

import datetime as dt
from datetime import datetime, time

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import After, First, PageInfo
from app.core.ids import Ref, encode
from app.queues.graphql.enums import QueueStatus
from app.queues.graphql.types import Queue
from app.queues.models import Lottery, LotteryEntry
from app.queues.settings import NAMES
from app.schedules import hours, models
from app.schedules.service import Effective, EventState, state_of

Weekday = explained_enum(
    hours.Weekday,
    "A day of the week.",
    MONDAY="Monday.",
    TUESDAY="Tuesday.",
    WEDNESDAY="Wednesday.",
    THURSDAY="Thursday.",
    FRIDAY="Friday.",
    SATURDAY="Saturday.",
    SUNDAY="Sunday.",
)
ScheduledEventState = explained_enum(
    EventState,
    "How far a scheduled event is.",
    PLANNED="Nothing of it has begun.",
    PREQUEUE="Its pre-queue has begun; its overrides are in force.",
    RUNNING="It has begun.",
    ENDED="It is over, on time or before.",
)


@strawberry.type(description="Open from one time of the day to another, on the clock of the queue's time zone.")
class OpeningPeriod:
    opens: time = strawberry.field(description="The first instant, e.g. `09:00`.")
    closes: time = strawberry.field(
        description="Just before this it is still open. Not later than `opens`: of the next day; equal: 24 hours."
    )


@strawberry.type(description="A period that comes every week.")
class WeeklyPeriod:
    day: Weekday = strawberry.field(description="The day it begins.")  # type: ignore[valid-type]
    opens: time = strawberry.field(description="The first instant, e.g. `09:00`.")
    closes: time = strawberry.field(
        description="Just before this it is still open. Not later than `opens`: of the next day; equal: 24 hours."
    )


@strawberry.type(description="Other hours on some dates: a holiday, a shorter day.")
class HoursException:
    date: dt.date = strawberry.field(description="The date, or the first of several.")
    last_date: dt.date = strawberry.field(description="The last date it is about; `date` if it is about one.")
    every_year: bool = strawberry.field(description="Whether it comes every year on these days.")
    name: str | None = strawberry.field(description="E.g. `Christmas`, at most 120 characters.")
    periods: list[OpeningPeriod] = strawberry.field(
        description="When it is open on each of the dates instead of the weekly hours, at most 10; none: closed."
    )


@strawberry.type(
    description=(
        "When a queue opens and closes by itself. What staff does in between stays until the next boundary; "
        "maintenance is ended by staff alone. Whoever waits when it closes is still called. A time that the clocks "
        "skip is the moment they skip it; one that they show twice is the first of the two."
    )
)
class BusinessHours:
    time_zone: str = strawberry.field(description="IANA name: the queue's time zone.")
    weekly: list[WeeklyPeriod] = strawberry.field(description="From Monday on, by time; at most 10 a day.")
    exceptions: list[HoursException] = strawberry.field(
        description="By date, at most 200. They replace the weekly periods that begin on their dates."
    )

    @classmethod
    def of(cls, stored: hours.Hours) -> "BusinessHours":
        """From the hours."""
        return cls(
            time_zone=stored.time_zone,
            weekly=[
                WeeklyPeriod(day=day, opens=period.opens, closes=period.closes)
                for day, periods in zip(hours.Weekday, stored.weekly, strict=True)
                for period in periods
            ],
            exceptions=[
                HoursException(
                    date=one.first_date,
                    last_date=one.last_date,
                    every_year=one.every_year,
                    name=one.name,
                    periods=[OpeningPeriod(opens=period.opens, closes=period.closes) for period in one.periods],
                )
                for one in stored.exceptions
            ],
        )


@strawberry.type(description="What a scheduled event sets while it runs. Null: inherited from the queue.")
class EventOverrides:
    capacity: int | None = strawberry.field(description="Most people waiting at once.")
    max_concurrent_users: int | None = strawberry.field(description="Most people called, released or served at once.")
    release_rate_per_minute: int | None = strawberry.field(description="Most visitors released in any 60 seconds.")
    grace_seconds: int | None = strawberry.field(description="How long a visitor who is not seen keeps the place.")
    phone_grace_seconds: int | None = strawberry.field(description="The same for visitors with phones.")
    claim_seconds: int | None = strawberry.field(description="How long the called or released may take to show up.")
    stay_seconds: int | None = strawberry.field(description="How long whoever is inside may stay without renewing.")
    queue_all: bool | None = strawberry.field(description="Whether everybody is held.")
    invited_only: bool | None = strawberry.field(description="Whether only the invited may join.")
    max_places_per_address: int | None = strawberry.field(description="Most places of one network address.")
    refusal_message: str | None = strawberry.field(description="What visitors are told when nobody can join.")


@strawberry.type(
    description=(
        "A time-boxed change of a queue, at most 366 days long. Two events of a queue never take the same time, "
        "pre-queues included."
    )
)
class ScheduledEvent(Node):
    row: strawberry.Private[models.ScheduledEvent]
    name: str = strawberry.field(description="1 to 120 characters.")
    state: ScheduledEventState = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    starts_at: datetime = strawberry.field(description="When it starts.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    prequeue_starts_at: datetime | None = strawberry.field(
        description=(
            "From when on people may come; nobody is called or released before `startsAt`, and nobody has a position. "
            "Its overrides count from here on. Null: no pre-queue."
        )
    )
    draws_lots: bool | None = strawberry.field(
        description=(
            "Whether those who come to the pre-queue are ordered by lot; the others follow in join order, and who "
            "waited before goes first. Null: if the queue's discipline is `LOTTERY`."
        )
    )
    queue_status: QueueStatus | None = strawberry.field(  # type: ignore[valid-type]
        description=(
            "What the queue is while it runs; afterwards it is what it was, or what its hours say. Null: after a "
            "pre-queue `ACTIVE`, else as it is."
        )
    )
    overrides: EventOverrides = strawberry.field(description="What counts instead of the queue's configuration.")
    prequeue_began_at: datetime | None = strawberry.field(description="When its pre-queue began; null until then.")
    began_at: datetime | None = strawberry.field(description="When it began; null until then.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null until then.")
    created_at: datetime = strawberry.field(description="When it was planned.")
    updated_at: datetime = strawberry.field(description="When it was last changed by somebody.")

    @classmethod
    def of(cls, row: models.ScheduledEvent) -> "ScheduledEvent":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            state=state_of(row),
            overrides=EventOverrides(**{name: row.overrides.get(name) for name in NAMES}),
            **{name: getattr(row, name) for name in _FROM_ROW},
        )

    @strawberry.field(description="The queue it is planned for.")
    async def queue(self, info: Info) -> Queue:
        """Loaded for all events of the answer at once."""
        from app.queues.graphql.loaders import load_queue

        return await load_queue(info.context, Ref(self.tenant_key, self.row.queue_id))


_FROM_ROW = [
    "name",
    "starts_at",
    "ends_at",
    "prequeue_starts_at",
    "draws_lots",
    "queue_status",
    "prequeue_began_at",
    "began_at",
    "ended_at",
    "created_at",
    "updated_at",
]


@strawberry.type(description="A scheduled event and its cursor.")
class ScheduledEventEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: ScheduledEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of scheduled events, by start.")
class ScheduledEventConnection:
    edges: list[ScheduledEventEdge] = strawberry.field(description="The events.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(
    description=(
        "What counts in a queue at a time if nobody does anything until then: its hours and events are walked as they "
        "will be. Health of the protected site is not foreseen."
    )
)
class QueueEffectiveConfig:
    at: datetime = strawberry.field(description="The time it is about.")
    queue_status: QueueStatus = strawberry.field(description="What the queue lets happen.")  # type: ignore[valid-type]
    event: ScheduledEvent | None = strawberry.field(description="The event whose overrides are in force, if any.")
    next_change_at: datetime | None = strawberry.field(
        description="The next time after `at` that hours or events change anything; null if not within a day."
    )
    capacity: int | None = strawberry.field(description="Most people waiting at once; null for no limit.")
    max_concurrent_users: int | None = strawberry.field(
        description="Most people called, released or served at once; null for no limit."
    )
    release_rate_per_minute: int | None = strawberry.field(
        description="Most visitors released in any 60 seconds; null for no limit."
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
    queue_all: bool = strawberry.field(description="Whether everybody is held.")
    invited_only: bool = strawberry.field(description="Whether only the invited may join.")
    max_places_per_address: int | None = strawberry.field(
        description="Most places at once of visitors with one network address; null for no limit."
    )
    refusal_message: str | None = strawberry.field(description="What visitors are told when nobody can join.")

    @classmethod
    def of(cls, found: Effective) -> "QueueEffectiveConfig":
        """From what the service says."""
        return cls(
            at=found.at,
            queue_status=found.status,
            event=None if found.event is None else ScheduledEvent.of(found.event),
            next_change_at=found.next_change_at,
            **{name: getattr(found.settings, name) for name in NAMES},
        )


@strawberry.type(description="Somebody who took part in a lottery, as it was drawn. No personal data.")
class LotteryParticipant:
    session_id: strawberry.ID = strawberry.field(description="The session's id: its letters are what is hashed.")
    ticket_number: str = strawberry.field(description="E.g. `A042`: its numbers are in the order of joining.")
    precedence: int = strawberry.field(
        description=(
            "What comes before the lot, the higher the sooner: the priority class, or under `TIME_CREDIT` the "
            "milliseconds it is worth. Equal for all where there are no priorities."
        )
    )
    joined_at: datetime = strawberry.field(description="When they joined the pre-queue.")

    @classmethod
    def of(cls, row: LotteryEntry) -> "LotteryParticipant":
        """From its row."""
        return cls(
            session_id=strawberry.ID(encode("Session", row.tenant_id, row.session_id)),
            ticket_number=row.ticket_number,
            precedence=-row.draw_class,
            joined_at=row.joined_at,
        )


@strawberry.type(description="A participant and its cursor.")
class LotteryParticipantEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: LotteryParticipant = strawberry.field(description="The participant.")


@strawberry.type(
    description=(
        "A page of participants: in the order drawn once the queue has opened, before that in an order that says "
        "nothing. A cursor from before the opening is not one of afterwards."
    )
)
class LotteryParticipantConnection:
    edges: list[LotteryParticipantEdge] = strawberry.field(description="The participants.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(
    description=(
        "Everything needed to compute a lottery's order again. The lot of a session is the first 63 bits of "
        "SHA-256(seed bytes, then the letters of the session's id), a whole number; the lower, the sooner, after "
        "`precedence`. The seed's own SHA-256 was in the queue's log before anybody could join."
    )
)
class FairnessProof:
    row: strawberry.Private[Lottery]
    seed_hash: str = strawberry.field(description="SHA-256 of the seed's bytes: 64 hexadecimal digits.")
    seed: str | None = strawberry.field(
        description="The seed's 32 bytes as 64 hexadecimal digits; null until the queue opens."
    )
    began_at: datetime = strawberry.field(description="When the pre-queue began, and the hash was published.")
    opened_at: datetime | None = strawberry.field(description="When the seed was published; null until then.")
    participant_count: int = strawberry.field(description="How many have taken part, those included who left.")

    @classmethod
    def of(cls, row: Lottery, participant_count: int) -> "FairnessProof":
        """From its row: the seed only once it is opened."""
        return cls(
            row=row,
            seed_hash=row.seed_hash,
            seed=None if row.opened_at is None else row.seed.hex(),
            began_at=row.began_at,
            opened_at=row.opened_at,
            participant_count=participant_count,
        )

    @strawberry.field(description="Who took part; in the order drawn once the queue has opened.")
    async def participants(self, info: Info, first: First, after: After = None) -> LotteryParticipantConnection:
        """A page of them."""
        return await loaders.participants(info.context, self.row, PageRequest(first, after))


from app.schedules.graphql import loaders  # noqa: E402  (loaders build these types)
