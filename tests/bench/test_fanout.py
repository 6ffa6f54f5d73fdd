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


def test_every_server_does_the_same_work_and_is_compared_with(tmp_path: Path) -> None:
    written = run(tmp_path, "--only", "fanout")

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
    targets = [each["target"]["text"] for each in written["comparisons"] if each["target"]]
    of_node = ["ratio ≤ 0.33", "ratio ≤ 1"] if shutil.which("npm") else []
    own = ["ratio ≤ 1.3", "ratio ≤ 1.5", "ratio ≤ 1.6", "≤ 1 ms", "≤ 40.0 KB", "≥ 500 /s"]
    assert sorted(targets) == sorted([*of_node, *own])


def test_memory_is_watched_on_both_paths(tmp_path: Path) -> None:
    written = run(tmp_path, "--only", "memory")

    assert [each["figure"] for each in written["comparisons"]][-2:] == [
        "server memory growth per million delivered updates, compiled path",
        "server memory growth per million delivered updates, ordinary path",
    ]


def test_what_happens_beside_is_measured_and_written_down(tmp_path: Path) -> None:
    written = run(tmp_path, "--only", "beside", "--only", "stalled", "--only", "soak", "--soak", "2")

    beside = "HTTP during a fan-out to 10 sockets at 4 events/s"
    stalled = "2 of 10 sockets stop reading for 1 s under 100 events/s"
    soak = "soak of 2 s, 10 sockets, a call a second, 20 joins/s"
    figures = {each["figure"]: each for each in written["comparisons"]}
    assert {name: each["target"]["text"] for name, each in figures.items()} == {
        f"{beside}: p99": "ratio ≤ 3",
        f"{stalled}: the others' p99": "ratio ≤ 2",
        f"{stalled}: closed, or current after they resume": "ratio ≥ 1",
        f"{stalled}: growth of the server's memory": "≤ 10.0 MB",
        f"{soak}: still open, with the right last position": "ratio ≥ 1",
    }
    assert figures[f"{stalled}: closed, or current after they resume"]["measured"]["rounds"] == [2.0]
    assert figures[f"{soak}: still open, with the right last position"]["measured"]["rounds"] == [10.0]
    assert written["facts"][f"{soak}: done meanwhile"].startswith("2 calls, ")
    assert written["facts"][f"{beside}: events"].endswith("0 sockets were behind 30 s later")
