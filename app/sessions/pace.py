"""Coarser updates for who is far from the head, if asked for: which moves are shown, and when. Pure: told the time.

Nothing is lost by it but steps in between: near the head every move is shown, and what is held back is shown in time.
"""

from app.core.errors import BadInput

NEAR_THE_HEAD = 10
"""Positions up to this one are exact, whatever was asked for."""
LONGEST_HELD_SECONDS = 10.0
"""What `minDelta` holds back is shown after this long at the latest."""
MOST_DELTA = 1_000_000
LEAST_PER_SECOND, MOST_PER_SECOND = 0.1, 1_000.0


class Pace:
    """One subscriber's wish: moves of at least `min_delta` places, at most `max_per_second` of them."""

    __slots__ = ("_held_since", "_interval", "_min_delta", "_shown_at")

    def __init__(self, min_delta: int, max_per_second: float | None) -> None:
        self._min_delta = min_delta
        self._interval = 0.0 if max_per_second is None else 1 / max_per_second
        self._shown_at = float("-inf")
        self._held_since: float | None = None

    @classmethod
    def of(cls, min_delta: int | None, max_per_second: float | None) -> "Pace | None":
        """From the arguments; None if every move is to be shown. `BadInput` outside of the limits."""
        if min_delta is not None and not 1 <= min_delta <= MOST_DELTA:
            raise BadInput(f"`minDelta` is from 1 to {MOST_DELTA:,}.")
        if max_per_second is not None and not LEAST_PER_SECOND <= max_per_second <= MOST_PER_SECOND:
            raise BadInput(f"`maxPerSecond` is from {LEAST_PER_SECOND} to {MOST_PER_SECOND:g}.")
        if max_per_second is None and min_delta in (None, 1):
            return None
        return cls(min_delta or 1, max_per_second)

    def wait(self, now: float, shown: int | None, position: int | None) -> float:
        """Seconds until a move from the position shown last is due; 0 if it is to be shown now."""
        if shown is None or position is None or min(shown, position) <= NEAR_THE_HEAD:
            return 0.0
        if self._held_since is None:
            self._held_since = now
        due = self._shown_at + self._interval
        if abs(position - shown) < self._min_delta:
            due = max(due, self._held_since + LONGEST_HELD_SECONDS)
        return max(0.0, due - now)

    def shown(self, now: float) -> None:
        """An item is out."""
        self._shown_at, self._held_since = now, None
