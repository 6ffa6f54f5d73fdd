"""Kinds of jobs: a name, the function that does the work, and how long it may take. No broker here."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.core.jobs.context import JobContext
from app.core.jobs.lanes import Lane

Handler = Callable[[JobContext], Awaitable[None]]


class RetryLater(Exception):
    """The work cannot be done now: try again after `delay`. The reason is kept with the job: no personal data in it."""

    def __init__(self, delay: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of work. The handler may run twice, and beside itself; only its last transaction makes it done."""

    name: str
    handler: Handler
    # After this many claims it has failed for good. None: the handler decides.
    max_attempts: int | None
    timeout_seconds: float
    # Of its jobs, unless whoever writes one says something else.
    lane: Lane = Lane.NORMAL


def job(
    name: str, *, max_attempts: int | None = 20, timeout_seconds: float = 60.0, lane: Lane = Lane.NORMAL
) -> Callable[[Handler], JobKind]:
    """Declare a function of a feature's `tasks.py` as the handler of a kind of job, named `feature.verb`."""

    def declare(handler: Handler) -> JobKind:
        return JobKind(name, handler, max_attempts, timeout_seconds, lane)

    return declare


class Jobs(Mapping[str, JobKind]):
    """Every kind a worker can run, by name."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self._kinds: dict[str, JobKind] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"two kinds of jobs are called {kind.name}")
            self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)
