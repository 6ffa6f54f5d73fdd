"""The benchmarks themselves, with tiny numbers, started as `make bench` starts them. No figure is judged here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stage import REPOSITORY

pytestmark = pytest.mark.processes

NODE = ["Mercurius + pg", "Mercurius + pg, pipelining"] if shutil.which("npm") else []
BESIDE = ["a mutation that does nothing", "constants in the product's types", *NODE]
SQL = "the bare SQL by pgbench, one by one"
FIGURES = [
    *(("joins, 2 clients", reference) for reference in [*BESIDE, SQL]),
    *(("joins, 2 clients: CPU of the server per join", reference) for reference in BESIDE),
    ("call-next, 2 staff", SQL),
    ("joins, 2 clients, --workers 2", "--workers 1"),
]
LONG_LINES = [
    *(
        (figure, "in a line of 20")
        for figure in (
            "position in a line of 400: median of one client",
            "position in a line of 400: CPU of the server, 16 clients",
            "a call in a line of 400, 10 subscribers: last update, after sending the call",
            "a call in a line of 400, 10 subscribers: CPU of the server",
        )
    ),
    *(
        (f"a line of 400: {figure}", "a sorted list of tuples and a dict of them")
        for figure in (
            "loading it",
            "one position",
            "memory per waiting session",
            "reading and applying a join",
            "reading and applying a cancellation in the middle",
            "reading and applying a call",
        )
    ),
]


def test_every_benchmark_runs_and_says_what_it_is_compared_with(tmp_path: Path) -> None:
    """In one run, because the servers take longer to start than the tiny numbers."""
    only = [part for name in ("joins", "calls", "long-lines") for part in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--scale", "tiny", *only, "--results", tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    written = json.loads((tmp_path / "latest.json").read_text())
    found = [(each["figure"], each["reference"]["name"]) for each in written["comparisons"]]
    assert sorted(found) == sorted(FIGURES + LONG_LINES)
    for each in written["comparisons"]:
        [measured], [reference] = each["measured"]["rounds"], each["reference"]["rounds"]
        # A few hundred sessions may fit into memory the process has already.
        assert measured > 0 or "memory" in each["figure"]
        if reference > 0:
            assert each["ratio"]["rounds"] == [measured / reference]
