"""What a benchmark is: a name, what it compares with what, and a function that measures.

It holds no figures and starts nothing; `bench/live/registry.py` has the list.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.business import Business
from bench.figures import Findings
from bench.scale import Scale
from bench.stage import Server, Stage


@dataclass(frozen=True)
class Bench:
    """What a benchmark is given. What it starts itself, it ends itself."""

    stage: Stage
    server: Server
    """An API process for errands (founding a queue, joining); a benchmark may measure it or start its own."""
    business: Business
    scale: Scale
    say: Callable[[str], None]
    """Tells whoever waits what is going on."""


Measure = Callable[[Bench], Awaitable[Findings]]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark."""

    name: str
    """As `--only` takes it."""
    about: str
    """Markdown for the report: what is compared with what, and what each reference leaves out."""
    measure: Measure
    only_when_asked: bool = False
    """Whether it runs only when it is named, as what explains other figures does."""
