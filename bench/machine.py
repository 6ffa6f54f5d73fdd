"""What a run ran on: machine, programs, load. Read, never assumed."""

import os
import platform
import re
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from bench import cores
from bench.figures import Fact
from bench.live import native, node_packages
from bench.stage import Stage

_PACKAGES = ("strawberry-graphql", "graphql-core", "sqlalchemy", "asyncpg", "uvicorn", "websockets", "uvloop")


class Load:
    """How busy the machine was from now on, and with whom."""

    def __init__(self) -> None:
        self._averages = _averages()
        self._began = time.monotonic()
        self._busy, self._ours = _busy_seconds(), _own_seconds()

    def facts(self) -> list[Fact]:
        """To be asked when everything of ours has ended: what a child used is known only then."""
        available = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        ours = _own_seconds() - self._ours
        others = max(0.0, _busy_seconds() - self._busy - ours)
        return [
            Fact("load averages before and after", f"{self._averages} → {_averages()}"),
            Fact(
                "CPU of the machine",
                f"{ours / available:.0%} this run, {others / available:.0%} other programs and PostgreSQL",
            ),
        ]


def _averages() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0) + times.nice)


def _own_seconds() -> float:
    """Ours and that of all descendants that have ended and been waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def facts(stage: Stage) -> list[Fact]:
    """Machine and programs."""
    connection = await stage.connect()
    try:
        postgres = await connection.fetchval("show server_version")
        fsync = await connection.fetchval(
            "select current_setting('fsync') || ', ' || current_setting('synchronous_commit')"
        )
    finally:
        await connection.close()
    memory = psutil.virtual_memory().total / 2**30
    return [
        Fact("processor", f"{_processor()}, {os.cpu_count()} cores"),
        Fact("cores", cores.described()),
        Fact("clients of the fan-out", _crowd()),
        Fact("Node's servers", _node()),
        Fact("memory", f"{memory:.0f} GB"),
        Fact("system", f"{platform.system()} {platform.release()}, {_file_system(stage.root)}"),
        Fact("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        Fact("PostgreSQL", f"{postgres}, on a unix socket; fsync, synchronous_commit: {fsync}"),
        Fact("packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
    ]


def _crowd() -> str:
    if native.compiler() is None:
        return "in Python, there being no C compiler: at several µs an update they may be the bottleneck; no limit in C"
    return f"in C, built with {_first_line([native.compiler() or '', '--version'])}"


def _node() -> str:
    if shutil.which("npm") is None:
        return "missing, there being no Node"
    packages = ", ".join(f"{name} {number}" for name, number in node_packages.versions().items())
    return f"Node {_first_line(['node', '--version'])}; {packages}"


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["of an unknown version"])[0]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.machine()


def _file_system(path: Path) -> str:
    mounts = [each for each in psutil.disk_partitions(all=True) if path.is_relative_to(each.mountpoint)]
    return max(mounts, key=lambda each: len(each.mountpoint)).fstype if mounts else "unknown file system"
