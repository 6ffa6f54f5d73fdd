"""A `vq up` of a test's own: started as a person would, watched from outside, ended in every way."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.commands.health import ask

START_SECONDS = 120.0
STOP_PROMISE_SECONDS = 5.0


def vq(*arguments: str, env: Mapping[str, str] | None = None, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=environment(env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others; wide, so that no message is wrapped."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("VQ_")}
    return mine | {"COLUMNS": "200"} | dict(settings)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)


@dataclass
class Run:
    """One data directory and port, and the `vq up` that runs there now."""

    data_dir: Path
    port: int
    extra: Mapping[str, str]
    arguments: Sequence[str]
    process: subprocess.Popen[str]

    @property
    def settings(self) -> dict[str, str]:
        return {"VQ_DATA_DIR": str(self.data_dir), "VQ_PORT": str(self.port)} | dict(self.extra)

    @property
    def output(self) -> str:
        return (self.data_dir.parent / "output").read_text()

    @property
    def ready(self) -> bool:
        return ask(f"http://127.0.0.1:{self.port}/health/ready") is None

    def children(self) -> dict[str, psutil.Process]:
        """What it runs right now, by name."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it ended just now
                command = " ".join(child.cmdline())
                if match := re.search(
                    r"app\.cli (serve|relay|worker|demo-site|mailbox)|(postgres) -D|(valkey|redis)-server", command
                ):
                    found[match[1] or match[2] or "valkey"] = child
        return found

    def family(self) -> list[psutil.Process]:
        """Everything it started, and what that started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def first_request(self) -> dict[str, object]:
        """The request of the banner, pasted into a shell."""
        line = next(line for line in self.output.splitlines() if line.startswith("curl "))
        answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=30)
        found: dict[str, object] = json.loads(answer.stdout)
        return found

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal to `vq up` alone and wait; exit code and seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(60), time.monotonic() - began

    def again(self) -> None:
        """Start it once more in the same place."""
        self.process = _start(self.data_dir, self.settings, self.arguments)
        _wait_until_up(self)


@contextmanager
def started(extra: Mapping[str, str] | None = None, *arguments: str) -> Iterator[Run]:
    """A `vq up` that shows its banner; whatever the test does, nothing is left."""
    directory = Path(tempfile.mkdtemp(prefix="vq-up-"))
    directory.chmod(0o711)  # as root the servers run under an account that has to get through
    data_dir, port = directory / "data", free_port()
    settings = {"VQ_DATA_DIR": str(data_dir), "VQ_PORT": str(port)} | dict(extra or {})
    run = Run(data_dir, port, extra or {}, arguments, _start(data_dir, settings, arguments))
    try:
        _wait_until_up(run)
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
            run.process.wait(60)
        shutil.rmtree(directory, ignore_errors=True)


def _start(data_dir: Path, settings: Mapping[str, str], arguments: Sequence[str]) -> subprocess.Popen[str]:
    with (data_dir.parent / "output").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up", *arguments],
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )


def _wait_until_up(run: Run) -> None:
    def up_or_over() -> bool:
        return run.process.poll() is not None or "\ncurl " in run.output

    until(up_or_over, START_SECONDS, f"the banner in\n{run.output}")
    assert run.process.poll() is None, run.output
