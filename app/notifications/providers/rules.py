"""When a provider is left alone, and how often it may be used: the breaker and the rate, pure.

A breaker opens after five failures in a row, at once where somebody has to put something right, and for as long as a
provider asks to be left alone. Then one message is a trial: the others wait until it has come through.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.notifications.channels.interface import InDoubt, TryLater

MOST_FAILURES = 5
PAUSE = timedelta(seconds=5)
"""Short and always the same: what is owed is to arrive within half a minute of a provider's being back."""

TRIAL = timedelta(seconds=10)
"""How long one trial keeps the others waiting. Longer would be as long as a dead worker's trial lasts."""

LONGEST_PAUSE = timedelta(hours=1)
"""However long a provider asks for: what it says might be a mistake."""

FORGET_AFTER = timedelta(minutes=1)
"""A failure as old as that is not in a row with the next one."""

BURST = timedelta(seconds=1)
"""What a rate allows within a second may go at once."""

LONGEST_WAIT_SECONDS = 60.0


class ProviderState(StrEnum):
    """Whether a provider is used."""

    WORKING = "WORKING"
    PAUSED = "PAUSED"
    TRYING = "TRYING"


@dataclass(frozen=True, slots=True)
class Health:
    """How a provider is doing."""

    failures: int = 0
    paused_until: datetime | None = None
    turn_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None

    @property
    def is_well(self) -> bool:
        """Whether there is nothing that a success would have to put right."""
        return self.failures == 0 and self.paused_until is None


def state_of(health: Health, now: datetime) -> ProviderState:
    """What staff are told."""
    if health.paused_until is None:
        return ProviderState.WORKING
    return ProviderState.PAUSED if health.paused_until > now else ProviderState.TRYING


def entered(health: Health, now: datetime, rate_per_minute: int | None) -> tuple[Health, float | None]:
    """What becomes of it when somebody wants to send: let in (None), or told how many seconds to wait."""
    if health.paused_until is not None and health.paused_until > now:
        return health, (health.paused_until - now).total_seconds()
    if rate_per_minute is not None:
        between = timedelta(minutes=1) / rate_per_minute
        turn_at = max(health.turn_at or now, now)
        # Of those that are due within the burst, all but the first may go before their turn.
        wait = (turn_at - now - max(BURST - between, timedelta(0))).total_seconds()
        if wait > 0:
            return health, wait
        health = replace(health, turn_at=turn_at + between)
    if health.paused_until is not None:
        # This one is the trial.
        health = replace(health, paused_until=now + TRIAL)
    return health, None


def succeeded(health: Health) -> Health:
    """After a message was taken, or refused for a reason of its own: the provider works."""
    return replace(health, failures=0, paused_until=None)


def failed(health: Health, now: datetime, outcome: TryLater | InDoubt) -> Health:
    """After the provider was the reason why a message did not go."""
    is_paused = health.paused_until is not None
    in_a_row = is_paused or (health.last_error_at is not None and now - health.last_error_at <= FORGET_AFTER)
    failures = health.failures + 1 if in_a_row else 1
    pause = timedelta(0)
    if is_paused or failures >= MOST_FAILURES or (isinstance(outcome, TryLater) and outcome.is_ours):
        pause = PAUSE
    if isinstance(outcome, TryLater) and outcome.after is not None:
        pause = min(max(outcome.after, pause), LONGEST_PAUSE)
    paused_until = health.paused_until
    if pause:
        # Whoever was under way when it asked to be left alone does not shorten that.
        paused_until = max(now + pause, paused_until or now)
    return Health(failures, paused_until, health.turn_at, outcome.reason[:300], now)


def spread(seconds: float) -> float:
    """A little longer than that, each time another: what waits together need not come back together."""
    return min(seconds, LONGEST_WAIT_SECONDS) + random.uniform(0.0, 0.5)
