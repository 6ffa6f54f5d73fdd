"""The benchmarks of the fan-out, with tiny numbers, started as `make bench` starts them. No figure is judged here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.live import native
from bench.stage import REPOSITORY

pytestmark = pytest.mark.processes

_SERVERS = [
    *(["C with epoll, ready-made frames"] if native.compiler() else []),
    "Python protocol, ready-made frames",
    *(
        [
            "Node ws, ready-made frames",
            "Node graphql-ws + graphql-jit",
            "Node graphql-ws",
            "Node Mercurius",
        ]
        if shutil.which("npm")
        else []
    ),
    "Strawberry, a generator per subscriber",
]
_HTTP = "HTTP during a fan-out to 10 sockets at 4 events/s"
_STALLED = "2 of 10 sockets stop reading for 1 s under 100 events/s"
_SOAK = "soak of 2 s, 10 sockets, a call a second, 20 joins/s"
_BESIDE = {
    f"{_HTTP}: p99": "ratio ≤ 3",
    f"{_STALLED}: the others' p99": "ratio ≤ 2",
    f"{_STALLED}: closed, or current after they resume": "ratio ≥ 1",
    f"{_STALLED}: growth of the server's memory": "≤ 10.0 MB",
    f"{_SOAK}: still open, with the right last position": "ratio ≥ 1",
}


def run(results: Path, *arguments: str) -> dict[str, Any]:
    """A run's `latest.json`."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--scale", "tiny", "--results", results, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(json.loads((results / "latest.json").read_text()))


def test_every_benchmark_runs_and_says_what_it_is_compared_with(tmp_path: Path) -> None:
    """In one run, because the servers take longer to start than the tiny numbers.

    But `memory`, which has to wait for many updates: `tests/fanout/test_parked.py` watches that.
    """
    names = ("fanout", "beside", "stalled", "soak")
    written = run(tmp_path, *(part for name in names for part in ("--only", name)), "--soak", "2")

    _every_server_does_the_same_work(written)
    _what_happens_beside_is_measured(written)
    targets = sorted(each["target"]["text"] for each in written["comparisons"] if each["target"])
    of_node = ["ratio ≤ 0.33", "ratio ≤ 1"] if shutil.which("npm") else []
    own = ["ratio ≤ 1.3", "ratio ≤ 1.5", "ratio ≤ 1.6", "≤ 1 ms", "≤ 40.0 KB", "≥ 500 /s"]
    assert targets == sorted([*of_node, *own, *_BESIDE.values()])


def _every_server_does_the_same_work(written: dict[str, Any]) -> None:
    for sockets in (5, 10):
        for figure in ("server CPU per update", "p99 from sending the event to the delivery"):
            title = f"fan-out to {sockets} sockets: {figure}"
            rows = [each for each in written["comparisons"] if each["figure"] == title]
            names = [each["reference"]["name"].removesuffix(" (the best of Node's GraphQL servers)") for each in rows]
            assert names == _SERVERS
            for row in rows:
                [measured], [reference] = row["measured"]["rounds"], row["reference"]["rounds"]
                # Of a few updates the processor time may be too small to be seen; then there is no ratio.
                assert measured > 0 or "CPU" in figure
                assert row["ratio"].get("rounds") == ([measured / reference] if reference > 0 else None)
        # One number: an odd server would be named behind it.
        assert written["facts"][f"fan-out to {sockets} sockets: bytes of an update"].isdigit()
        assert written["facts"][f"fan-out to {sockets} sockets: updates that nothing explains"] == "0"


def _what_happens_beside_is_measured(written: dict[str, Any]) -> None:
    figures = {each["figure"]: each for each in written["comparisons"]}
    assert {name: figures[name]["target"]["text"] for name in _BESIDE} == _BESIDE
    assert figures[f"{_STALLED}: closed, or current after they resume"]["measured"]["rounds"] == [2.0]
    assert figures[f"{_SOAK}: still open, with the right last position"]["measured"]["rounds"] == [10.0]
    assert written["facts"][f"{_SOAK}: done meanwhile"].startswith("2 calls, ")
    assert written["facts"][f"{_HTTP}: events"].endswith("0 sockets were behind 30 s later")
