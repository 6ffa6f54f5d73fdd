"""What is believed of a protected site, as functions of plain values: reports and answers weighed. Asks nobody.

Hysteresis, so that a site on the brink does not open and close its queue with every look: one report is enough for the
worse, two for the better; of our own looks, which may fail for our reasons, it takes two and three. What is believed is
what all of them support, and one that contradicts begins the count again.
"""

from dataclasses import dataclass
from datetime import timedelta

import orjson

from app.admission.health.models import HealthReason
from app.core.outbound import Answer
from app.queues.models import OriginHealth

WORSE_AFTER = {HealthReason.REPORTED: 1, HealthReason.ASKED: 2}
BETTER_AFTER = {HealthReason.REPORTED: 2, HealthReason.ASKED: 3}
# An answer that takes so long says that the site is struggling.
SLOW_SECONDS = 2.0
BODY_BYTES = 16_384

_STANDING = {OriginHealth.DOWN: 0, OriginHealth.DEGRADED: 1, OriginHealth.HEALTHY: 2, OriginHealth.UNKNOWN: 2}
# The words of health+json, and those of the frameworks.
_WORDS = {
    "pass": OriginHealth.HEALTHY,
    "ok": OriginHealth.HEALTHY,
    "up": OriginHealth.HEALTHY,
    "healthy": OriginHealth.HEALTHY,
    "warn": OriginHealth.DEGRADED,
    "degraded": OriginHealth.DEGRADED,
    "fail": OriginHealth.DOWN,
    "error": OriginHealth.DOWN,
    "down": OriginHealth.DOWN,
    "out_of_service": OriginHealth.DOWN,
    "unhealthy": OriginHealth.DOWN,
}


@dataclass(frozen=True, slots=True)
class Pending:
    """What the last looks agree on that is not believed yet; nothing, where the count is 0."""

    health: OriginHealth
    count: int


NOTHING = Pending(OriginHealth.UNKNOWN, 0)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is believed from now on (None: what was believed before), and what is still pending."""

    health: OriginHealth | None
    pending: Pending


def weigh(
    believed: OriginHealth, because: HealthReason, pending: Pending, seen: OriginHealth, source: HealthReason
) -> Weighed:
    """Weigh one more look. `because` says why what is believed is."""
    is_stale = because is HealthReason.STALE
    if seen is believed:
        return Weighed(seen if is_stale else None, NOTHING)
    is_worse = _STANDING[seen] < _STANDING[believed]
    if not is_worse and (is_stale or believed is OriginHealth.UNKNOWN):
        # What was believed for want of anything better gives way to the first who knows.
        return Weighed(seen, NOTHING)
    if pending.count and (_STANDING[pending.health] < _STANDING[believed]) is is_worse:
        # Both support the one that is nearer to what is believed.
        nearer = max if is_worse else min
        pending = Pending(nearer(pending.health, seen, key=_STANDING.__getitem__), pending.count + 1)
    else:
        pending = Pending(seen, 1)
    enough = (WORSE_AFTER if is_worse else BETTER_AFTER)[source]
    return Weighed(pending.health, NOTHING) if pending.count >= enough else Weighed(None, pending)


def verdict(answer: Answer) -> tuple[OriginHealth, str]:
    """What an answer says of the site, and why, without anything the site wrote."""
    if 300 <= answer.status < 400:
        return OriginHealth.DOWN, f"It answered {answer.status}, a redirect, which is not followed: give its target."
    if answer.status == 429:
        return OriginHealth.DEGRADED, "It answered 429: too many requests."
    if not 200 <= answer.status < 300:
        return OriginHealth.DOWN, f"It answered {answer.status}."
    told = _told(answer)
    if told is not None and told is not OriginHealth.HEALTHY:
        return told, f"It answered {answer.status}, and says that it is {told.lower()}."
    if answer.seconds > SLOW_SECONDS:
        return OriginHealth.DEGRADED, f"It answered {answer.status}, but took longer than {SLOW_SECONDS:g} s."
    return OriginHealth.HEALTHY, f"It answered {answer.status}."


def look_every(stale_seconds: int, at_most_every: timedelta) -> timedelta:
    """How often to look: so that two looks in a row may fail before what is known is too old."""
    return min(at_most_every, timedelta(seconds=max(1.0, stale_seconds / 3)))


def _told(answer: Answer) -> OriginHealth | None:
    if "json" not in answer.content_type.lower():
        return None
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    word = said.get("status") if isinstance(said, dict) else None
    return _WORDS.get(word.lower()) if isinstance(word, str) else None
