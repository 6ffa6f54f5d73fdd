"""The embedded Valkey: the bus, Dramatiq's messages and rate limits. Keeps nothing on disk: PostgreSQL is the truth.

Listens on a unix socket only.
"""

import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.core.embedded.home import Home
from app.core.embedded.process import Daemon, end_processes, processes_in

_STOP_STEPS = ((signal.SIGTERM, 1.0),)
_START_SECONDS = 10.0


@dataclass(frozen=True)
class Valkey:
    """A server in `home`."""

    home: Home
    socket_path: Path
    daemon: Daemon

    @property
    def url(self) -> str:
        """For redis-py and everything on top of it."""
        return f"unix://{quote(str(self.socket_path))}?db=0"

    def start(self) -> None:
        """End what a killed run left, start, and wait until it answers."""
        self.spawn()
        self.daemon.wait_until(self.is_ready, _START_SECONDS)

    def spawn(self) -> None:
        """Start without waiting."""
        directory = self.daemon.directory
        if directory is not None and (leftovers := processes_in(directory, ["valkey-server", "redis-server"])):
            end_processes(leftovers, signal.SIGTERM, 2.0)
        self.socket_path.unlink(missing_ok=True)
        self.daemon.spawn()

    def is_ready(self) -> bool:
        """Whether it answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def stop(self) -> None:
        """End it; at most about 1 s."""
        self.daemon.stop()


def valkey(home: Home, binary: Path, *, name: str = "valkey") -> Valkey:
    """Describe the server; nothing is started yet. Several, with different names, may run in one home."""
    directory = home.valkey / name
    directory.mkdir(mode=0o700, exist_ok=True)
    home.account.own(directory)
    socket_path = home.sockets / f"{name}.sock"
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "logfile": "",
    }
    arguments = [part for option, value in options.items() for part in (f"--{option}", value)]
    daemon = Daemon(
        name="Valkey",
        command=[binary, *arguments],
        stop_steps=_STOP_STEPS,
        log=home.logs / f"{name}.log",
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        directory=directory,
        account=home.account,
    )
    return Valkey(home, socket_path, daemon)
