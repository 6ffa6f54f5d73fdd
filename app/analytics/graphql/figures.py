"""Figures in the schema: each with its formula and its unit. What makes them is `app/analytics/rules.py`."""

from datetime import datetime

import strawberry

from app.analytics import figures as counted
from app.core.graphql.enums import explained_enum

AnalyticsGranularity = explained_enum(
    counted.Granularity,
    "How long the spans of a series are, on the clock of the answer's time zone.",
    called="AnalyticsGranularity",
    HOUR="An hour; for periods of at most 31 days.",
    DAY="From midnight to midnight; for periods of at most 732 days.",
    WEEK="From Monday to Sunday.",
    MONTH="A month of the calendar.",
)


@strawberry.type(
    description=(
        "How long something took. Percentiles are read from counts in logarithmic classes and are right to 1 %: "
        "the P90 is the value that 90 % do not exceed (of n values in order, number 1 + floor(0.9 × (n − 1)))."
    )
)
class DurationFigures:
    count: int = strawberry.field(description="How many of them.")
    mean_seconds: float | None = strawberry.field(description="Sum ÷ count, exact; null if there is none.")
    p50_seconds: float | None = strawberry.field(description="The median; null if there is none.")
    p90_seconds: float | None = strawberry.field(description="90 % took no longer; null if there is none.")
    p95_seconds: float | None = strawberry.field(description="95 % took no longer; null if there is none.")

    @classmethod
    def of(cls, found: counted.Durations) -> "DurationFigures":
        """From what was counted."""
        return cls(
            count=found.count,
            mean_seconds=found.mean_seconds,
            p50_seconds=found.p50_seconds,
            p90_seconds=found.p90_seconds,
            p95_seconds=found.p95_seconds,
        )


@strawberry.type(description="What visitors said after their visits, in the span in which the visit ended.")
class SatisfactionFigures:
    rating_count: int = strawberry.field(description="Visits that were rated.")
    mean_rating: float | None = strawberry.field(description="Sum of ratings (1 to 5) ÷ their number; null if none.")
    csat: float | None = strawberry.field(
        description="Ratings of 4 and 5 ÷ all ratings × 100: percent, from 0 to 100; null if none."
    )
    nps_count: int = strawberry.field(description="Visits for which somebody said whether they would recommend us.")
    nps: float | None = strawberry.field(
        description="(Answers of 9 and 10 − answers from 0 to 6) ÷ all answers × 100: from −100 to 100; null if none."
    )

    @classmethod
    def of(cls, found: counted.Satisfaction) -> "SatisfactionFigures":
        """From what was counted."""
        return cls(
            rating_count=found.rating_count,
            mean_rating=found.mean_rating,
            csat=found.csat,
            nps_count=found.nps_count,
            nps=found.nps,
        )


@strawberry.type(
    description=(
        "What happened in a span of time. A visit is one stay of one session in one queue. Whatever happens to it "
        "counts in the span in which it happened: somebody who joins at 9:59 and is called at 10:01 has joined in one "
        "hour and was called in the next. What is rated counts where the visit ended. Shares are from 0 to 1, and null "
        "where there is nothing to divide by."
    )
)
class AnalyticsFigures:
    joined_count: int = strawberry.field(description="Sessions that joined here.")
    transferred_in_count: int = strawberry.field(description="Sessions that came from another queue.")
    arrived_count: int = strawberry.field(description="joined + transferred in: visits that began.")
    called_count: int = strawberry.field(
        description="Visits that were called (or released): by the last call, where somebody went back to the line."
    )
    served_count: int = strawberry.field(description="Visits that were served to the end.")
    abandoned_count: int = strawberry.field(
        description="Visits that ended before a call because the visitor left, or was away for longer than the grace."
    )
    cancelled_after_call_count: int = strawberry.field(
        description="Visits whose visitor left after being called and before being served."
    )
    cancelled_by_staff_count: int = strawberry.field(description="Visits that staff cancelled.")
    no_show_count: int = strawberry.field(description="Visits that were called and nobody came.")
    expired_count: int = strawberry.field(description="Visits whose stay was over before they left by themselves.")
    revoked_count: int = strawberry.field(description="Visits of people who were sent away once let in.")
    transferred_out_count: int = strawberry.field(description="Visits that went on in another queue.")
    wait: DurationFigures = strawberry.field(
        description="Waits of those called in the span: from coming to this queue to the (last) call."
    )
    abandoned_wait: DurationFigures = strawberry.field(description="How long those who left before a call had waited.")
    service: DurationFigures = strawberry.field(
        description="Services that ended in the span: from the start of service to its end."
    )
    abandonment_rate: float | None = strawberry.field(
        description="abandoned ÷ (abandoned + called): of those whose wait ended by a call or by leaving, who left."
    )
    no_show_rate: float | None = strawberry.field(description="no-shows ÷ called.")
    service_level: float | None = strawberry.field(
        description=(
            "Called after at most `serviceLevelSeconds` ÷ (called + abandoned). Waits within 2 % of the threshold may "
            "count on either side."
        )
    )
    throughput_per_hour: float = strawberry.field(description="served ÷ hours of the span, those that have passed.")
    occupancy: float | None = strawberry.field(
        description=(
            "Time with somebody called or in service, summed over people ÷ time of open counters, summed over "
            "counters; at most 1. A counter that serves several queues is open in each. Null without open counters, "
            "in a `METERED` queue, and with a filter."
        )
    )
    mean_waiting_count: float | None = strawberry.field(
        description=(
            "People in line in the mean over the span's time, on hold not counted: their waiting time, summed ÷ time. "
            "Null with a filter."
        )
    )
    most_waiting_count: int | None = strawberry.field(
        description="The most people in line at once. Null with a filter, and of several queues together."
    )
    satisfaction: SatisfactionFigures = strawberry.field(description="What visitors said.")

    @classmethod
    def of(cls, found: counted.Figures) -> "AnalyticsFigures":
        """From what was counted."""
        return cls(
            **{name: getattr(found, name) for name in _AS_THEY_ARE},
            arrived_count=found.joined_count + found.transferred_in_count,
            wait=DurationFigures.of(found.wait),
            abandoned_wait=DurationFigures.of(found.abandoned_wait),
            service=DurationFigures.of(found.service),
            satisfaction=SatisfactionFigures.of(found.satisfaction),
        )


_AS_THEY_ARE = (
    "joined_count",
    "transferred_in_count",
    "called_count",
    "served_count",
    "abandoned_count",
    "cancelled_after_call_count",
    "cancelled_by_staff_count",
    "no_show_count",
    "expired_count",
    "revoked_count",
    "transferred_out_count",
    "abandonment_rate",
    "no_show_rate",
    "service_level",
    "throughput_per_hour",
    "occupancy",
    "mean_waiting_count",
    "most_waiting_count",
)


@strawberry.type(description="The figures of one span of a series.")
class AnalyticsPoint:
    starts_at: datetime = strawberry.field(description="The first instant of the span.")
    ends_at: datetime = strawberry.field(description="The first instant after it.")
    figures: AnalyticsFigures = strawberry.field(description="What happened in it.")

    @classmethod
    def of(cls, point: counted.Point) -> "AnalyticsPoint":
        """From what was counted."""
        return cls(starts_at=point.period.starts, ends_at=point.period.ends, figures=AnalyticsFigures.of(point.figures))
