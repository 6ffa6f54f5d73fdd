"""Where a join's CPU goes: the server is sampled while it is busy with joins. No figure, an explanation of some.

Runs only when it is asked for (`--only join-profile`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.benchmark import Bench, Benchmark
from bench.figures import Fact, Findings, shown
from bench.live.asking import open_clients
from bench.live.checks import answered, check_joins, read_stored
from bench.live.joins import join_request

_CLIENTS = 64
# Of windows of a benchmark: samples are rare.
_WINDOWS = 3
_SHOWN_FUNCTIONS, _SHOWN_CALLS = 4, 25
# The innermost frame of these says whose work it was.
_OWN = ("app/core/db", "app/core", "app/api", "app/sessions", "app/queues", "app/identity", "app/tenants", "app/")
_LIBRARIES = ("strawberry", "graphql", "sqlalchemy", "sqlmodel", "asyncpg", "starlette", "uvicorn", "joserfc", "redis")


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples of a busy server."""

    stacks: Counter[tuple[str, ...]]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Collapsed stacks."""
        stacks: Counter[tuple[str, ...]] = Counter()
        for line in file.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            stacks[tuple(_short(frame) for frame in stack.split(";"))] += int(count)
        return cls(stacks)

    def without(self, earlier: "Profile") -> "Profile":
        """What was added since."""
        return Profile(self.stacks - earlier.stacks)

    @property
    def total(self) -> int:
        """Samples."""
        return self.stacks.total()

    def by_part(self) -> Iterator[tuple[str, float, list[tuple[str, float]]]]:
        """Parts of the program, the greatest first: share of the samples, and the functions that took most of it."""
        parts: dict[str, Counter[str]] = {}
        for stack, count in self.stacks.items():
            parts.setdefault(_part(stack[-1]), Counter())[stack[-1]] += count
        for part, functions in sorted(parts.items(), key=lambda each: -each[1].total()):
            most = [(name, count / self.total) for name, count in functions.most_common(_SHOWN_FUNCTIONS)]
            yield part, functions.total() / self.total, most

    def inclusive(self) -> list[tuple[str, float]]:
        """Our own functions and what they call, the greatest first: share of the samples."""
        found: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            for frame in {frame for frame in stack if "(app/" in frame}:
                found[frame] += count
        return [(name, count / self.total) for name, count in found.most_common(_SHOWN_CALLS)]


async def join_profile(bench: Bench) -> Findings:
    """The benchmark."""
    file = bench.stage.root / "samples.txt"
    arguments = [f"--samples={file}", "serve", "--grace=1"]
    with bench.stage.reference("sampled API", "bench.live.sampled", arguments) as server:
        async with open_clients(bench.stage) as clients:
            queue = await bench.business.queue()
            await clients.ask(server, [[join_request(queue)]] * _CLIENTS, 1.0)
            before = Profile.read(file)
            queue = await bench.business.queue()
            asked = await clients.ask(server, [[join_request(queue)]] * _CLIENTS, _WINDOWS * bench.scale.window_seconds)
            profile = Profile.read(file).without(before)
        stored = await read_stored(bench.business.database, queue.id)
        check_joins([answered(each) for each in asked.successes()], stored, before=1)
    facts = [
        Fact(
            "join profile",
            f"{profile.total:,} samples, {asked.count:,} joins of {_CLIENTS} clients at {shown(asked.per_second)}/s, "
            f"{shown(asked.server_cpu_ms)} ms of CPU each, looked at",
        )
    ]
    for part, share, functions in profile.by_part():
        most = ", ".join(f"{name} {each:.1%}" for name, each in functions)
        facts.append(Fact(f"join profile, in {part}", f"{share:.1%}: {most}"))
    facts += [Fact(f"join profile, {name} and what it calls", f"{share:.1%}") for name, share in profile.inclusive()]
    return Findings(facts=facts)


def _short(frame: str) -> str:
    """The file relative to what it belongs to."""
    name, _, path = frame.rstrip(")").rpartition(" (")
    for mark in ("/site-packages/", "/lib/python3"):
        if mark in path:
            return f"{name} ({path.rpartition(mark)[2]})"
    place = path.rfind("/app/")
    return f"{name} ({path[place + 1 :]})" if place >= 0 else f"{name} ({path})"


def _part(frame: str) -> str:
    path = frame.rpartition(" (")[2]
    for part in (*_OWN, *_LIBRARIES):
        if path.startswith(part):
            return part.rstrip("/")
    return "the standard library and the rest"


JOIN_PROFILE = Benchmark(
    "join-profile",
    f"""**Join profile**: what the API process was doing, looked at every few milliseconds of CPU while
  {_CLIENTS} clients join. Work in C (the driver, JSON, signatures, sockets) counts for whoever called it.""",
    join_profile,
    only_when_asked=True,
)
