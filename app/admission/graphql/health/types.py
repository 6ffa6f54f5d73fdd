"""How the site behind a queue is, as those who run the queue see it."""

from datetime import datetime

import strawberry

from app.admission.health.models import HealthReason as HealthReasonValue
from app.admission.health.models import OriginCheck
from app.core.graphql.enums import explained_enum
from app.queues import health, models

OriginHealth = explained_enum(
    models.OriginHealth,
    "How a protected site is.",
    UNKNOWN="Nobody tells us: its queue is not slowed.",
    HEALTHY="It is well.",
    DEGRADED="It is struggling: its queue is slowed to `degradedPercent`.",
    DOWN="It does not serve: nobody is released.",
)
HealthReason = explained_enum(
    HealthReasonValue,
    "Why a health counts.",
    REPORTED="The site reported it (`originHealthReport`).",
    ASKED="We asked the site (`healthUrl`).",
    STALE="Nothing was heard for `healthStaleSeconds`: the queue's `failureMode` says what counts.",
    NOT_TOLD="Nobody has told us yet, or does any more.",
)


@strawberry.type(
    description=(
        "How the site behind a METERED queue is. Every change of it is an event ORIGIN_HEALTH_CHANGED in the queue's "
        "log."
    )
)
class OriginHealthState:
    health: OriginHealth = strawberry.field(  # type: ignore[valid-type]
        description="What counts now; already by the failure mode where the last report is too old."
    )
    reason: HealthReason = strawberry.field(description="Why.")  # type: ignore[valid-type]
    detail: str | None = strawberry.field(description="In words, at most 300 characters; null if nobody said more.")
    changed_at: datetime | None = strawberry.field(description="Since when; null if nobody has ever told us.")
    heard_at: datetime | None = strawberry.field(
        description="When we last heard of it, by report or answer; null if nobody tells us."
    )
    release_percent: float = strawberry.field(
        description=(
            "How much of the release rate is in force at present, 0 to 100: 0 while it is down, `degradedPercent` "
            "while it is degraded, rising for `rampSeconds` after that. Without a rate it is the cap that is lowered."
        )
    )
    pending_health: OriginHealth | None = strawberry.field(  # type: ignore[valid-type]
        description="What the last reports or answers say that is not believed yet, because they were too few; or null."
    )
    pending_detail: str | None = strawberry.field(description="What the last of them said.")

    @classmethod
    def of(
        cls, queue: models.Queue, line: models.QueueLine, check: OriginCheck | None, now: datetime
    ) -> "OriginHealthState":
        """As of now."""
        counts = health.assumed_health(line, queue, now)
        is_stale = counts is not line.origin_health
        is_pending = check is not None and check.seen_count > 0
        return cls(
            health=counts,
            reason=_reason(check, is_stale=is_stale),
            detail=None if check is None or is_stale else check.detail,
            changed_at=health.stale_from(line, queue) if is_stale else line.health_changed_at,
            heard_at=line.health_reported_at,
            release_percent=round(100 * health.effective_factor(line, queue, now), 2),
            pending_health=check.seen_health if check is not None and is_pending else None,
            pending_detail=check.seen_detail if check is not None and is_pending else None,
        )


def _reason(check: OriginCheck | None, *, is_stale: bool) -> HealthReasonValue:
    if is_stale:
        return HealthReasonValue.STALE
    return HealthReasonValue.NOT_TOLD if check is None else check.reason
