"""Numbers of a run: rounds of one quantity, and one quantity against its reference. Plain values, no measuring."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity, once per round."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Series":
        """From a non-empty sequence."""
        if not values:
            raise ValueError("a series needs at least one round")
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.values)

    @property
    def least(self) -> float:
        """The lowest round."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The highest round."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Target:
    """What the median is held against: the ratio to the reference or, `is_of_ratio` false, the figure itself."""

    bound: float
    is_of_ratio: bool = True
    at_least: bool = False
    """Whether more is better; else the bound is the most that is allowed."""

    def allows(self, value: float) -> bool:
        """Whether a value is within."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured against what, in the same rounds."""

    figure: str
    unit: str
    measured: Series
    reference_name: str
    reference: Series
    target: Target | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without a target, or where there is no ratio to hold against it."""
        if self.target is None:
            return None
        judged = self.ratio if self.target.is_of_ratio else self.measured
        return None if judged is None else self.target.allows(judged.median)

    @property
    def ratio(self) -> Series | None:
        """Measured ÷ reference, round by round: what disturbed a whole round cancels out.

        None where the reference was too small to be seen, as the memory of ten sockets may be.
        """
        pairs = list(zip(self.measured.values, self.reference.values, strict=True))
        if any(reference <= 0 for _, reference in pairs):
            return None
        return Series.of([measured / reference for measured, reference in pairs])


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that explains others and has no reference of its own."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture for the report: curves, or bars where every curve has one point (its y)."""

    name: str
    """Of the file, without its ending."""
    title: str
    x: str
    y: str
    curves: Sequence[Curve]
    is_bars: bool = False
    x_is_log: bool = False


@dataclass(slots=True)
class Findings:
    """What one benchmark found."""

    comparisons: list[Comparison] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Benchmarks that could not be finished, or found the server doing something wrong."""

    def add(self, other: "Findings") -> None:
        """Take over another benchmark's."""
        self.comparisons += other.comparisons
        self.facts += other.facts
        self.plots += other.plots
        self.failures += other.failures


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered), round(share * len(ordered))) - 1)]


def shown(value: float) -> str:
    """Three significant digits, thousands separated; a table is compared by eye."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def spread(series: Series | None) -> str:
    """`median (least–most)`; the median alone where there was one round; a dash where there is nothing."""
    if series is None:
        return "–"
    if len(series.values) == 1:
        return shown(series.median)
    return f"{shown(series.median)} ({shown(series.least)}–{shown(series.most)})"
