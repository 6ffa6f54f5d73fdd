"""Several API processes on one port: started, started again when they end, and ended together.

Does nothing of the API's work: the kernel deals out the connections (`ports.py`), and every process serves by itself.
"""

import logging
import signal
import socket
import sys
import time
from types import FrameType

from app.commands.errors import CommandError
from app.commands.supervisor import Kept, stop_together
from app.core.embedded.process import Daemon

logger = logging.getLogger(__name__)

MOST = 64

_TICK_SECONDS = 0.1
# They end themselves before: see `ApiServer`.
_AFTER_GRACE_SECONDS = 4.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def number_of_processes(given: str) -> int:
    """What `--workers` says; `CommandError` if it is no number from 1 to 64."""
    # Not `isdigit`, which takes superscripts and other scripts' digits as well.
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:4]) <= MOST):
        raise CommandError(
            f"--workers: how many API processes, 1 to {MOST} (got {given!r}); one per processor is best."
        )
    return int(given)


class _Processes:
    """The processes of one `vq serve`."""

    def __init__(self, claimed: socket.socket, count: int, grace_seconds: int) -> None:
        self._grace = grace_seconds
        self._told = 0
        self._kept = []
        for number in range(1, count + 1):
            daemon = Daemon(
                name=f"API process {number}",
                command=[
                    *(sys.executable, "-m", "app.cli", "serve"),
                    *(f"--fd={claimed.fileno()}", f"--grace={grace_seconds}", f"--number={number}"),
                ],
                stop_steps=((signal.SIGTERM, grace_seconds),),
                inherited_files=[claimed.fileno()],
                # Whoever kills us with our group must not leave them behind.
                own_session=False,
            )
            self._kept.append(Kept(daemon, daemon.spawn))

    def run(self) -> None:
        """Until we are told to end."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)
        try:
            for kept in self._kept:
                kept.spawn()
            logger.info("API processes started.", extra={"pids": [kept.daemon.pid for kept in self._kept]})
            while not self._told:
                now = time.monotonic()
                for kept in self._kept:
                    kept.check(now, logger.warning)
                time.sleep(_TICK_SECONDS)
        finally:
            daemons = [kept.daemon for kept in self._kept]
            stop_together(daemons, self._grace + _AFTER_GRACE_SECONDS, lambda: self._told > 1)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._told += 1


def run_processes(claimed: socket.socket, count: int, grace_seconds: int) -> int:
    """Keep so many API processes running on a claimed port until signalled; returns the exit code."""
    with claimed:
        _Processes(claimed, count, grace_seconds).run()
    return 0
