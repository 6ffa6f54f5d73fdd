"""Draws the pictures of the report as SVG, by hand: a dependency for three plots would be the largest thing here.

It knows curves and bars, linear and logarithmic x, and nothing else.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

from bench.figures import Plot, shown

_WIDTH, _HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 290, 44, 52
# Told apart by people who do not see all colours (Okabe and Ito), and by the order of the legend.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B", "#7F7F7F")
_TICKS = 5
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}"
    ".axis{stroke:#444;fill:none}.grid{stroke:#ddd}.curve{fill:none;stroke-width:1.8}"
)

Scale = Callable[[float], float]


def drawn(plot: Plot) -> str:
    """The picture."""
    body = _bars(plot) if plot.is_bars else _curves(plot)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{escape(plot.title)}</title><style>{_STYLE}</style>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<text class="title" x="{_LEFT}" y="24">{escape(plot.title)}</text>{"".join(body)}</svg>\n'
    )


def _curves(plot: Plot) -> list[str]:
    xs = [x for curve in plot.curves for x, _ in curve.points]
    most_y = max(y for curve in plot.curves for _, y in curve.points)
    x_ticks = _powers(min(xs), max(xs)) if plot.x_is_log else _steps(min(0.0, *xs), max(xs))
    y_ticks = _steps(0.0, most_y)
    across = _scale(x_ticks[0], x_ticks[-1], _LEFT, _WIDTH - _RIGHT, is_log=plot.x_is_log)
    up = _scale(0.0, y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = _axes(plot, across, x_ticks, up, y_ticks)
    for number, curve in enumerate(plot.curves):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve.points)
        parts.append(f'<polyline class="curve" stroke="{colour}" points="{line}"/>')
        parts += _legend(number, curve.name, colour)
    return parts


def _bars(plot: Plot) -> list[str]:
    """Lying: names of servers are long."""
    values = [curve.points[0][1] for curve in plot.curves]
    ticks = _steps(0.0, max(values))
    left = _RIGHT + 10
    across = _scale(0.0, ticks[-1], left, _WIDTH - 70)
    room = (_HEIGHT - _TOP - _BOTTOM) / len(values)
    foot = _HEIGHT - _BOTTOM
    parts = [
        f'<line class="grid" x1="{across(tick):.1f}" x2="{across(tick):.1f}" y1="{_TOP}" y2="{foot}"/>'
        f'<text text-anchor="middle" x="{across(tick):.1f}" y="{foot + 18}">{tick:,.6g}</text>'
        for tick in ticks
    ]
    parts.append(
        f'<text text-anchor="middle" x="{(left + _WIDTH - 70) / 2}" y="{_HEIGHT - 12}">{escape(plot.x)}</text>'
    )
    for number, (curve, value) in enumerate(zip(plot.curves, values, strict=True)):
        top, middle = _TOP + number * room + room * 0.15, _TOP + (number + 0.5) * room + 4
        parts.append(
            f'<rect x="{left}" y="{top:.1f}" width="{across(value) - left:.1f}" height="{room * 0.7:.1f}"'
            f' fill="{_COLOURS[0] if number == 0 else _COLOURS[8]}"/>'
            f'<text text-anchor="end" x="{left - 8}" y="{middle:.1f}">{escape(curve.name)}</text>'
            f'<text x="{across(value) + 6:.1f}" y="{middle:.1f}">{shown(value)}</text>'
        )
    return parts


def _axes(plot: Plot, across: Scale, x_ticks: Sequence[float], up: Scale, y_ticks: Sequence[float]) -> list[str]:
    right, foot, middle = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, (_TOP + _HEIGHT - _BOTTOM) / 2
    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text text-anchor="end" x="{_LEFT - 8}" y="{up(tick) + 4:.1f}">{tick:,.6g}</text>'
        for tick in y_ticks
    ]
    parts += [
        f'<text text-anchor="middle" x="{across(tick):.1f}" y="{foot + 18}">{tick:,.6g}</text>' for tick in x_ticks
    ]
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{foot}H{right}"/>')
    parts.append(f'<text text-anchor="middle" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 12}">{escape(plot.x)}</text>')
    parts.append(f'<text text-anchor="middle" transform="translate(18 {middle}) rotate(-90)">{escape(plot.y)}</text>')
    return parts


def _legend(number: int, name: str, colour: str) -> list[str]:
    x, y = _WIDTH - _RIGHT + 14, _TOP + 12 + number * 20
    stroke = f'<line class="curve" stroke="{colour}" x1="{x}" x2="{x + 18}" y1="{y - 4}" y2="{y - 4}"/>'
    return [stroke, f'<text x="{x + 24}" y="{y}">{escape(name)}</text>']


def _scale(low: float, high: float, start: float, end: float, *, is_log: bool = False) -> Scale:
    def linear(value: float) -> float:
        return start + (value - low) / ((high - low) or 1.0) * (end - start)

    def logarithmic(value: float) -> float:
        return start + math.log(max(value, low) / low) / math.log(high / low) * (end - start)

    return logarithmic if is_log else linear


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    raw = ((high - low) or 1.0) / _TICKS
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    first = math.floor(low / step)
    return [number * step for number in range(first, math.ceil(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]
