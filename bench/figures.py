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
class Comparison:
    """What was measured against what, in the same rounds."""

    figure: str
    unit: str
    measured: Series
    reference_name: str
    reference: Series

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


@dataclass(slots=True)
class Findings:
    """What one benchmark found."""

    comparisons: list[Comparison] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Take over another benchmark's."""
        self.comparisons += other.comparisons
        self.facts += other.facts


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
