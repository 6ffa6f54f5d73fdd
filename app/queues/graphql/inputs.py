"""Inputs of the queue mutations."""

from datetime import time
from typing import Any

import strawberry
from strawberry import UNSET

from app.queues import models
from app.queues.categories import CategoryConfig
from app.queues.config import METERED_TIMERS, QueueConfig
from app.queues.disciplines import WHOLE
from app.queues.graphql.enums import FailureMode, QueueDiscipline, QueueMode, QueueStatus

KEY = (
    "A new random string (a UUID, say) for every new request, at most 200 characters; keep it secret. "
    "The same key again returns the first result."
)


@strawberry.input(description="Seconds of waiting that a priority is worth under `TIME_CREDIT`.")
class PriorityCreditInput:
    priority: int = strawberry.field(description="From 0 to 9.")
    seconds: float = strawberry.field(description="From 0 to 86,400, exact to the millisecond.")


@strawberry.input(description="Which queues to list.")
class QueueFilter:
    status: QueueStatus | None = strawberry.field(default=None, description="Only those of this status.")  # type: ignore[valid-type]
    mode: QueueMode | None = strawberry.field(default=None, description="Only those of this mode.")  # type: ignore[valid-type]
    search: str | None = strawberry.field(default=None, description="Only those with this text in name or slug.")
    include_archived: bool = strawberry.field(default=False, description="Archived ones too. Default false.")


@strawberry.input(description="A new queue. Only `name` and `slug` are needed.")
class QueueCreateInput:
    name: str = strawberry.field(description="1 to 120 characters.")
    slug: str = strawberry.field(description="1 to 63 of a-z, 0-9 and -; unique in the tenant.")
    description: str | None = strawberry.field(default=None, description="At most 2,000 characters.")
    mode: QueueMode = strawberry.field(default=QueueMode.STAFFED, description="Default `STAFFED`.")  # type: ignore[valid-type]
    discipline: QueueDiscipline = strawberry.field(  # type: ignore[valid-type]
        default=QueueDiscipline.PRIORITY,
        description="Default `PRIORITY`.",
    )
    priority_credits: list[PriorityCreditInput] = strawberry.field(
        default_factory=list, description="What priorities are worth under `TIME_CREDIT`. Default: nothing."
    )
    visitor_max_priority: int = strawberry.field(
        default=9,
        description="The highest priority visitors may give themselves, 0 to 9. Default 9; set 0 to keep it to staff.",
    )
    capacity: int | None = strawberry.field(default=None, description="Most people waiting at once. Default: no limit.")
    max_concurrent_users: int | None = strawberry.field(
        default=None, description="Most people called or served at once. Default: no limit (one per counter)."
    )
    release_rate_per_minute: int | None = strawberry.field(
        default=None,
        description=(
            "Most visitors released a minute, 0 to 1,000,000; only for `METERED`. Smooth within the minute, and at "
            "most so many in any 60 seconds. 0: nobody. Default: no limit but `maxConcurrentUsers`."
        ),
    )
    grace_seconds: int | None = strawberry.field(
        default=UNSET,
        description=(
            "How long a waiting visitor keeps the place when none of its sockets and polls is seen any more, 1 to "
            "604,800; null: for ever. Default: 120 for `METERED`, null for `STAFFED`."
        ),
    )
    phone_grace_seconds: int | None = strawberry.field(
        default=UNSET,
        description="The same for phones, which sleep. Null: as for others. Default: 300 for `METERED`, else null.",
    )
    claim_seconds: int | None = strawberry.field(
        default=UNSET,
        description=(
            "How long whoever is called or released may take to show up, 1 to 604,800; then `NO_SHOW`, and the place "
            "is the next one's. Null: for ever. Default: 300 for `METERED`, null for `STAFFED`."
        ),
    )
    stay_seconds: int | None = strawberry.field(
        default=UNSET,
        description=(
            "How long whoever is inside may stay without renewing, 1 to 604,800; then `EXPIRED`, and the place is the "
            "next one's. Null: for ever. Default: 900 for `METERED`, null for `STAFFED`."
        ),
    )
    queue_all: bool = strawberry.field(
        default=False, description="Hold everybody: people join and nobody is released. Default false."
    )
    invited_only: bool = strawberry.field(default=False, description="Only the invited may join. Default false.")
    max_places_per_address: int | None = strawberry.field(
        default=None,
        description="Most places at once of visitors with one network address (IPv6: one /64). Default: no limit.",
    )
    bind_address: bool = strawberry.field(
        default=False,
        description=(
            "Bind admission tokens to the network address the visitor joined from (IPv6: its /64). Not for sites whose "
            "visitors may come to them by another way than to us. Default false."
        ),
    )
    refusal_message: str | None = strawberry.field(
        default=None, description="What visitors are told when nobody can join, at most 500 characters."
    )
    site_origins: list[str] = strawberry.field(
        default_factory=list,
        description="Origins the waiting page may send visitors back to, e.g. `https://shop.example`; at most 50.",
    )
    failure_mode: FailureMode = strawberry.field(  # type: ignore[valid-type]
        default=FailureMode.FAIL_CLOSED,
        description="What happens while one side does not hear the other. Default `FAIL_CLOSED`.",
    )
    health_url: str | None = strawberry.field(
        default=None,
        description="An address we ask for the protected site's health, at most 2,000 characters. Default: none.",
    )
    degraded_percent: int = strawberry.field(
        default=50, description="How much of the rate is left while the site is degraded, 1 to 100 %. Default 50."
    )
    ramp_seconds: int = strawberry.field(
        default=60, description="How long the rate takes to be whole again after a recovery, 0 to 3,600. Default 60."
    )
    health_stale_seconds: int = strawberry.field(
        default=60, description="After this long without a report the health is unknown, 5 to 3,600. Default 60."
    )
    ticket_prefix: str = strawberry.field(default="A", description="At most 4 letters, digits or dashes. Default `A`.")
    ticket_first_number: int = strawberry.field(default=1, description="First number of a service day. Default 1.")
    ticket_last_number: int = strawberry.field(
        default=999, description="Last number planned; sets the width. A busier day goes on beyond it. Default 999."
    )
    time_zone: str = strawberry.field(default="UTC", description="IANA name. Default `UTC`.")
    daily_reset_time: time = strawberry.field(
        default=time(0, 0), description="When a service day begins, on the queue's own clock. Default 00:00."
    )
    announcement: str | None = strawberry.field(default=None, description="Text for displays, at most 280 characters.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def config(self) -> QueueConfig:
        """What the service takes."""
        values: dict[str, Any] = {name: getattr(self, name) for name in QueueConfig.__dataclass_fields__}
        timers = METERED_TIMERS if values["mode"] is models.QueueMode.METERED else dict.fromkeys(METERED_TIMERS)
        values |= {name: seconds for name, seconds in timers.items() if values[name] is UNSET}
        return QueueConfig(**(values | {"priority_credits": _credits(self.priority_credits)}))


@strawberry.input(description="What to change of a queue; what is left out stays.")
class QueueUpdateInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 120 characters.")
    slug: str | None = strawberry.field(default=UNSET, description="1 to 63 of a-z, 0-9 and -; unique in the tenant.")
    description: str | None = strawberry.field(default=UNSET, description="At most 2,000 characters; null for none.")
    discipline: QueueDiscipline | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="Can be changed only while nobody is in the queue."
    )
    priority_credits: list[PriorityCreditInput] | None = strawberry.field(
        default=UNSET, description="Counts for those who join or change their priority from now on."
    )
    visitor_max_priority: int | None = strawberry.field(default=UNSET, description="From 0 to 9.")
    capacity: int | None = strawberry.field(
        default=UNSET, description="Null for no limit. Effective at once; nobody who waits already is sent away."
    )
    max_concurrent_users: int | None = strawberry.field(
        default=UNSET, description="Null for no limit. Effective at once."
    )
    release_rate_per_minute: int | None = strawberry.field(
        default=UNSET, description="0 to 1,000,000, null for no limit. Effective at once; only for `METERED`."
    )
    grace_seconds: int | None = strawberry.field(default=UNSET, description="1 to 604,800; null: for ever.")
    phone_grace_seconds: int | None = strawberry.field(
        default=UNSET, description="1 to 604,800; null: as for other devices."
    )
    claim_seconds: int | None = strawberry.field(
        default=UNSET, description="1 to 604,800, null for ever. For those called or released from now on."
    )
    stay_seconds: int | None = strawberry.field(
        default=UNSET, description="1 to 604,800, null for ever. For those who enter or renew from now on."
    )
    queue_all: bool | None = strawberry.field(default=UNSET, description="Hold everybody. Effective at once.")
    invited_only: bool | None = strawberry.field(default=UNSET, description="For those who join from now on.")
    max_places_per_address: int | None = strawberry.field(
        default=UNSET, description="Null for no limit. For those who join from now on."
    )
    bind_address: bool | None = strawberry.field(default=UNSET, description="For those who join from now on.")
    refusal_message: str | None = strawberry.field(default=UNSET, description="At most 500 characters; null for none.")
    site_origins: list[str] | None = strawberry.field(default=UNSET, description="At most 50 origins.")
    failure_mode: FailureMode | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="What happens while one side does not hear the other."
    )
    health_url: str | None = strawberry.field(default=UNSET, description="At most 2,000 characters; null for none.")
    degraded_percent: int | None = strawberry.field(default=UNSET, description="1 to 100 %.")
    ramp_seconds: int | None = strawberry.field(default=UNSET, description="0 to 3,600.")
    health_stale_seconds: int | None = strawberry.field(default=UNSET, description="5 to 3,600.")
    ticket_prefix: str | None = strawberry.field(default=UNSET, description="For tickets from now on.")
    ticket_first_number: int | None = strawberry.field(default=UNSET, description="From the next service day on.")
    ticket_last_number: int | None = strawberry.field(default=UNSET, description="For tickets from now on.")
    time_zone: str | None = strawberry.field(default=UNSET, description="IANA name.")
    daily_reset_time: time | None = strawberry.field(default=UNSET, description="When a service day begins.")
    announcement: str | None = strawberry.field(default=UNSET, description="At most 280 characters; null for none.")

    def changes(self) -> dict[str, Any]:
        """What was given. Null stands for "none" where there can be none, and for "as it is" elsewhere."""
        given = {
            name: value
            for name in QueueConfig.__dataclass_fields__
            if (value := getattr(self, name, UNSET)) is not UNSET and (value is not None or name in _NULLABLE)
        }
        if "priority_credits" in given:
            given["priority_credits"] = _credits(given["priority_credits"])
        return given


_NULLABLE = {
    "description",
    "capacity",
    "max_concurrent_users",
    "announcement",
    "release_rate_per_minute",
    *METERED_TIMERS,
    "max_places_per_address",
    "refusal_message",
    "health_url",
}


def _credits(given: list[PriorityCreditInput]) -> list[dict[str, float]]:
    return [{"priority": entry.priority, "seconds": round(entry.seconds, 3)} for entry in given]


@strawberry.input(description="Which queue to open.")
class QueueOpenInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")


@strawberry.input(description="Which queue to pause.")
class QueuePauseInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")


@strawberry.input(description="Which queue to resume.")
class QueueResumeInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")


@strawberry.input(description="Which queue to close.")
class QueueCloseInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")


@strawberry.input(description="Which queue to put into maintenance.")
class QueueStartMaintenanceInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")


@strawberry.input(description="Which queue to archive.")
class QueueArchiveInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue; nobody may be in it.")


MULTIPLIER = (
    "Multiplies what the priority is worth, 0 to 10, exact to the hundredth. Under `PRIORITY` and `LOTTERY` the class "
    "is priority × multiplier, halves rounded up (3 × 1.5 is 5; it may be above 9); under `TIME_CREDIT` the priority's "
    "credit in seconds is multiplied. `Session.priority` stays what it is."
)
CATEGORY_PREFIX = "What its ticket numbers start with, at most 4 letters, digits or dashes."


@strawberry.input(description="A new category of a queue.")
class QueueCategoryCreateInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    name: str = strawberry.field(description="1 to 80 characters; unique in the queue.")
    priority: int = strawberry.field(default=0, description="Priority of those who join with it, 0 to 9. Default 0.")
    priority_multiplier: float = strawberry.field(default=1.0, description=f"{MULTIPLIER} Default 1.")
    ticket_prefix: str | None = strawberry.field(default=None, description=f"{CATEGORY_PREFIX} Default: the queue's.")
    ticket_first_number: int | None = strawberry.field(
        default=None,
        description="First number of a service day, if it counts its own tickets. Default: it counts with the queue.",
    )
    ticket_last_number: int | None = strawberry.field(
        default=None, description="Last number planned; given together with `ticketFirstNumber`. Sets the width."
    )

    def config(self) -> CategoryConfig:
        """What the service takes."""
        return CategoryConfig(
            name=self.name,
            priority=self.priority,
            multiplier_hundredths=_hundredths(self.priority_multiplier),
            ticket_prefix=self.ticket_prefix,
            ticket_first_number=self.ticket_first_number,
            ticket_last_number=self.ticket_last_number,
        )


@strawberry.input(description="What to change of a category; what is left out stays.")
class QueueCategoryUpdateInput:
    category_id: strawberry.ID = strawberry.field(description="The category.")
    name: str | None = strawberry.field(default=None, description="1 to 80 characters; unique in the queue.")
    priority: int | None = strawberry.field(default=None, description="For those who join from now on, 0 to 9.")
    priority_multiplier: float | None = strawberry.field(
        default=None, description=f"{MULTIPLIER} For those who join, or change their priority, from now on."
    )
    ticket_prefix: str | None = strawberry.field(
        default=UNSET, description=f"{CATEGORY_PREFIX} Null for the queue's. For tickets from now on."
    )
    ticket_first_number: int | None = strawberry.field(
        default=UNSET,
        description="From the next service day on. Null, with `ticketLastNumber`, to count with the queue at once.",
    )
    ticket_last_number: int | None = strawberry.field(default=UNSET, description="For tickets from now on.")
    is_active: bool | None = strawberry.field(default=None, description="Whether visitors can choose it.")

    def changes(self) -> dict[str, Any]:
        """What was given. Null stands for "none" where there can be none, and for "as it is" elsewhere."""
        given: dict[str, Any] = {"name": self.name, "priority": self.priority, "is_active": self.is_active}
        if self.priority_multiplier is not None:
            given["multiplier_hundredths"] = _hundredths(self.priority_multiplier)
        changes = {name: value for name, value in given.items() if value is not None}
        for name in ("ticket_prefix", "ticket_first_number", "ticket_last_number"):
            if (value := getattr(self, name)) is not UNSET:
                changes[name] = value
        return changes


def _hundredths(multiplier: float) -> int:
    # What is far outside stays outside, and an integer.
    return round(max(-1.0, min(multiplier, 100.0)) * WHOLE)
