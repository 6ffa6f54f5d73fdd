"""Writes what was found: a table for the terminal, JSON and Markdown for later, the page of the documentation.

Nothing in it is typed by hand but the explanations.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import plots
from bench.figures import Comparison, Fact, Findings, Series, shown, spread

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

_INTRODUCTION = """# Benchmarks

What things cost, each figure beside a reference measured in the same run, on the same servers, in turn with it. A ratio
is computed round by round, so what disturbs a whole round cancels out; shown are medians, with the lowest and the
highest round in parentheses. Of rates more is better, of times and memory less. A target is held against the median.

This page is written by the benchmark itself (`{command}`). A run starts servers of its own in a temporary directory
(PostgreSQL and Valkey as `vq up` has them, durable commits, `vq serve`, `vq relay`; no worker) and ends them.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run."""

    command: str
    scale: str
    began_at: str
    seconds: float
    machine: list[Fact]
    findings: Findings
    about: Sequence[str] = ()
    """What each benchmark compares, as Markdown."""


def show(console: Console, run: Run) -> None:
    """Print a line for each figure: tables of eight columns do not fit a terminal."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"Figures ({run.scale}, {run.seconds:.0f} s): median (lowest–highest round)")
    for failure in run.findings.failures:
        say(f"FAILED: {failure}")
    for comparison in run.findings.comparisons:
        figure, unit, measured, name, reference, ratio, target, met = _row(comparison)
        judged = f"; target {target}: {met.strip('*')}" if target else ""
        say(f"{figure}: {measured} {unit}; {name}: {reference} {unit}; ratio {ratio}{judged}")
    for fact in [*run.findings.facts, *run.machine]:
        say(f"{fact.name}: {fact.value}")


def write(run: Run, directory: Path) -> list[Path]:
    """Write `latest.json` and `latest.md`."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / "latest.json", directory / "latest.md"]
    paths[0].write_text(json.dumps(_as_json(run), indent=2, ensure_ascii=False) + "\n")
    paths[1].write_text(_figures(run))
    return paths


def write_document(run: Run, path: Path) -> list[Path]:
    """Write the page of the documentation, and its pictures into the directory of the same name beside it."""
    parts = [_INTRODUCTION.format(command=run.command), _figures(run)]
    written = [path]
    pictures = path.with_suffix("")
    for plot in run.findings.plots:
        pictures.mkdir(exist_ok=True)
        picture = pictures / f"{plot.name}.svg"
        picture.write_text(plots.drawn(plot))
        written.append(picture)
        parts.append(f"![{plot.title}]({pictures.name}/{picture.name})\n")
    parts.append("## What is compared with what\n")
    parts += [f"- {about}" for about in run.about]
    path.write_text("\n".join(parts) + "\n")
    return written


_HEAD = ("figure", "unit", "measured", "reference", "its figure", "ratio", "target", "met")


def _row(comparison: Comparison) -> tuple[str, ...]:
    return (
        comparison.figure,
        comparison.unit,
        spread(comparison.measured),
        comparison.reference_name,
        spread(comparison.reference),
        spread(comparison.ratio),
        *_target(comparison),
    )


def _target(comparison: Comparison) -> tuple[str, str]:
    if (target := comparison.target) is None:
        return "", ""
    bound = f"{'≥' if target.at_least else '≤'} {shown(target.bound)}"
    text = f"ratio {bound}" if target.is_of_ratio else f"{bound} {comparison.unit}"
    return text, {True: "yes", False: "**no**", None: "not measurable"}[comparison.is_met]


def _figures(run: Run) -> str:
    rows = [(comparison.target is not None, _row(comparison)) for comparison in run.findings.comparisons]
    judged, others = ([row for is_judged, row in rows if is_judged is wanted] for wanted in (True, False))
    parts = []
    if run.findings.failures:
        parts += ["## Failed\n", *(f"- {failure}" for failure in run.findings.failures), ""]
    if judged:
        parts += ["## Targets\n", _table(_HEAD, judged, right=(2, 4, 5)), ""]
    if others:
        parts += ["## Other figures\n", _table(_HEAD[:-2], [row[:-2] for row in others], right=(2, 4, 5)), ""]
    about = [
        Fact("command", f"`{run.command}`"),
        Fact("began", run.began_at),
        Fact("took", f"{run.seconds:.0f} s"),
        *run.machine,
    ]
    return "\n".join(
        (
            *parts,
            "## Beside them\n",
            _facts(run.findings.facts),
            "\n## The run\n",
            _facts(about),
            "",
        )
    )


def _facts(facts: Sequence[Fact]) -> str:
    return _table(("what", "value"), [(fact.name, fact.value) for fact in facts])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = ["--:" if number in right else "---" for number in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def _as_json(run: Run) -> dict[str, object]:
    return {
        "command": run.command,
        "scale": run.scale,
        "beganAt": run.began_at,
        "seconds": round(run.seconds, 1),
        "comparisons": [
            {
                "figure": each.figure,
                "unit": each.unit,
                "measured": _numbers(each.measured),
                "reference": {"name": each.reference_name, **_numbers(each.reference)},
                "ratio": _numbers(each.ratio),
                "target": None if each.target is None else {"text": _target(each)[0], "isMet": each.is_met},
            }
            for each in run.findings.comparisons
        ],
        "failures": run.findings.failures,
        "facts": {fact.name: fact.value for fact in run.findings.facts},
        "machine": {fact.name: fact.value for fact in run.machine},
    }


def _numbers(series: Series | None) -> dict[str, object]:
    if series is None:
        return {}
    return {"median": series.median, "least": series.least, "most": series.most, "rounds": list(series.values)}
