"""What a simulation is asked with, and how it is put to the service."""

from datetime import datetime, time, timedelta

import strawberry
from strawberry import UNSET

from app.core.errors import BadInput
from app.core.graphql.enums import explained_enum
from app.core.graphql.instants import instant
from app.queues.config import MAX_PRIORITY, MAX_RATE
from app.queues.graphql.enums import QueueDiscipline
from app.queues.graphql.inputs import PriorityCreditInput
from app.simulation import study
from app.simulation.demand import Invented, Share
from app.simulation.service import MOST_RUNS, MOST_VISITS, USUAL_RUNS, Changes, Wanted, ensure_period

MOST_BLOCKS = 24
MOST_HOURS = 168
_MOST_COUNTERS = 500
_MOST_SEED = 2**31 - 1

SimulationDemand = explained_enum(
    study.Demand,
    "Who comes in a simulation.",
    RECORDED=(
        "The very visits of the period. Whoever left leaves after the same time, unless called before; of whoever was "
        "called it is drawn how much longer they would have stayed (Kaplan–Meier), and how long services take that "
        "there were none of."
    ),
    RESAMPLED=(
        "Days like those of the period: in every quarter of an hour as many as chance brings (Poisson) where so many "
        "came, services and patience drawn from what was recorded."
    ),
    INVENTED="As `invented` says, without any recorded visit.",
)


@strawberry.input(
    description="Other staff between two times of every day of the period; give `counters` or `difference`."
)
class SimulatedStaffingInput:
    starts: time = strawberry.field(description="The first instant, on the clock of the queue's time zone.")
    ends: time = strawberry.field(description="The first instant after it: later than `starts`, or `00:00`: midnight.")
    counters: int | None = strawberry.field(
        default=None, description=f"So many counters all the time, whoever worked there: 0 to {_MOST_COUNTERS}."
    )
    difference: int | None = strawberry.field(
        default=None,
        description=(
            f"So many counters more, or fewer where negative (those that worked there longest): -{_MOST_COUNTERS} to "
            f"{_MOST_COUNTERS}."
        ),
    )

    def value(self) -> study.Block:
        """What the service takes."""
        if self.starts.tzinfo is not None or self.ends.tzinfo is not None:
            raise BadInput("`starts` and `ends` are times on the queue's own clock, without a zone: `10:00`.")
        ends = None if self.ends == time() else self.ends
        if ends is not None and ends <= self.starts:
            raise BadInput("A block of `staffing` ends after it starts, on the same day.")
        if (self.counters is None) == (self.difference is None):
            raise BadInput("A block of `staffing` has `counters` or `difference`.")
        if not 0 <= (self.counters or 0) <= _MOST_COUNTERS or abs(self.difference or 0) > _MOST_COUNTERS:
            raise BadInput(f"A block of `staffing` has at most {_MOST_COUNTERS} counters.")
        return study.Block(self.starts, ends, self.counters, self.difference or 0)


@strawberry.input(description="How many of an invented demand have a priority.")
class PriorityShareInput:
    priority: int = strawberry.field(description=f"From 0 to {MAX_PRIORITY}.")
    weight: float = strawberry.field(description="How many beside the others, as in 3 to 1: above 0, to 1,000,000.")


@strawberry.input(
    description=(
        "A demand of a few numbers: arrivals by chance (Poisson) with a rate for each hour, lognormal services, and "
        "patience that runs out equally often at any time (exponential)."
    )
)
class InventedDemandInput:
    arrivals_per_hour: list[float] = strawberry.field(
        description=f"Mean arrivals in each hour from `from` on: 1 to {MOST_HOURS} hours, each 0 to 100,000."
    )
    service_seconds: float = strawberry.field(
        description="Mean time from the call to the end of a visit: above 0, to 86,400."
    )
    service_variation: float = strawberry.field(
        default=1.0, description="Standard deviation ÷ mean of these times, 0 to 10. Default 1."
    )
    patience_seconds: float | None = strawberry.field(
        default=None, description="Mean time after which one leaves: above 0, to 86,400. Default: nobody ever does."
    )
    priorities: list[PriorityShareInput] = strawberry.field(
        default_factory=list, description="At most 10. Default: all have priority 0."
    )

    def value(self, starts_at: datetime) -> Invented:
        """What the service takes."""
        if not 1 <= len(self.arrivals_per_hour) <= MOST_HOURS:
            raise BadInput(f"`arrivalsPerHour` has 1 to {MOST_HOURS} members.")
        if not all(0 <= rate <= 100_000 for rate in self.arrivals_per_hour):
            raise BadInput("Arrivals are from 0 to 100,000 an hour.")
        if sum(self.arrivals_per_hour) > MOST_VISITS:
            raise BadInput(f"At most {MOST_VISITS:,} visits are simulated.")
        if not 0 < self.service_seconds <= 86_400 or not 0 <= self.service_variation <= 10:
            raise BadInput("`serviceSeconds` is above 0, to 86,400, and `serviceVariation` from 0 to 10.")
        if self.patience_seconds is not None and not 0 < self.patience_seconds <= 86_400:
            raise BadInput("`patienceSeconds` is above 0, to 86,400, or null: nobody leaves.")
        if len(self.priorities) > 10 or not all(
            0 <= each.priority <= MAX_PRIORITY and 0 < each.weight <= 1_000_000 for each in self.priorities
        ):
            raise BadInput(f"`priorities` has at most 10 members, of priorities 0 to {MAX_PRIORITY}.")
        shares = tuple(Share(each.priority, each.weight) for each in self.priorities)
        return Invented(
            starts_at,
            tuple(self.arrivals_per_hour),
            self.service_seconds,
            self.service_variation,
            self.patience_seconds,
            shares or (Share(0, 1.0),),
        )


@strawberry.input(
    description=(
        "A what-if question. What is left out is as it was recorded (staff) or as it is configured now (everything "
        "else). Begins with an empty line."
    )
)
class SimulateQueueInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    from_: datetime = strawberry.field(name="from", description="Visits that began at this time or later.")
    to: datetime = strawberry.field(
        description=(
            f"Visits that began before this time, at most 31 days and {MOST_VISITS:,} visits later. Not looked at if "
            "the demand is `INVENTED`: it says by itself how long it lasts."
        ),
    )
    demand: SimulationDemand = strawberry.field(  # type: ignore[valid-type]
        default=study.Demand.RECORDED, description="Who comes. Default `RECORDED`."
    )
    invented: InventedDemandInput | None = strawberry.field(
        default=None, description="With the demand `INVENTED`: what it is."
    )
    arrival_factor: float = strawberry.field(
        default=1.0, description="So many times as many visitors, 0.1 to 10; not of `RECORDED`. Default 1."
    )
    staffing: list[SimulatedStaffingInput] = strawberry.field(
        default_factory=list,
        description=f"Other staff, one after the other, at most {MOST_BLOCKS}. Not of a `METERED` queue.",
    )
    discipline: QueueDiscipline | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Another discipline. A lottery is as `PRIORITY`: there is no pre-queue here."
    )
    priority_credits: list[PriorityCreditInput] | None = strawberry.field(
        default=None, description="Other credits, at most one per priority."
    )
    release_rate_per_minute: int | None = strawberry.field(
        default=UNSET, description=f"Another rate, 0 to {MAX_RATE:,}; null: none. Only of a `METERED` queue."
    )
    max_concurrent_users: int | None = strawberry.field(
        default=UNSET, description="Another cap, 1 to 10,000,000; null: none."
    )
    capacity: int | None = strawberry.field(
        default=UNSET, description="Other room in the line, 1 to 10,000,000; null: no limit."
    )
    runs: int | None = strawberry.field(
        default=None,
        description=(
            f"How often it is played, each time with other luck: 1 to {MOST_RUNS}. Default: as often as there is room "
            f"for (400,000 visits in all), at most {USUAL_RUNS}."
        ),
    )
    seed: int = strawberry.field(
        default=1, description="The same seed gives the same answer: 0 to 2,147,483,647. Default 1."
    )
    service_level_seconds: int | None = strawberry.field(
        default=None,
        description="The longest wait that counts as good, in seconds, 1 to 86,400. Default: the business's setting.",
    )

    def value(self) -> Wanted:
        """What the service takes. `BadInput` for what no simulation knows."""
        starts_at = instant("from", self.from_)
        invented = None if self.invented is None else self.invented.value(starts_at)
        ends_at = instant("to", self.to)
        if invented is not None:
            ends_at = starts_at + timedelta(hours=len(invented.arrivals_per_hour))
        ensure_period(starts_at, ends_at)
        if len(self.staffing) > MOST_BLOCKS:
            raise BadInput(f"`staffing` has at most {MOST_BLOCKS} members.")
        if not 0 <= self.seed <= _MOST_SEED:
            raise BadInput(f"`seed` is from 0 to {_MOST_SEED:,}.")
        blocks = tuple(block.value() for block in self.staffing)
        return Wanted(
            demand=self.demand,
            starts_at=starts_at,
            ends_at=ends_at,
            changes=Changes(self._rules(), blocks, self.arrival_factor),
            runs=self.runs,
            seed=self.seed,
            threshold_seconds=self.service_level_seconds,
            invented=invented,
        )

    def _rules(self) -> dict[str, object]:
        given: dict[str, object] = {}
        if self.discipline is not None:
            given["discipline"] = self.discipline
        if self.priority_credits is not None:
            given["credits"] = _credits(self.priority_credits)
        for name, least, most in (
            ("release_rate_per_minute", 0, MAX_RATE),
            ("max_concurrent_users", 1, 10_000_000),
            ("capacity", 1, 10_000_000),
        ):
            value = getattr(self, name)
            if value is UNSET:
                continue
            if value is not None and not least <= value <= most:
                raise BadInput(f"Rates are 0 to {MAX_RATE:,}, cap and capacity 1 to 10,000,000.")
            given[name] = value
        return given


def _credits(given: list[PriorityCreditInput]) -> dict[int, float]:
    found = {each.priority: each.seconds for each in given}
    if len(found) != len(given):
        raise BadInput("Give one credit per priority.")
    if not all(0 <= priority <= MAX_PRIORITY and 0 <= seconds <= 86_400 for priority, seconds in found.items()):
        raise BadInput(f"A credit is 0 to 86,400 seconds for a priority from 0 to {MAX_PRIORITY}.")
    return found
