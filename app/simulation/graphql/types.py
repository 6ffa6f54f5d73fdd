"""What simulations and recommendations look like, each figure with its formula and unit."""

import strawberry

from app.core.graphql.enums import explained_enum
from app.queues.graphql.enums import QueueDiscipline
from app.queues.graphql.parts import PriorityCredit
from app.simulation import recommending
from app.simulation.figures import HourFigures, Range, RunFigures
from app.simulation.sentences import sentence
from app.simulation.study import Answer, Outcome, Study

_WAIT = "from joining to the call, in seconds, of those who were called"
_ABANDONED = "Who left before being called ÷ (who left so + who was called + who was in line to the last), 0 to 1."
_LEVEL = (
    "Who was called within `serviceLevelSeconds` ÷ (who was called + who left before + who was in line to the last)."
)
_NO_SHOW = "Who was called and did not come ÷ who was called."
_OCCUPANCY = "Time counters had somebody ÷ time they worked, 0 to 1; null of a `METERED` queue."


@strawberry.type(description="A figure over the runs of a simulation.")
class SimulatedRange:
    median: float = strawberry.field(description="The median of the runs.")
    low: float = strawberry.field(description="One of twenty runs is below.")
    high: float = strawberry.field(description="One of twenty runs is above.")

    @classmethod
    def of(cls, found: Range | None) -> "SimulatedRange | None":
        """From the study's."""
        return None if found is None else cls(median=found.median, low=found.low, high=found.high)


@strawberry.type(description="An hour of the local day, over all days and runs.")
class SimulatedHour:
    hour: int = strawberry.field(description="0 to 23, on the clock of the queue's time zone.")
    visit_count: float = strawberry.field(description="Who joined, per day.")
    p90_wait_seconds: float | None = strawberry.field(description=f"P90 of the wait {_WAIT}, by the hour of joining.")
    abandonment_rate: float | None = strawberry.field(description=_ABANDONED)
    occupancy: float | None = strawberry.field(description=_OCCUPANCY)
    counter_count: float | None = strawberry.field(description="Counters at work, per day, on average over the hour.")

    @classmethod
    def of(cls, found: HourFigures) -> "SimulatedHour":
        """From the study's."""
        return cls(
            hour=found.hour,
            visit_count=found.visits,
            p90_wait_seconds=found.p90_wait_seconds,
            abandonment_rate=found.abandonment_rate,
            occupancy=found.occupancy,
            counter_count=found.counters,
        )


@strawberry.type(description="How it went in one world. A figure is null where nothing could be counted.")
class SimulatedWorld:
    visit_count: SimulatedRange | None = strawberry.field(description="Who came.")
    called_count: SimulatedRange | None = strawberry.field(description="Who was called, or released.")
    mean_wait_seconds: SimulatedRange | None = strawberry.field(description=f"Mean wait {_WAIT}.")
    p50_wait_seconds: SimulatedRange | None = strawberry.field(description=f"Median wait {_WAIT}.")
    p90_wait_seconds: SimulatedRange | None = strawberry.field(description=f"P90 of the wait {_WAIT}.")
    p95_wait_seconds: SimulatedRange | None = strawberry.field(description=f"P95 of the wait {_WAIT}.")
    abandonment_rate: SimulatedRange | None = strawberry.field(description=_ABANDONED)
    no_show_rate: SimulatedRange | None = strawberry.field(description=_NO_SHOW)
    service_level: SimulatedRange | None = strawberry.field(description=_LEVEL)
    unserved_count: SimulatedRange | None = strawberry.field(
        description="In line to the last, as nobody called any more; or refused, as the line was full."
    )
    occupancy: SimulatedRange | None = strawberry.field(description=_OCCUPANCY)
    counter_count: SimulatedRange | None = strawberry.field(
        description="Counters at work, on average over the time in which any was; null of a `METERED` queue."
    )
    hours: list[SimulatedHour] = strawberry.field(
        description="By the hour of the local day, at most 24: those in which anybody came or worked."
    )

    @classmethod
    def of(cls, found: Outcome | None) -> "SimulatedWorld | None":
        """From the study's."""
        if found is None:
            return None
        shown = {name: SimulatedRange.of(value) for name, value in found.figures.items()}
        return cls(
            visit_count=shown["visits"],
            called_count=shown["called"],
            mean_wait_seconds=shown["mean_wait_seconds"],
            p50_wait_seconds=shown["p50_wait_seconds"],
            p90_wait_seconds=shown["p90_wait_seconds"],
            p95_wait_seconds=shown["p95_wait_seconds"],
            abandonment_rate=shown["abandonment_rate"],
            no_show_rate=shown["no_show_rate"],
            service_level=shown["service_level"],
            unserved_count=shown["unserved"],
            occupancy=shown["occupancy"],
            counter_count=shown["counters"],
            hours=[SimulatedHour.of(hour) for hour in found.hours],
        )


@strawberry.type(description="What was recorded, counted as a simulation counts: visits that began in the period.")
class RecordedFigures:
    visit_count: int = strawberry.field(description="Who came, without those whose visit had not ended.")
    called_count: int = strawberry.field(description="Who was called, or released.")
    mean_wait_seconds: float | None = strawberry.field(description=f"Mean wait {_WAIT}.")
    p50_wait_seconds: float | None = strawberry.field(description=f"Median wait {_WAIT}.")
    p90_wait_seconds: float | None = strawberry.field(description=f"P90 of the wait {_WAIT}.")
    p95_wait_seconds: float | None = strawberry.field(description=f"P95 of the wait {_WAIT}.")
    abandonment_rate: float | None = strawberry.field(description=_ABANDONED)
    no_show_rate: float | None = strawberry.field(description=_NO_SHOW)
    service_level: float | None = strawberry.field(description=_LEVEL)

    @classmethod
    def of(cls, found: RunFigures) -> "RecordedFigures":
        """From the study's."""
        return cls(
            visit_count=int(found.visits),
            called_count=int(found.called),
            mean_wait_seconds=found.mean_wait_seconds,
            p50_wait_seconds=found.p50_wait_seconds,
            p90_wait_seconds=found.p90_wait_seconds,
            p95_wait_seconds=found.p95_wait_seconds,
            abandonment_rate=found.abandonment_rate,
            no_show_rate=found.no_show_rate,
            service_level=found.service_level,
        )


@strawberry.type(
    description=(
        "The answer to a what-if question. `recorded` beside `before` says how well the simulation knows this queue: "
        "`before` plays the same visits with the staff that was there."
    )
)
class QueueSimulation:
    recorded: RecordedFigures | None = strawberry.field(
        description="What was recorded; null of an invented demand, and where nobody came."
    )
    before: SimulatedWorld | None = strawberry.field(
        description="As it was: the recorded staff, today's configuration. Null of an invented demand."
    )
    after: SimulatedWorld | None = strawberry.field(
        description="With what was asked to be otherwise, for the same visitors; null where nothing was."
    )
    runs: int = strawberry.field(description="How often it was played.")
    seed: int = strawberry.field(description="With this seed comes the same answer again.")
    service_level_seconds: int = strawberry.field(description="The longest wait that counts as good.")
    counter_count: int = strawberry.field(description="Counters that called anybody in the period.")
    gap_seconds: float = strawberry.field(
        description=(
            "What a counter needs between two visits while somebody waits: the mean of the recorded gaps under two "
            "minutes. Longer ones are breaks."
        )
    )

    @classmethod
    def of(cls, study: Study, found: Answer) -> "QueueSimulation":
        """From question and answer."""
        return cls(
            recorded=None if found.recorded is None else RecordedFigures.of(found.recorded),
            before=SimulatedWorld.of(found.before),
            after=SimulatedWorld.of(found.after),
            runs=study.runs,
            seed=study.seed,
            service_level_seconds=int(study.threshold_seconds),
            counter_count=found.counters,
            gap_seconds=found.gap_seconds,
        )


RecommendationKind = explained_enum(
    recommending.Kind,
    "What a recommendation changes.",
    MORE_COUNTERS="Counters more at some hours of every day.",
    FEWER_COUNTERS="Counters less at some hours of every day: staff that is hardly missed.",
    RELEASE_RATE="The release rate.",
    MAX_CONCURRENT_USERS="How many may be inside.",
    DISCIPLINE="The discipline.",
)


@strawberry.type(description="A change that was tried out, on top of those recommended before it.")
class QueueRecommendation:
    kind: RecommendationKind = strawberry.field(description="What is changed.")  # type: ignore[valid-type]
    sentence: str = strawberry.field(description="The recommendation with its figures, in English.")
    starts_hour: int | None = strawberry.field(
        description="From this full hour of every day, on the clock of the queue's time zone; null: always."
    )
    ends_hour: int | None = strawberry.field(description="Up to this full hour; 24 is midnight.")
    counter_difference: int | None = strawberry.field(description="Counters more, or fewer where negative.")
    release_rate_per_minute: int | None = strawberry.field(description="The rate that is recommended.")
    max_concurrent_users: int | None = strawberry.field(description="The cap that is recommended.")
    discipline: QueueDiscipline | None = strawberry.field(description="The discipline that is recommended.")  # type: ignore[valid-type]
    priority_credits: list[PriorityCredit] = strawberry.field(description="Its credits; one per priority at most.")
    before_p90_wait_seconds: float = strawberry.field(
        description="P90 of the wait without it, of those who join in its hours: the recorded visits, simulated."
    )
    after_p90_wait_seconds: float = strawberry.field(description="The same with it.")
    likely_p90_wait_seconds: SimulatedRange = strawberry.field(
        description="The same with it on days like these: visits drawn anew. This is how uncertain it is."
    )
    improves_share: float = strawberry.field(
        description=(
            "In how many of these runs P90 is lower with it; of `FEWER_COUNTERS` still within the target. 0 to 1."
        )
    )
    meets_target: bool = strawberry.field(description="Whether P90 is within the target then.")

    @classmethod
    def of(cls, found: recommending.Recommendation) -> "QueueRecommendation":
        """From what was found."""
        likely = SimulatedRange(median=found.likely.median, low=found.likely.low, high=found.likely.high)
        return cls(
            kind=found.kind,
            sentence=sentence(found),
            starts_hour=found.starts_hour,
            ends_hour=found.ends_hour,
            counter_difference=found.difference,
            release_rate_per_minute=found.value if found.kind is recommending.Kind.RELEASE_RATE else None,
            max_concurrent_users=found.value if found.kind is recommending.Kind.MAX_CONCURRENT_USERS else None,
            discipline=found.discipline,
            priority_credits=[
                PriorityCredit(priority=priority, seconds=seconds) for priority, seconds in found.credits
            ],
            before_p90_wait_seconds=found.before_p90_seconds,
            after_p90_wait_seconds=found.after_p90_seconds,
            likely_p90_wait_seconds=likely,
            improves_share=found.improves_share,
            meets_target=found.meets_target,
        )


@strawberry.type(description="What to change so that waits come down to a target, or staff is saved.")
class QueueRecommendations:
    recommendations: list[QueueRecommendation] = strawberry.field(
        description="At most 6, the most useful first; empty where waits are within the target and staff is busy."
    )
    target_p90_wait_seconds: int = strawberry.field(description="The target, in seconds.")
    recorded: RecordedFigures = strawberry.field(description="What was recorded; its service level is of the target.")
    simulated_p90_wait_seconds: float | None = strawberry.field(
        description="P90 of the same visits as simulated, beside `recorded`: how well the simulation knows this queue."
    )

    @classmethod
    def of(cls, target: float, found: recommending.Advice) -> "QueueRecommendations":
        """From target and answer."""
        return cls(
            recommendations=[QueueRecommendation.of(each) for each in found.recommendations],
            target_p90_wait_seconds=int(target),
            recorded=RecordedFigures.of(found.recorded),
            simulated_p90_wait_seconds=found.simulated_p90_seconds,
        )
