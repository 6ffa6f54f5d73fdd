"""How good the estimates of waits are: published, so that people can trust them, or know that they should not."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.instants import instant
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.sessions.waits import service
from app.sessions.waits.accuracy import LANGUAGES, LEAST_FOR_A_SENTENCE, Figures


@strawberry.type(description="How far estimates were from the truth. Means over visitors who were told something.")
class EstimateFigures:
    mean_absolute_error_seconds: float = strawberry.field(description="Mean of |wait − P50|. In seconds.")
    bias_seconds: float = strawberry.field(
        description="Mean of P50 − wait, in seconds: above 0, people waited less than P50 in the mean."
    )
    pinball_p50_seconds: float = strawberry.field(
        description="Mean pinball loss of P50: half of |wait − P50|. In seconds; the less, the better."
    )
    pinball_p90_seconds: float = strawberry.field(
        description=(
            "Mean pinball loss of P90: 0.9 × (wait − P90) where the wait was longer, 0.1 × (P90 − wait) where it was "
            "not. In seconds; the less, the better."
        )
    )
    within_p50: float = strawberry.field(description="Share, from 0 to 1, who waited at most P50; 0.5 is meant.")
    within_p90: float = strawberry.field(description="Share, from 0 to 1, who waited at most P90; 0.9 is meant.")

    @classmethod
    def of(cls, figures: Figures | None) -> "EstimateFigures | None":
        """None of None."""
        if figures is None:
            return None
        return cls(**{name: getattr(figures, name) for name in Figures.__dataclass_fields__})


@strawberry.type(description="One way to estimate, and how it has measured in this queue.")
class EstimatePredictor:
    name: str = strawberry.field(description="E.g. `QUEUE_LENGTH` or `MOVING_QUANTILES` (docs/estimates.md).")
    loss_seconds: float = strawberry.field(
        description=(
            "Pinball losses of P50 and P90 together, mean over the waits that have ended, the newest counting most. In "
            "seconds; from 50 waits on the predictor with the least is the one that is said."
        )
    )
    outcomes: int = strawberry.field(description="Waits it was measured on.")


@strawberry.type(
    description=(
        "How good the estimates told on joining in a period have been. Of very long lines (from 400 people) one join "
        "of several is kept, and stands for them. `METERED` queues included."
    )
)
class EstimateAccuracy:
    from_: datetime = strawberry.field(name="from", description="The period's beginning.")
    to: datetime = strawberry.field(description="Its end.")
    samples: int = strawberry.field(description="Joins of the period that were kept.")
    hidden: int = strawberry.field(description="Of these, told nothing: `estimatedWaitReason` said why.")
    awaited: int = strawberry.field(description="Of these, still in line: nothing is known yet.")
    left: int = strawberry.field(description="Of these, who left before a call: they waited longer than is known.")
    scored: int = strawberry.field(description="Of these, told something and called: those the figures are of.")
    served: EstimateFigures | None = strawberry.field(
        description="Of those who were called; null if nobody was. Waits of the patient only: too short in the mean."
    )
    weighted: EstimateFigures | None = strawberry.field(
        description=(
            "The same as if everybody had stayed: each who was called after so long counts 1 ÷ (probability to have "
            "stayed so long) times, by Kaplan–Meier of leaving in the period; at most 8. Null if nobody was called."
        )
    )
    sentence: str | None = strawberry.field(
        description=(
            "For people, such as `In the last 7 days 9 of 10 visitors waited less than we said.`: how many of ten "
            f"waited at most P90, rounded down. Null with fewer than {LEAST_FOR_A_SENTENCE} who were called."
        )
    )
    predictors: list[EstimatePredictor] = strawberry.field(
        description="How each way to estimate has measured until now, best first; at most 7. Empty for `METERED`."
    )


Locale = Annotated[
    str,
    strawberry.argument(description=f"Language of the sentence: {', '.join(LANGUAGES)}; others are told in English."),
]


@strawberry.type
class WaitQuery:
    @strawberry.field(
        description="How good a queue's estimates have been. Visitors who joined from `from` to before `to`.",
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def estimate_accuracy(
        self,
        info: Info,
        queue_id: IdArgument,
        from_: Annotated[
            datetime, strawberry.argument(name="from", description="With a time zone; at most 100 days before `to`.")
        ],
        to: Annotated[datetime | None, strawberry.argument(description="With a time zone. Default: now.")] = None,
        locale: Locale = "en",
    ) -> EstimateAccuracy:
        ref, since, until = info.context.ref("Queue", queue_id), instant("from", from_), instant("to", to)
        now = info.context.runtime.clock.now()
        async with info.context.read() as tx:
            found = await service.estimate_accuracy(tx, ref.id, since, until, now, locale)
        return EstimateAccuracy(
            from_=found.since,
            to=found.until,
            samples=found.counts.all,
            hidden=found.counts.hidden,
            awaited=found.counts.awaited,
            left=found.counts.left,
            scored=found.scored,
            served=EstimateFigures.of(found.served),
            weighted=EstimateFigures.of(found.weighted),
            sentence=found.sentence,
            predictors=[
                EstimatePredictor(name=one.name, loss_seconds=one.loss_seconds, outcomes=one.outcomes)
                for one in found.predictors
            ],
        )
