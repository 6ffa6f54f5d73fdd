"""Keeps processes running: starts again what ended, slower each time it ends soon, and says so.

Knows daemons and time; what they are and when to give up is `vq up`'s business.
"""

import json
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.core.embedded.process import Daemon, end_processes

Say = Callable[[str], None]

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
# Whoever ran this long did not fail to start.
_STEADY_SECONDS = 30.0


@dataclass
class Kept:
    """A daemon that is to run until we end. `spawn` starts it without waiting."""

    daemon: Daemon
    spawn: Callable[[], None]
    started_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    due_at: float | None = None

    def check(self, now: float, say: Say) -> bool:
        """Notice an end, or start it again when its pause is over; True if it was started."""
        if self.due_at is None:
            if self.daemon.pid is None:
                self._ended(now, say)
            return False
        if now < self.due_at:
            return False
        self.spawn()
        self.started_at, self.due_at = now, None
        say(f"{self.daemon.name} runs again, as process {self.daemon.pid}.")
        return True

    def _ended(self, now: float, say: Say) -> None:
        self.failures = 1 if now - self.started_at > _STEADY_SECONDS else self.failures + 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (self.failures - 1), _LONGEST_PAUSE_SECONDS)
        self.due_at = now + pause
        how = describe_exit(self.daemon.exit_code)
        if self.failures == 1:
            say(f"{self.daemon.name} ended ({how}); starting it again.")
        else:
            again = f"{self.failures} times in a row; next try in {pause:.1f} s."
            say(f"{self.daemon.name} ended ({how}), {again} {self.daemon.last_words()}".rstrip())


def describe_exit(code: int | None) -> str:
    """`killed by SIGKILL`, `exit code 1`."""
    if code is None:
        return "still running"
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def stop_together(daemons: Sequence[Daemon], seconds: float, hurry: Callable[[], bool]) -> None:
    """Ask all to end at once; kill what is left after `seconds`, or as soon as `hurry()`."""
    for daemon in daemons:
        daemon.begin_stop()
    deadline = time.monotonic() + seconds
    while any(daemon.pid for daemon in daemons) and time.monotonic() < deadline and not hurry():
        time.sleep(0.02)
    for daemon in daemons:
        daemon.kill()


def remember(path: Path, daemons: Sequence[Daemon]) -> None:
    """Write down which processes are ours, for a next run to find if this one is killed."""
    entries = []
    for daemon in daemons:
        with suppress(psutil.Error):
            if daemon.pid is not None:
                entries.append([daemon.pid, psutil.Process(daemon.pid).create_time()])
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(entries))
    unfinished.rename(path)


def end_remembered(path: Path, seconds: float) -> int:
    """End what a killed run left running; returns how many. Processes that only reuse a number are left alone."""
    try:
        entries = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0
    left = []
    for pid, created in entries:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    end_processes(left, signal.SIGTERM, seconds)
    path.unlink(missing_ok=True)
    return len(left)
