"""Inputs of the schedule mutations."""

import datetime as dt
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

import strawberry
from strawberry import UNSET

from app.core.errors import InvalidInput
from app.queues.graphql.enums import QueueStatus
from app.queues.graphql.inputs import KEY
from app.queues.settings import NAMES
from app.schedules import hours
from app.schedules.graphql.types import Weekday
from app.schedules.service import NewEvent

_CLOSES = "Just before this it is still open. Not later than `opens`: of the next day; equal: 24 hours."
# Years a calendar can be asked about without running out of days.
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


@strawberry.input(description="Open from one time of the day to another, on the clock of the queue's time zone.")
class OpeningPeriodInput:
    opens: time = strawberry.field(description="The first instant, e.g. `09:00`.")
    closes: time = strawberry.field(description=_CLOSES)


@strawberry.input(description="A period that comes every week.")
class WeeklyPeriodInput:
    day: Weekday = strawberry.field(description="The day it begins.")  # type: ignore[valid-type]
    opens: time = strawberry.field(description="The first instant, e.g. `09:00`.")
    closes: time = strawberry.field(description=_CLOSES)


@strawberry.input(description="Other hours on some dates: a holiday, a shorter day.")
class HoursExceptionInput:
    date: dt.date = strawberry.field(description="The date, or the first of several; from the year 2000 to 2999.")
    last_date: dt.date | None = strawberry.field(
        default=None, description="The last date it is about, at most 366 days on. Default: `date`."
    )
    every_year: bool = strawberry.field(
        default=False, description="Whether it comes every year. One that does not beats one that does. Default false."
    )
    name: str | None = strawberry.field(default=None, description="E.g. `Christmas`, at most 120 characters.")
    periods: list[OpeningPeriodInput] = strawberry.field(
        default_factory=list, description="When it is open on each of the dates, at most 10. Default: closed."
    )

    def value(self) -> hours.HoursException:
        """What the service takes."""
        last_date = self.last_date or self.date
        for day in (self.date, last_date):
            if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
                raise InvalidInput("exceptions", f"Dates are of the years {_FIRST_YEAR} to {_LAST_YEAR}.")
        periods = tuple(hours.Period(period.opens, period.closes) for period in self.periods)
        return hours.HoursException(self.date, last_date, self.every_year, periods, self.name)


@strawberry.input(description="A queue's business hours; what is left out stays.")
class QueueSetHoursInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    weekly: list[WeeklyPeriodInput] | None = strawberry.field(
        default=UNSET,
        description=(
            "All weekly periods, at most 10 a day. An empty list: open on exceptions only. Null: no business hours, "
            "staff opens and closes."
        ),
    )
    exceptions: list[HoursExceptionInput] | None = strawberry.field(
        default=UNSET, description="All exceptions and holidays, at most 200; null or an empty list: none."
    )

    def changes(self) -> dict[str, Any]:
        """What was given, as the service takes it."""
        given: dict[str, Any] = {}
        if self.weekly is not UNSET:
            given["weekly"] = (
                None
                if self.weekly is None
                else tuple((one.day, hours.Period(one.opens, one.closes)) for one in self.weekly)
            )
        if self.exceptions is not UNSET:
            given["exceptions"] = tuple(one.value() for one in self.exceptions or ())
        return given


@strawberry.input(
    description="What counts instead of the queue's configuration while an event runs. Null, or left out: inherited."
)
class EventOverridesInput:
    capacity: int | None = strawberry.field(default=UNSET, description="Most people waiting, 1 to 10,000,000.")
    max_concurrent_users: int | None = strawberry.field(
        default=UNSET, description="Most people called, released or served at once, 1 to 10,000,000."
    )
    release_rate_per_minute: int | None = strawberry.field(
        default=UNSET, description="0 to 1,000,000; only for `METERED`."
    )
    grace_seconds: int | None = strawberry.field(default=UNSET, description="1 to 604,800.")
    phone_grace_seconds: int | None = strawberry.field(default=UNSET, description="1 to 604,800.")
    claim_seconds: int | None = strawberry.field(default=UNSET, description="1 to 604,800.")
    stay_seconds: int | None = strawberry.field(default=UNSET, description="1 to 604,800.")
    queue_all: bool | None = strawberry.field(default=UNSET, description="Hold everybody.")
    invited_only: bool | None = strawberry.field(default=UNSET, description="Only the invited may join.")
    max_places_per_address: int | None = strawberry.field(default=UNSET, description="1 to 1,000,000.")
    refusal_message: str | None = strawberry.field(default=UNSET, description="At most 500 characters.")

    def given(self) -> dict[str, Any]:
        """What was given; None: inherited."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not UNSET}


@strawberry.input(description="A new event: `name`, `startsAt` and `endsAt` are needed, all else is inherited.")
class ScheduledEventCreateInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    name: str = strawberry.field(description="1 to 120 characters.")
    starts_at: datetime = strawberry.field(description="With its zone. A time in the past: now.")
    ends_at: datetime = strawberry.field(description="With its zone; in the future, at most 366 days after the start.")
    prequeue_starts_at: datetime | None = strawberry.field(
        default=None, description="Before `startsAt`, with its zone. A time in the past: now. Default: no pre-queue."
    )
    draws_lots: bool | None = strawberry.field(
        default=None,
        description="Whether a pre-queue's order is drawn by lot. Default: if the queue's discipline is `LOTTERY`.",
    )
    queue_status: QueueStatus | None = strawberry.field(  # type: ignore[valid-type]
        default=None,
        description=(
            "`ACTIVE`, `PAUSED`, `CLOSED` or `MAINTENANCE` while it runs. Default: after a pre-queue `ACTIVE`, else as "
            "it is."
        ),
    )
    overrides: EventOverridesInput | None = strawberry.field(default=None, description="Default: all inherited.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def event(self) -> NewEvent:
        """What the service takes."""
        overrides = {} if self.overrides is None else self.overrides.given()
        return NewEvent(
            name=self.name,
            starts_at=_time("startsAt", self.starts_at),
            ends_at=_time("endsAt", self.ends_at),
            prequeue_starts_at=None
            if self.prequeue_starts_at is None
            else _time("prequeueStartsAt", self.prequeue_starts_at),
            draws_lots=self.draws_lots,
            queue_status=self.queue_status,
            overrides={name: value for name, value in overrides.items() if value is not None},
        )


@strawberry.input(
    description=(
        "What to change of an event; what is left out stays. Of one that has begun only `name`, `endsAt` and "
        "`overrides`, effective at once."
    )
)
class ScheduledEventUpdateInput:
    scheduled_event_id: strawberry.ID = strawberry.field(description="The event; it may not have ended.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 120 characters.")
    starts_at: datetime | None = strawberry.field(default=UNSET, description="With its zone. A time in the past: now.")
    ends_at: datetime | None = strawberry.field(default=UNSET, description="With its zone; in the future.")
    prequeue_starts_at: datetime | None = strawberry.field(default=UNSET, description="Null: no pre-queue.")
    draws_lots: bool | None = strawberry.field(default=UNSET, description="Null: as the queue's discipline has it.")
    queue_status: QueueStatus | None = strawberry.field(default=UNSET, description="Null: inherited.")  # type: ignore[valid-type]
    overrides: EventOverridesInput | None = strawberry.field(
        default=UNSET,
        description="Those to change; null inside of it means inherited, null for all of it changes none.",
    )

    def changes(self) -> Mapping[str, Any]:
        """What was given. Null stands for "none" where there can be none, and for "as it is" elsewhere."""
        given: dict[str, Any] = {
            name: value
            for name in ("name", "starts_at", "ends_at", "prequeue_starts_at", "draws_lots", "queue_status")
            if (value := getattr(self, name)) is not UNSET and (value is not None or name in _NULLABLE)
        }
        for name, field in _TIMES.items():
            if given.get(name) is not None:
                given[name] = _time(field, given[name])
        if self.overrides:
            given["overrides"] = self.overrides.given()
        return given


_NULLABLE = {"prequeue_starts_at", "draws_lots", "queue_status"}
_TIMES = {"starts_at": "startsAt", "ends_at": "endsAt", "prequeue_starts_at": "prequeueStartsAt"}


@strawberry.input(description="Which event to take away.")
class ScheduledEventDeleteInput:
    scheduled_event_id: strawberry.ID = strawberry.field(
        description="The event. One that has begun ends now, and stays in the history; one that has ended stays."
    )


def _time(field: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise InvalidInput(field, f"`{field}` needs a time zone, e.g. `2026-05-04T10:00:00Z`.")
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise InvalidInput(field, f"`{field}` is of the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return value.astimezone(dt.UTC)
