"""How long somebody in line will wait, from the state of the line alone. Pure: knows no table and no clock.

An estimate is a mean, not a promise. Where it cannot be told, it says why.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from app.queues.events import LineState, ReleaseLimits
from app.queues.models import QueueStatus

# People are released from these; elsewhere nobody can say for how long nobody will be.
_RELEASING = frozenset({QueueStatus.ACTIVE, QueueStatus.CLOSED})


class WaitUnknown(StrEnum):
    """Why there is no estimate."""

    NOBODY_SERVED = "NOBODY_SERVED"
    NO_OPEN_COUNTER = "NO_OPEN_COUNTER"
    NOT_RELEASING = "NOT_RELEASING"


@dataclass(frozen=True, slots=True)
class Outlook:
    """The waits of a whole line at one of its states: straight, and from a bend on straight with another slope.

    Made once per state and asked for everybody in line.
    """

    seconds_per_place: float = 0.0
    # From so many people ahead on, somebody has to leave for each who is let in. Infinite: that never happens.
    bend: float = math.inf
    bend_seconds: float = 0.0
    # Null where it is not known how long people stay: beyond the bend nothing is known.
    seconds_per_leaving: float | None = None
    # Then why.
    unknown: WaitUnknown = WaitUnknown.NOBODY_SERVED

    def wait(self, ahead_count: int) -> int | WaitUnknown:
        """The expected wait in seconds of whoever has so many people ahead, or why it is unknown."""
        if ahead_count < self.bend:
            return round(ahead_count * self.seconds_per_place)
        if self.seconds_per_leaving is None:
            return self.unknown
        return round(self.bend_seconds + (ahead_count - self.bend + 1) * self.seconds_per_leaving)

    def wait_seconds(self, ahead_count: int) -> int | None:
        """`wait`, where why does not matter."""
        wait = self.wait(ahead_count)
        return wait if isinstance(wait, int) else None


def outlook(state: LineState) -> Outlook:
    """What people in this line can expect.

    STAFFED: people ahead × mean service time ÷ open counters. METERED: see `metered`.
    """
    if state.status is QueueStatus.PREQUEUE:
        return _nothing(WaitUnknown.NOT_RELEASING)
    if state.limits is not None:
        inside = state.called_count + state.serving_count
        return metered(state.status, state.limits, inside, state.service_seconds_mean)
    if state.service_seconds_mean is None:
        return _nothing(WaitUnknown.NOBODY_SERVED)
    if state.open_counter_count < 1:
        return _nothing(WaitUnknown.NO_OPEN_COUNTER)
    return Outlook(seconds_per_place=state.service_seconds_mean / state.open_counter_count)


def metered(status: QueueStatus, limits: ReleaseLimits, inside_count: int, stay_seconds: float | None) -> Outlook:
    """What people in a metered line can expect: places ahead over the rate, and over what the cap lets through.

    The free places are filled at the rate while those inside leave, each after `stay_seconds` on average: as a fluid,
    the number inside tends to rate × stay. Where that is more than the cap, the cap is met after some time (the bend),
    and from then on one is let in for each who leaves, cap ÷ stay of them a second.
    """
    rate, cap = limits.rate_per_minute, limits.max_concurrent_users
    if status not in _RELEASING or rate == 0:
        return _nothing(WaitUnknown.NOT_RELEASING)
    spacing = 0.0 if rate is None else 60.0 / rate
    if cap is None:
        return Outlook(spacing)
    if stay_seconds is None:
        return Outlook(spacing, bend=max(0, cap - inside_count))
    stay = max(stay_seconds, 0.001)
    leaving = stay / cap
    if inside_count >= cap:
        # As many as are too many have to leave first; they are the faster about it the more they are.
        late = stay * math.log(inside_count / cap)
        return Outlook(bend=0, bend_seconds=late, seconds_per_leaving=max(leaving, spacing))
    if spacing == 0.0:
        return Outlook(bend=cap - inside_count, seconds_per_leaving=leaving)
    tends_to = stay / spacing
    if tends_to <= cap:
        return Outlook(spacing)
    met_after = stay * math.log((tends_to - inside_count) / (tends_to - cap))
    return Outlook(spacing, bend=math.floor(met_after / spacing), bend_seconds=met_after, seconds_per_leaving=leaving)


def _nothing(why: WaitUnknown) -> Outlook:
    return Outlook(bend=0, unknown=why)
