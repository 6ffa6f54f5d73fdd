"""The day as an SVG picture: people waiting, and waits by priority, replay beside source. Pure string building.

One self-contained file without scripts or fonts; it follows the reader's light or dark preference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from app.replay.plan import CREDIT_SECONDS, Wait, steps
from app.replay.report import percentile
from app.replay.source import SOURCE_NAME

WIDTH, LEFT, RIGHT = 1100, 64, 24
SHORT_SECONDS = 7_200
MEDIAN_SECONDS = 1_800
FEWEST_FOR_A_MEDIAN = 3

# Okabe and Ito's colours: told apart with any colour vision; the dark ones are the same hues, lighter.
LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
DARK = ("#5ab4e8", "#ff8c42", "#3fd0a4", "#e6a3c8", "#9ad4f5")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with its scales."""

    top: float
    height: float
    starts: float
    ends: float
    highest: float

    def x(self, second: float) -> float:
        return LEFT + (second - self.starts) / (self.ends - self.starts) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - min(value, self.highest) / self.highest)

    def path(self, points: Iterable[Point]) -> str:
        return "M" + "L".join(f"{self.x(second):.1f},{self.y(value):.1f}" for second, value in points)

    def area(self, points: Sequence[Point]) -> str:
        return self.path([(points[0][0], 0.0), *points, (points[-1][0], 0.0)]) + "Z"


def draw(
    day: str,
    speed: float,
    replay: Sequence[Wait],
    source: Sequence[Wait],
    credits: Mapping[int, float] = CREDIT_SECONDS,
    name: str = SOURCE_NAME,
) -> str:
    """The picture of a day; both parts of it must have somebody in them."""
    everybody = [*replay, *source]
    first, last = min(wait.joins for wait in everybody), max(wait.ends for wait in everybody)
    unit, bucket = (1800, 300) if last - first > SHORT_SECONDS else (600, 60)
    starts = first // unit * unit
    ends = max(-(-last // unit) * unit, starts + unit)
    ours, theirs = levels(replay, starts, ends, bucket), levels(source, starts, ends, bucket)
    most = max((level for _, level in (*ours, *theirs)), default=1.0)
    longest = max(wait.seconds for wait in replay) if replay else 60.0
    people = Panel(124, 200, starts, ends, _ceiling(most))
    waits = Panel(414, 300, starts, ends, _ceiling(longest / 60))
    priorities = sorted({wait.priority for wait in replay})
    body = [
        f'<text class="title" x="{LEFT}" y="34">A day in the line: {escape(day)}, replayed at speed {speed:g}</text>',
        f'<text class="note" x="{LEFT}" y="56">{escape(_summary(replay, source))}</text>',
        *_frame(people, f"People waiting (mean over {bucket // 60} min)", "people"),
        f'<path class="area" d="{people.area(ours)}"/>',
        f'<path class="line ours" d="{people.path(ours)}"/>',
        f'<path class="line source" d="{people.path(theirs)}"/>',
        *_legend(people.top - 14, [("swatch", "replay"), ("dash", "source")]),
        *_frame(waits, "Wait of each caller in the replay; lines: median of those called, by half hour", "minutes"),
    ]
    for wait in sorted(replay, key=lambda wait: wait.joins):
        colour = priorities.index(wait.priority) % len(LIGHT)
        kind = "gone" if wait.abandoned else "dot"
        body.append(
            f'<circle class="{kind} p{colour}" r="2" '
            f'cx="{waits.x(wait.joins):.1f}" cy="{waits.y(wait.seconds / 60):.1f}"/>'
        )
    for index, priority in enumerate(priorities):
        line = medians([wait for wait in replay if wait.priority == priority])
        if len(line) > 1:
            body.append(f'<path class="line p{index % len(LIGHT)}" d="{waits.path(line)}"/>')
    names = [(f"line p{index % len(LIGHT)}", _name(priority, credits)) for index, priority in enumerate(priorities)]
    body += _legend(waits.top - 14, [*names, ("ring", "hung up")])
    height = waits.top + waits.height + 74
    body.append(
        f'<text class="note" x="{LEFT}" y="{height - 16:.0f}">Source: {escape(name)}; time of day is the '
        "source’s, waits are the server’s multiplied by the speed.</text>"
    )
    label = escape(f"People waiting and waits over {day}, replay and source", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{label}">\n<style>{_style()}</style>\n'
        f'<rect class="page" width="100%" height="100%" rx="8"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def levels(waits: Iterable[Wait], starts: float, ends: float, bucket: int) -> list[Point]:
    """Mean number of people waiting per bucket, at the middle of the bucket."""
    count = max(1, round((ends - starts) / bucket))
    totals = [0.0] * count
    spans = (*steps((wait.joins, wait.ends) for wait in waits), (ends, 0))
    for (since, level), (until, _) in pairwise(spans):
        while level and since < until:
            index = min(int((since - starts) // bucket), count - 1)
            edge = min(until, starts + (index + 1) * bucket) if index < count - 1 else until
            totals[index] += level * (edge - since)
            since = edge
    return [(starts + (index + 0.5) * bucket, total / bucket) for index, total in enumerate(totals)]


def medians(waits: Iterable[Wait]) -> list[Point]:
    """Median minutes until the call per half hour of joining, where enough were called for one to mean something.

    Who hung up is left out: patience is not the line's doing.
    """
    buckets: dict[int, list[float]] = {}
    for wait in waits:
        if not wait.abandoned:
            buckets.setdefault(int(wait.joins // MEDIAN_SECONDS), []).append(wait.seconds / 60)
    return [
        ((bucket + 0.5) * MEDIAN_SECONDS, percentile(values, 0.5))
        for bucket, values in sorted(buckets.items())
        if len(values) >= FEWEST_FOR_A_MEDIAN
    ]


def _name(priority: int, credits: Mapping[int, float]) -> str:
    credit = credits.get(priority)
    return f"priority {priority}" + ("" if credit is None else f" ({credit:g} s of credit)")


def _summary(replay: Sequence[Wait], source: Sequence[Wait]) -> str:
    parts = []
    for name, waits in (("replay", replay), ("source", source)):
        gone = sum(wait.abandoned for wait in waits)
        mean = sum(wait.seconds for wait in waits) / max(1, len(waits))
        parts.append(f"{name}: {len(waits):,} callers, mean wait {mean:.0f} s, {gone:,} hung up")
    return "   |   ".join(parts)


def _ceiling(value: float) -> float:
    """A round number above `value` that divides into few ticks."""
    return next(
        top for top in (1, 2, 4, 5, 8, 10, 12, 15, 16, 20, 25, 30, 40, 50, 60, 80, 100, 200, 400, 10**6) if top >= value
    )


def _ticks(highest: float) -> list[float]:
    for count in (5, 4, 3, 2):
        if highest % count == 0:
            return [highest / count * index for index in range(count + 1)]
    return [0, highest]


def _frame(panel: Panel, title: str, unit: str) -> list[str]:
    parts = [f'<text class="head" x="{LEFT}" y="{panel.top - 32:.0f}">{escape(title)}</text>']
    for value in _ticks(panel.highest):
        y = panel.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">{value:g}</text>')
    middle = panel.top + panel.height / 2
    parts.append(
        f'<text class="axis" text-anchor="middle" transform="rotate(-90 18 {middle:.0f})" '
        f'x="18" y="{middle:.0f}">{unit}</text>'
    )
    bottom = panel.top + panel.height
    hours = int((panel.ends - panel.starts) // 3600)
    step = 3600 * max(1, round(hours / 12)) if hours > 2 else 600
    second = -(-panel.starts // step) * step
    while second <= panel.ends:
        x = panel.x(second)
        clock = f"{int(second // 3600):02d}:{int(second % 3600 // 60):02d}"
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.0f}" y2="{bottom + 5:.0f}"/>')
        parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{bottom + 19:.0f}">{clock}</text>')
        second += step
    parts.append(f'<text class="axis" text-anchor="end" x="{WIDTH - RIGHT}" y="{bottom + 36:.0f}">time of day</text>')
    return parts


def _legend(y: float, entries: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    x = float(LEFT)
    for kind, name in entries:
        match kind:
            case "swatch":
                parts.append(f'<rect class="area" x="{x:.0f}" y="{y - 9:.0f}" width="22" height="10"/>')
                parts.append(
                    f'<line class="line ours" x1="{x:.0f}" x2="{x + 22:.0f}" y1="{y - 9:.0f}" y2="{y - 9:.0f}"/>'
                )
            case "dash":
                parts.append(
                    f'<line class="line source" x1="{x:.0f}" x2="{x + 22:.0f}" y1="{y - 4:.0f}" y2="{y - 4:.0f}"/>'
                )
            case "ring":
                parts.append(f'<circle class="gone ring" cx="{x + 11:.0f}" cy="{y - 4:.0f}" r="3"/>')
            case _:
                parts.append(f'<line class="{kind}" x1="{x:.0f}" x2="{x + 22:.0f}" y1="{y - 4:.0f}" y2="{y - 4:.0f}"/>')
        parts.append(f'<text class="tick" x="{x + 28:.0f}" y="{y:.0f}">{escape(name)}</text>')
        x += 28 + 7 * len(name) + 24
    return parts


def _style() -> str:
    def colours(page: str, ink: str, faint: str, grid: str, lines: Sequence[str]) -> str:
        return (
            f".page{{fill:{page}}}.title,.head{{fill:{ink}}}.note,.tick,.axis{{fill:{faint}}}.grid{{stroke:{grid}}}"
            f".area{{fill:{lines[0]}}}.ours{{stroke:{lines[0]}}}.source{{stroke:{faint}}}.ring{{stroke:{faint}}}"
            + "".join(
                f".line.p{i},.gone.p{i}{{stroke:{colour}}}.dot.p{i}{{fill:{colour}}}" for i, colour in enumerate(lines)
            )
        )

    return (
        "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px}"
        ".title{font-size:20px;font-weight:600}.head{font-size:14px;font-weight:600}.note{font-size:13px}"
        ".grid{stroke-width:1}.line{fill:none;stroke-width:2;stroke-linejoin:round}.source{stroke-dasharray:5 3;"
        "stroke-width:1.5}.area{opacity:.22}.dot{opacity:.5}.gone{fill:none;opacity:.6}"
        + colours("#ffffff", "#1f2328", "#59636e", "#d8dee4", LIGHT)
        + "@media (prefers-color-scheme:dark){"
        + colours("#0d1117", "#e6edf3", "#9aa4af", "#30363d", DARK)
        + "}"
    )
