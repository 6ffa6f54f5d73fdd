"""The pictures of the report: well-formed SVG, with every curve in its place. No judging of taste."""

from xml.etree import ElementTree as ET

import pytest

from bench.figures import Curve, Plot
from bench.plots import drawn

SVG = "{http://www.w3.org/2000/svg}"


def plot(*curves: Curve, is_bars: bool = False, x_is_log: bool = False) -> ET.Element:
    return ET.fromstring(drawn(Plot("name", "Title <&>", "x", "y", curves, is_bars=is_bars, x_is_log=x_is_log)))


def points(picture: ET.Element) -> list[list[tuple[float, float]]]:
    return [
        [(float(pair.split(",")[0]), float(pair.split(",")[1])) for pair in line.attrib["points"].split()]
        for line in picture.iter(f"{SVG}polyline")
    ]


def texts(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_a_curve_runs_from_axis_to_axis() -> None:
    picture = plot(Curve("memory", [(0.0, 0.0), (5.0, 40.0), (10.0, 100.0)]), Curve("other", [(0.0, 50.0)]))

    first, other = points(picture)
    assert first == [(80.0, 368.0), (345.0, 238.4), (610.0, 44.0)]
    assert other == [(80.0, 206.0)]
    assert texts(picture)[0] == "Title <&>"
    assert {"memory", "other", "x", "y", "0", "10", "100"} <= set(texts(picture))


def test_a_logarithmic_axis_has_powers_of_ten() -> None:
    picture = plot(Curve("p99", [(1.0, 0.0), (10.0, 50.0), (1000.0, 100.0)]), x_is_log=True)

    [line] = points(picture)
    assert [x for x, _ in line] == [80.0, pytest.approx(80 + 530 / 3, abs=0.1), 610.0]
    assert {"1", "10", "100", "1,000"} <= set(texts(picture))


def test_a_bar_is_as_long_as_its_value() -> None:
    picture = plot(Curve("ours", [(0.0, 5.0)]), Curve("theirs", [(0.0, 10.0)]), is_bars=True)

    lengths = [float(bar.attrib["width"]) for bar in picture.iter(f"{SVG}rect")][1:]
    assert lengths == [265.0, 530.0]
    assert {"ours", "theirs", "5", "10.0"} <= set(texts(picture))


def test_a_curve_that_stands_still_can_be_drawn() -> None:
    assert points(plot(Curve("flat", [(0.0, 0.0), (1.0, 0.0)]))) == [[(80.0, 368.0), (610.0, 368.0)]]
