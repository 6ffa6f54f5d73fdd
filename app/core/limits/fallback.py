"""Counting within this process, for as long as Valkey is away. Forgets everything rather than grow.

Not the memory storage of `limits`: that walks through all of its keys, in a thread, after every hit.
"""

from time import time

MOST_KEYS = 100_000


class Fallback:
    """Fixed windows: each begins at a multiple of its length."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int, int], int] = {}

    def hit(self, key: str, most: int, seconds: int, cost: int = 1) -> float | None:
        """Count; or, where that would be more than `most`, the seconds until the next window."""
        now = time()
        window = int(now // seconds)
        if len(self._counts) >= MOST_KEYS:
            # An attacker with a hundred thousand addresses gets another turn; nobody gets our memory.
            self._counts.clear()
        place = key, seconds, window
        used = self._counts.get(place, 0)
        if used + cost > most:
            return (window + 1) * seconds - now
        self._counts[place] = used + cost
        return None

    def clear(self) -> None:
        """Begin anew: Valkey counts again."""
        self._counts.clear()
