"""The schedule of the day: who joins when, who hangs up when, which agent is at the counter when. Pure.

Seconds count from local midnight of the source's day; nothing here knows the clock on the wall or the speed.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.replay.source import Call

# The priority customers of the source start with so many seconds of waiting.
CREDIT_SECONDS: Mapping[int, float] = {2: 90.0}

# An agent who takes nobody for so long while somebody waits is away, not slow. Simulated on 1999-08-02 (mean wait 112 s
# in the source): without breaks 53 s, with breaks from 300 s 90 s, from 120 s 108 s, from 60 s 121 s.
BREAK_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Visitor:
    """One caller of the day."""

    number: int
    """1-based, in the order of joining."""
    call_id: str
    priority: int
    joins: float
    hangs_up: float | None
    """When the caller hung up in the source; null when the source served them (their patience is not known)."""
    service_seconds: int
    service_is_drawn: bool
    """True when the source never served this caller: the length is then another caller's."""


@dataclass(frozen=True, slots=True)
class Break:
    starts: float
    ends: float


@dataclass(frozen=True, slots=True)
class Agent:
    """On duty from the first service in the source to the end of the last, apart from the breaks."""

    name: str
    starts: float
    ends: float
    breaks: tuple[Break, ...]

    def break_at(self, second: float) -> Break | None:
        return next((pause for pause in self.breaks if pause.starts <= second < pause.ends), None)

    def next_change(self, second: float) -> float | None:
        """When the next break starts or the duty ends; null when both are past."""
        return min((at for at in (*(pause.starts for pause in self.breaks), self.ends) if at > second), default=None)


@dataclass(frozen=True, slots=True)
class Wait:
    """How one caller's wait went, in the source or in the replay; seconds of the source's day."""

    priority: int
    joins: float
    seconds: float
    abandoned: bool

    @property
    def ends(self) -> float:
        return self.joins + self.seconds


@dataclass(frozen=True, slots=True)
class Plan:
    starts: float
    visitors: tuple[Visitor, ...]
    agents: tuple[Agent, ...]
    source: tuple[Wait, ...]
    """How the same callers fared in the source."""
    credits: Mapping[int, float] = field(default_factory=lambda: CREDIT_SECONDS)
    """What a priority is worth, in seconds of waiting of the source's day."""

    @property
    def last_join(self) -> float:
        return max((visitor.joins for visitor in self.visitors), default=self.starts)


class PlanError(Exception):
    """The chosen part of the day cannot be played; says why."""


def make_plan(
    calls: Sequence[Call],
    *,
    begins: float | None = None,
    until: float | None = None,
    limit: float | None = None,
    seed: int = 1999,
    with_breaks: bool = True,
    credits: Mapping[int, float] = CREDIT_SECONDS,
) -> Plan:
    """Schedule the callers who joined in `[begins, until)` and the agents on duty then; `limit` seconds of it.

    The line is empty at `begins`. Agents' duty and breaks come from the whole day: a part is staffed as it was.
    """
    everybody = make_agents(calls, with_breaks=with_breaks)
    opens = min((*(call.joins for call in calls), *(agent.starts for agent in everybody)), default=0)
    starts = opens if begins is None else begins
    ends = min(math.inf if until is None else until, math.inf if limit is None else starts + limit)
    chosen = [call for call in calls if starts <= call.joins < ends]
    if not chosen:
        raise PlanError("nobody joins in the chosen part of the day")
    lengths = [call.service_seconds for call in calls if call.service_seconds is not None]
    if not lengths:
        raise PlanError("nobody is served on this day, so no service has a known length")
    draw = random.Random(seed)
    visitors = tuple(
        Visitor(
            number=number,
            call_id=call.call_id,
            priority=call.priority,
            joins=float(call.joins),
            hangs_up=float(call.leaves_line) if call.abandoned else None,
            service_seconds=draw.choice(lengths) if call.service_seconds is None else call.service_seconds,
            service_is_drawn=call.service_seconds is None,
        )
        for number, call in enumerate(sorted(chosen, key=lambda call: call.joins), start=1)
    )
    last_join = visitors[-1].joins
    agents = tuple(
        replace(agent, starts=_comes(agent, starts))
        for agent in everybody
        if agent.ends > starts and _comes(agent, starts) <= last_join
    )
    if not agents:
        raise PlanError("no agent is on duty in the chosen part of the day")
    return Plan(starts=starts, visitors=visitors, agents=agents, source=source_waits(chosen), credits=credits)


def _comes(agent: Agent, starts: float) -> float:
    """When the agent's work begins in a plan that starts then: nobody comes only to take a break."""
    at = max(agent.starts, starts)
    pause = agent.break_at(at)
    return at if pause is None else pause.ends


def make_agents(calls: Sequence[Call], *, with_breaks: bool) -> tuple[Agent, ...]:
    """Everybody who served on this day, in the order of appearing."""
    services: dict[str, list[tuple[float, float]]] = {}
    for call in calls:
        if call.agent is not None and call.service_starts is not None and call.service_ends is not None:
            services.setdefault(call.agent, []).append((call.service_starts, call.service_ends))
    somebody_waits = Occupied(steps((wait.joins, wait.ends) for wait in source_waits(calls)))
    agents = []
    for name, spans in services.items():
        spans.sort()
        agents.append(
            Agent(
                name=name,
                starts=spans[0][0],
                ends=max(ends for _, ends in spans),
                breaks=_breaks(spans, somebody_waits) if with_breaks else (),
            )
        )
    return tuple(sorted(agents, key=lambda agent: (agent.starts, agent.name)))


def _breaks(spans: list[tuple[float, float]], somebody_waits: "Occupied") -> tuple[Break, ...]:
    pauses = []
    free_from = spans[0][1]
    for starts, ends in spans[1:]:
        if starts - free_from >= BREAK_SECONDS and somebody_waits.seconds(free_from, starts) >= BREAK_SECONDS:
            pauses.append(Break(free_from, starts))
        free_from = max(free_from, ends)
    return tuple(pauses)


def steps(spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, int], ...]:
    """How many of the spans cover a moment, as (second, number from then on); starts and ends at 0."""
    changes: dict[float, int] = {}
    for starts, ends in spans:
        if ends > starts:
            changes[starts] = changes.get(starts, 0) + 1
            changes[ends] = changes.get(ends, 0) - 1
    level = 0
    result = []
    for second in sorted(changes):
        level += changes[second]
        result.append((second, level))
    return tuple(result)


class Occupied:
    """Answers for how many seconds of a span somebody waited."""

    def __init__(self, levels: Sequence[tuple[float, int]]) -> None:
        self._seconds = [second for second, _ in levels]
        self._before: list[float] = []
        total = 0.0
        for index, (second, _) in enumerate(levels):
            if index and levels[index - 1][1] > 0:
                total += second - levels[index - 1][0]
            self._before.append(total)
        self._levels = levels

    def seconds(self, starts: float, ends: float) -> float:
        return self._until(ends) - self._until(starts)

    def _until(self, second: float) -> float:
        index = bisect_right(self._seconds, second) - 1
        if index < 0:
            return 0.0
        rest = second - self._seconds[index] if self._levels[index][1] > 0 else 0.0
        return self._before[index] + rest


def source_waits(calls: Iterable[Call]) -> tuple[Wait, ...]:
    return tuple(Wait(call.priority, float(call.joins), float(call.wait_seconds), call.abandoned) for call in calls)
