"""The benchmarks themselves, with tiny numbers, started as `make bench` starts them. No figure is judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stage import REPOSITORY

pytestmark = pytest.mark.processes

FIGURES = [
    ("joins, 1 client", "the same SQL by pgbench"),
    ("joins, 1 client", "a mutation that does nothing"),
    ("joins, 1 client: CPU of the API process per join", "a mutation that does nothing"),
    ("joins, 2 clients", "the same SQL by pgbench"),
    ("joins, 2 clients", "a mutation that does nothing"),
    ("joins, 2 clients: CPU of the API process per join", "a mutation that does nothing"),
    ("call-next, 1 staff", "the same SQL by pgbench"),
    ("call, start, complete, 1 staff", "the same SQL by pgbench"),
    ("call-next, 2 staff", "the same SQL by pgbench"),
    ("call, start, complete, 2 staff", "the same SQL by pgbench"),
]


def test_every_benchmark_runs_and_says_what_it_is_compared_with(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--scale", "tiny", "--only", "joins", "--only", "calls", "--results", tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    written = json.loads((tmp_path / "latest.json").read_text())
    found = [(each["figure"], each["reference"]["name"]) for each in written["comparisons"]]
    assert sorted(found) == sorted(FIGURES)
    for each in written["comparisons"]:
        [measured], [reference] = each["measured"]["rounds"], each["reference"]["rounds"]
        assert measured > 0
        if reference > 0:
            assert each["ratio"]["rounds"] == [measured / reference]
