"""One supervised child process: started so that it cannot outlive us, stopped in bounded steps, leftovers found.

Knows nothing of what runs in it; restarting is the caller's decision.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.core.embedded.account import Account, current_account
from app.core.embedded.errors import EmbeddedError

# (signal, seconds to wait for the end), tried in order; SIGKILL follows the last.
StopSteps = Sequence[tuple[signal.Signals, float]]

_LOG_BYTES_KEPT = 5_000_000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Daemon:
    """A command to keep running. `log` None means that it writes where we write."""

    name: str
    command: Sequence[str | Path]
    stop_steps: StopSteps
    log: Path | None = None
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    account: Account = field(default_factory=current_account)
    inherited_files: Sequence[int] = ()
    # Its own session: Ctrl-C in the terminal reaches only us, and we stop things in the right order. Without one it
    # belongs to our group: whoever signals or kills that reaches it as well.
    own_session: bool = True
    # Sent by the kernel when we die without a chance to stop it.
    orphan_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start it and return at once.

        Call it from the main thread: the kernel sends `orphan_signal` when the calling thread ends.
        """
        log = None if self.log is None else _open_log(self.log)
        try:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if self.environment is None else dict(self.environment),
                cwd=self.directory,
                pass_fds=tuple(self.inherited_files),
                start_new_session=self.own_session,
                # The only way to set the parent-death signal after the change of user, which would clear it.
                preexec_fn=_leash(self.orphan_signal),
                umask=0o077,
                user=self.account.uid if self.account.drop else None,
                group=self.account.gid if self.account.drop else None,
                extra_groups=[] if self.account.drop else None,
            )
        finally:
            if log is not None:
                os.close(log)

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended: None while it runs or was never started; negative for the signal that killed it."""
        return None if self.process is None else self.process.poll()

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Return when `ready()`; `EmbeddedError` with the end of the log if it ends first or takes too long."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.pid is None:
                raise EmbeddedError(f"{self.name} ended while starting. {self.last_words()}")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} was not ready after {timeout:.0f} s. {self.last_words()}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it and wait; escalates through the steps to SIGKILL."""
        self.begin_stop()
        if self.process is None:
            return
        for step, seconds in self.stop_steps:
            self._signal(step)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        self.kill()

    def begin_stop(self) -> None:
        """Send the first stop signal without waiting, so that several can end at the same time."""
        if self.stop_steps:
            self._signal(self.stop_steps[0][0])

    def kill(self) -> None:
        """End it, and whatever it started in its session, without asking."""
        if self.process is None:
            return
        if not self.own_session:
            self.process.kill()
        with suppress(ProcessLookupError, PermissionError):
            # It leads a group of its own; the group's number is not given away while a member lives.
            if self.own_session:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def last_words(self, lines: int = 5) -> str:
        """Where the log is, and how it ends."""
        if self.log is None or not self.log.exists():
            return ""
        tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        return f"The log {self.log} ends with:\n" + "\n".join(f"    {line}" for line in tail)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def processes_in(directory: Path, names: Iterable[str]) -> list[psutil.Process]:
    """Running processes with one of these names that work in this directory.

    Servers change into their data directory, so this finds them without trusting a pid file, whose number may by now
    be somebody else's.
    """
    wanted, resolved = frozenset(names), str(directory.resolve())
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] in wanted and process.cwd() == resolved and process.status() != "zombie":
                found.append(process)
    return found


def end_processes(processes: Sequence[psutil.Process], first: signal.Signals, seconds: float) -> None:
    """Ask processes that are not our children to end, wait, then kill what is left."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(first)
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=2)


def _leash(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    parent, libc = os.getpid(), _libc

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return tie


def _open_log(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES_KEPT:
        path.rename(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
