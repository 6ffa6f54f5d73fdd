"""How the benchmarks count: ratios, medians, and what a table shows. No measuring."""

import json
from pathlib import Path

import pytest

from bench import report
from bench.figures import (
    Comparison,
    Curve,
    Fact,
    Findings,
    Plot,
    Series,
    Target,
    percentile,
    shown,
    spread,
)


def comparison(measured: list[float], reference: list[float]) -> Comparison:
    return Comparison("joins", "/s", Series.of(measured), "pgbench", Series.of(reference))


def test_a_ratio_is_computed_round_by_round() -> None:
    # The second round was disturbed on both sides: the ratio does not show it.
    ratio = comparison([100.0, 10.0, 90.0], [200.0, 20.0, 100.0]).ratio

    assert ratio is not None
    assert ratio.values == (0.5, 0.5, 0.9)
    assert (ratio.median, ratio.least, ratio.most) == (0.5, 0.5, 0.9)


def test_rounds_without_a_partner_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _ = comparison([1.0, 2.0], [1.0]).ratio
    with pytest.raises(ValueError, match="at least one round"):
        Series.of([])


def test_a_reference_too_small_to_be_seen_gives_no_ratio() -> None:
    assert comparison([1.0, 2.0], [0.5, 0.0]).ratio is None
    assert spread(None) == "–"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)], ids=["least", "median", "p99", "most"]
)
def test_percentiles_are_values_that_occurred(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (1.005, "1"),
        (9.876, "9.88"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
    ],
)
def test_numbers_are_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_spread_is_median_least_and_most() -> None:
    assert spread(Series.of([3.0, 1.0, 2.0])) == "2 (1–3)"
    assert spread(Series.of([2.0])) == "2"


def test_a_run_is_written_as_json_and_markdown(tmp_path: Path) -> None:
    findings = Findings([comparison([100.0, 90.0], [200.0, 200.0])], [Fact("bytes of an update", "182")])
    run = report.Run("python -m bench", "tiny", "2026-01-02 03:04+00:00", 12.0, [Fact("memory", "4 GB")], findings)

    written = report.write(run, tmp_path / "results")
    report.write_document(run, tmp_path / "benchmarks.md")
    document = (tmp_path / "benchmarks.md").read_text()

    row = "| joins | /s | 95.0 (90.0–100) | pgbench | 200 (200–200) | 0.475 (0.45–0.5) |"
    assert row in written[1].read_text().splitlines()
    assert row in document.splitlines()
    assert "| memory | 4 GB |" in document
    [kept] = json.loads(written[0].read_text())["comparisons"]
    assert kept["ratio"] == {"median": 0.475, "least": 0.45, "most": 0.5, "rounds": [0.5, 0.45]}


def test_a_target_is_held_against_the_median() -> None:
    at_most = Comparison("cpu", "µs", Series.of([1.0, 1.4, 9.0]), "limit", Series.of([1.0, 1.0, 1.0]), Target(1.5))
    missed = Comparison("cpu", "µs", Series.of([1.6]), "limit", Series.of([1.0]), Target(1.5))
    rate = Comparison("rate", "/s", Series.of([500.0]), "limit", Series.of([1.0]), Target(500, False, at_least=True))
    unseen = Comparison("cpu", "µs", Series.of([1.0]), "limit", Series.of([0.0]), Target(1.5))

    assert [each.is_met for each in (at_most, missed, rate, unseen)] == [True, False, True, None]


def test_targets_stand_first_and_pictures_beside_the_page(tmp_path: Path) -> None:
    judged = Comparison("cpu", "µs", Series.of([2.0]), "limit", Series.of([1.0]), Target(1.5))
    picture = Plot("memory", "Memory", "s", "MB", [Curve("ours", [(0.0, 0.0), (1.0, 2.0)])])
    findings = Findings([comparison([1.0], [2.0]), judged], [], [picture], ["soak: AssertionError: 3 of 10 are wrong"])
    run = report.Run("python -m bench", "tiny", "2026-01-02 03:04+00:00", 12.0, [], findings, ["**This** and that."])

    written = report.write_document(run, tmp_path / "benchmarks.md")
    document = (tmp_path / "benchmarks.md").read_text()

    assert written == [tmp_path / "benchmarks.md", tmp_path / "benchmarks" / "memory.svg"]
    assert document.index("- soak: AssertionError: 3 of 10 are wrong") < document.index("## Targets")
    assert "| cpu | µs | 2 | limit | 1 | 2 | ratio ≤ 1.5 | **no** |" in document
    assert document.index("## Targets") < document.index("| cpu |") < document.index("## Other figures")
    assert document.index("## Other figures") < document.index("| joins | /s | 1 | pgbench | 2 | 0.5 |")
    assert "![Memory](benchmarks/memory.svg)" in document
    assert "- **This** and that." in document
