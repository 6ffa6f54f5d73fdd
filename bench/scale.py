"""How much a run measures. More rounds and longer windows, never another kind of measurement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and durations of one run."""

    name: str
    rounds: int
    window_seconds: float
    join_clients: tuple[int, ...]
    staff: tuple[int, ...]
    calls: int
    """Pure calls per round; each needs a free counter."""
    sockets: int
    waves: int
    """Calls per round of the fan-out; each moves every socket's position."""
    line: int
    """Waiting sessions of the line whose memory is measured."""
    memory_rounds: int
    """Fresh processes whose memory is measured."""


FULL = Scale("full", 5, 2.0, (1, 16), (1, 8), 240, 1_000, 6, 20_000, 3)
QUICK = Scale("quick", 2, 0.5, (1, 16), (1, 8), 80, 200, 3, 5_000, 1)
TINY = Scale("tiny", 1, 0.2, (1, 2), (1, 2), 6, 10, 2, 2_000, 1)
SCALES = {scale.name: scale for scale in (FULL, QUICK, TINY)}
