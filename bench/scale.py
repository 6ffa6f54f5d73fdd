"""How much a run measures. More rounds and longer windows, never another kind of measurement."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Fan:
    """Of everything that sends: fan-out, memory growth, requests beside it, soak, sockets that stall."""

    sizes: tuple[int, ...]
    """Sockets; the targets are held against the last."""
    rounds: int
    waves: int
    """Events per round; each moves every socket's position."""
    growth_updates: int
    """Delivered to find how memory grows; the ordinary path gets a quarter."""
    probes: int
    """Requests per window, a hundred a second."""
    soak_seconds: int
    """Unless `--soak` says another time."""
    stalled: tuple[int, int]
    """Sockets, and how many of them stop reading."""
    stall_seconds: int


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
    long_lines: tuple[int, int]
    """Waiting sessions of a short line and of a long one."""
    long_line_calls: int
    """Calls per round, while a hundred people watch."""
    line_processes: int
    """Fresh processes in which a long line is loaded."""
    fan: Fan


FULL = Scale(
    "full",
    5,
    2.0,
    (1, 16, 64, 256),
    (1, 8, 50),
    600,
    (1_000, 100_000),
    10,
    3,
    Fan(
        sizes=(1_000, 10_000),
        rounds=5,
        waves=8,
        growth_updates=1_000_000,
        probes=500,
        soak_seconds=60,
        stalled=(1_000, 200),
        stall_seconds=120,
    ),
)
# What a release is checked with: the sizes of the full run, fewer rounds and shorter windows.
SHORT = replace(
    FULL,
    name="short",
    rounds=3,
    window_seconds=1.0,
    fan=replace(FULL.fan, rounds=3, waves=6, growth_updates=400_000, probes=300, soak_seconds=30, stall_seconds=30),
)
QUICK = Scale(
    "quick",
    2,
    0.5,
    (1, 64),
    (1, 8),
    80,
    (1_000, 20_000),
    5,
    1,
    Fan(
        sizes=(200, 1_000),
        rounds=2,
        waves=2,
        growth_updates=50_000,
        probes=100,
        soak_seconds=5,
        stalled=(100, 20),
        stall_seconds=5,
    ),
)
TINY = Scale(
    "tiny",
    1,
    0.2,
    (2,),
    (2,),
    6,
    (20, 400),
    2,
    1,
    Fan(
        sizes=(5, 10),
        rounds=1,
        waves=2,
        growth_updates=200,
        probes=10,
        soak_seconds=1,
        stalled=(10, 2),
        stall_seconds=1,
    ),
)
SCALES = {scale.name: scale for scale in (FULL, SHORT, QUICK, TINY)}
