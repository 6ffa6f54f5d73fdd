"""Writes what was found: a table for the terminal, JSON and Markdown for later, the page of the documentation.

Nothing in it is typed by hand but the explanations.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Comparison, Fact, Findings, Series, spread

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

_INTRODUCTION = """# Benchmarks

Baselines: what things cost today, each beside a reference measured in the same run, on the same servers, in turn with
it. They say where the product stands; making it faster is another matter. A ratio is computed round by round, so what
disturbs a whole round cancels out; shown are medians, with the lowest and the highest round in parentheses. Of rates
more is better, of times and memory less.

This page is written by the benchmark itself (`{command}`). A run starts servers of its own in a temporary directory
(PostgreSQL and Valkey as `vq up` has them, durable commits, `vq serve`, `vq relay`; no worker) and ends them.
"""

_EXPLANATIONS = """## What is compared with what

- **Joins**: the mutation `queueJoin` with an identifier, position and token in the answer, on one queue, over open
  connections; a client asks again as soon as it is answered. *The same SQL by pgbench*: before the run the application
  says what it sends to the database for one join; exactly these statements, in one transaction, with parameters and
  prepared, are run by `pgbench -M prepared` as the same role, with as many clients, on the same tables. Keys, times and
  numbers are made anew each time; what the product reads after the commit, to answer with the position, is not in it.
  *A mutation that does nothing*: `mutation Nothing { __typename }` on the same server.
- **Calls**: `queueCallNext` alone, each to another free counter; and the cycle `queueCallNext`, `sessionStart`,
  `sessionComplete` at one counter per member of staff. The reference is made as above. Everybody uses one access token.
- After every window the tables are held against what was answered: nobody called twice, nobody missing, the queue's
  log without a gap. The relay runs all the time and is idle when a window starts.
- **Fan-out**: sockets that watch `sessionChanged`, each of another visitor in one queue; a call moves them all by one.
  The reference is an ASGI application without GraphQL and database, on the same uvicorn, websocket class and options,
  that sends ready-made frames of the same size. CPU is the server process's (kernel included), with the call itself.
  Update times count from sending the call over HTTP. The sockets are held by a process of their own that costs a few
  microseconds an update; its share of a core stands below the figures. Every socket's last position is checked.
- **Memory**: growth of a fresh server's unique set size when everybody subscribes, or when a line is loaded.
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


def show(console: Console, run: Run) -> None:
    """Print the tables."""
    table = Table(title=f"Baselines ({run.scale}, {run.seconds:.0f} s): median (lowest–highest round)")
    for name in _HEAD:
        table.add_column(name)
    for comparison in run.findings.comparisons:
        table.add_row(*_row(comparison))
    console.print(table)
    for fact in [*run.findings.facts, *run.machine]:
        console.print(f"{fact.name}: {fact.value}", markup=False, highlight=False, soft_wrap=True)


def write(run: Run, directory: Path) -> list[Path]:
    """Write `latest.json` and `latest.md`."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / "latest.json", directory / "latest.md"]
    paths[0].write_text(json.dumps(_as_json(run), indent=2, ensure_ascii=False) + "\n")
    paths[1].write_text(_figures(run))
    return paths


def write_document(run: Run, path: Path) -> None:
    """Write the page of the documentation."""
    introduction = _INTRODUCTION.format(command=run.command)
    path.write_text("\n".join((introduction, _figures(run), _EXPLANATIONS)))


_HEAD = ("figure", "unit", "measured", "reference", "its figure", "ratio")


def _row(comparison: Comparison) -> tuple[str, ...]:
    return (
        comparison.figure,
        comparison.unit,
        spread(comparison.measured),
        comparison.reference_name,
        spread(comparison.reference),
        spread(comparison.ratio),
    )


def _figures(run: Run) -> str:
    rows = [_row(comparison) for comparison in run.findings.comparisons]
    table = _table(_HEAD, rows, right=(2, 4, 5))
    about = [
        Fact("command", f"`{run.command}`"),
        Fact("began", run.began_at),
        Fact("took", f"{run.seconds:.0f} s"),
        *run.machine,
    ]
    return "\n".join(
        (
            "## Figures\n",
            table,
            "\n## Beside them\n",
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
            }
            for each in run.findings.comparisons
        ],
        "facts": {fact.name: fact.value for fact in run.findings.facts},
        "machine": {fact.name: fact.value for fact in run.machine},
    }


def _numbers(series: Series | None) -> dict[str, object]:
    if series is None:
        return {}
    return {"median": series.median, "least": series.least, "most": series.most, "rounds": list(series.values)}
