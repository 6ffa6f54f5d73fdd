"""The plots of a report, drawn once for paper and browser: axes, lines with gaps, stacked bars, a heat map.

They are given numbers and labels; what these mean is `drawn.py`'s business.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import Color, HexColor

from app.reports.rendering import fonts

WIDTH: Final = 500.0
HEIGHT: Final = 190.0
_LEFT, _RIGHT, _BOTTOM, _TOP = 46.0, 8.0, 24.0, 22.0
_SMALL: Final = 7.5
_INK, _GRID, _PAPER = HexColor("#333333"), HexColor("#dddddd"), HexColor("#ffffff")
# Told apart by most who see few colours (Okabe and Ito).
COLOURS: Final = tuple(HexColor(each) for each in ("#0072b2", "#e69f00", "#cc3311", "#009e73"))
_PALE, _DARK = (0.93, 0.96, 0.98), (0.0, 0.27, 0.46)
# So that the hours that are named are the same every day.
_EVERY = (1, 2, 3, 4, 6, 12, 24)

Shown = Callable[[str], str]
"""How a text has to be written down: for paper turned round where it runs from right to left, else as it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers that belong together, one for each label; None: there is none."""

    name: str
    values: Sequence[float | None]


class Plot:
    """A sheet with a vertical scale from 0 on."""

    def __init__(
        self, shown: Shown, labels: Sequence[str], most: float, written: Callable[[float], str], *, unit: str = ""
    ) -> None:
        self.drawing = Drawing(WIDTH, HEIGHT)
        self._shown, self._labels = shown, labels
        self._step, self._top = _scale(most)
        self._axes(written)
        if unit:
            write(self.drawing, 0, HEIGHT - 11, shown(unit))

    def lines(self, rows: Sequence[Row]) -> None:
        """A line for each row, with gaps where there is no number; a number between gaps is a dot."""
        for row, colour in zip(rows, COLOURS, strict=False):
            for stretch in _stretches([(self._x(at), value) for at, value in enumerate(row.values)]):
                points = [(x, self._y(value)) for x, value in stretch]
                if len(points) > 1:
                    flat = [each for point in points for each in point]
                    self.drawing.add(PolyLine(flat, strokeColor=colour, strokeWidth=1.4, strokeLineJoin=1))
                if len(points) == 1 or len(row.values) <= 32:
                    for x, y in points:
                        self.drawing.add(Circle(x, y, 1.6, fillColor=colour, strokeColor=None))
        self._legend([row.name for row in rows])

    def bars(self, rows: Sequence[Row]) -> None:
        """For each label a bar, of the rows' numbers one on the other."""
        wide = self._slot * 0.7
        for at in range(len(self._labels)):
            below = 0.0
            for row, colour in zip(rows, COLOURS, strict=False):
                value = row.values[at] or 0.0
                if value <= 0:
                    continue
                y, above = self._y(below), self._y(below + value)
                x = self._x(at) - wide / 2
                self.drawing.add(_field(x, y, wide, above - y, colour))
                below += value
        if len(rows) > 1:
            self._legend([row.name for row in rows])

    @property
    def _slot(self) -> float:
        return (WIDTH - _LEFT - _RIGHT) / max(1, len(self._labels))

    def _x(self, at: int) -> float:
        return _LEFT + self._slot * (at + 0.5)

    def _y(self, value: float) -> float:
        return _BOTTOM + (HEIGHT - _BOTTOM - _TOP) * min(value, self._top) / self._top

    def _axes(self, written: Callable[[float], str]) -> None:
        for number in range(round(self._top / self._step) + 1):
            value = number * self._step
            y = self._y(value)
            self.drawing.add(Line(_LEFT, y, WIDTH - _RIGHT, y, strokeColor=_GRID if number else _INK, strokeWidth=0.5))
            write(self.drawing, _LEFT - 4, y - 2.5, self._shown(written(value)), anchor="end")
        drawn = [self._shown(each) for each in self._labels]
        every = _every(len(drawn), self._slot, max((fonts.width(each, _SMALL) for each in drawn), default=0.0))
        for at in range(0, len(drawn), every):
            write(self.drawing, self._x(at), _BOTTOM - 11, drawn[at], anchor="middle")

    def _legend(self, names: Sequence[str]) -> None:
        x = _LEFT
        for name, colour in zip(names, COLOURS, strict=False):
            self.drawing.add(_field(x, HEIGHT - 12, 8, 8, colour))
            drawn = self._shown(name)
            write(self.drawing, x + 11, HEIGHT - 11, drawn)
            x += 11 + fonts.width(drawn, _SMALL) + 14


def heat_map(shown: Shown, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]]) -> Drawing:
    """A field for each row and column: the larger its number, the darker; the number is written in it."""
    high = 15.0
    height = _BOTTOM + high * len(rows)
    drawing = Drawing(WIDTH, height)
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    most = max((value for line in values for value in line), default=0.0)
    for number, (name, line) in enumerate(zip(rows, values, strict=True)):
        y = height - high * (number + 1)
        write(drawing, _LEFT - 4, y + 5, shown(fonts.shortened(name, _LEFT - 5, _SMALL)), anchor="end")
        for at, value in enumerate(line):
            share = value / most if most else 0.0
            x = _LEFT + wide * at
            drawing.add(_field(x, y, wide, high, _between(share), edge=_PAPER))
            if value:
                text = f"{value:.0f}" if value >= 9.95 or value == int(value) else f"{value:.1f}"
                ink = _PAPER if share > 0.55 else _INK
                write(drawing, x + wide / 2, y + 5.2, text, size=min(6.0, wide / 3), anchor="middle", colour=ink)
    for at in range(0, len(columns), 2):
        write(drawing, _LEFT + wide * (at + 0.5), _BOTTOM - 11, shown(columns[at]), anchor="middle")
    return drawing


def write(
    drawing: Drawing,
    x: float,
    y: float,
    text: str,
    *,
    size: float = _SMALL,
    anchor: Literal["start", "middle", "end"] = "start",
    colour: Color = _INK,
) -> None:
    """A line of text: as many pieces as it needs fonts."""
    if not text:
        return
    found = fonts.pieces(text)
    if len(found) == 1:
        drawing.add(
            String(x, y, found[0].text, fontName=found[0].font, fontSize=size, textAnchor=anchor, fillColor=colour)
        )
        return
    x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * fonts.width(text, size)
    for piece in found:
        drawing.add(String(x, y, piece.text, fontName=piece.font, fontSize=size, fillColor=colour))
        x += fonts.width(piece.text, size)


def _field(x: float, y: float, wide: float, high: float, colour: Color, edge: Color | None = None) -> Rect:
    looks: dict[str, Any] = {"fillColor": colour, "strokeColor": edge, "strokeWidth": 0.6}
    return Rect(x, y, wide, high, **looks)


def _scale(most: float) -> tuple[float, float]:
    """The step of a scale and its end: 1, 2 or 5 and noughts, four to eight steps."""
    if not most > 0:
        return 1.0, 4.0
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(power * each for each in (1.0, 2.0, 5.0, 10.0) if most / (power * each) <= 8)
    return step, step * max(1, math.ceil(most / step - 1e-9))


def _every(count: int, slot: float, widest: float) -> int:
    """How many labels further the next one is that there is room for."""
    least = max(1, math.ceil((widest + 5) / slot)) if count else 1
    return next((each for each in _EVERY if each >= least), math.ceil(least / 24) * 24)


def _stretches(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    found: list[list[tuple[float, float]]] = [[]]
    for x, value in points:
        if value is None:
            found.append([])
        else:
            found[-1].append((x, value))
    return [each for each in found if each]


def _between(share: float) -> Color:
    return Color(*(pale + (dark - pale) * share for pale, dark in zip(_PALE, _DARK, strict=True)))
