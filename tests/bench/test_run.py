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
    *(
        (figure, reference)
        for clients in ("1 client", "2 clients")
        for figure, references in (
            (f"joins, {clients}", [*BESIDE, SQL]),
            (f"joins, {clients}: CPU of the server per join", BESIDE),
        )
        for reference in references
    ),
    ("call-next, 1 staff", SQL),
    ("call-next, 2 staff", SQL),
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
