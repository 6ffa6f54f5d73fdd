"""The embedded PostgreSQL: created once, started, stopped, and started again after any kind of death.

Listens on a unix socket only, with a password, exactly as a server elsewhere would ask for one.
"""

import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.core.embedded.binaries import PostgresBinaries
from app.core.embedded.errors import EmbeddedError
from app.core.embedded.home import Home
from app.core.embedded.process import Daemon, end_processes, processes_in

DATABASE = "vq"
_ADMINISTRATOR = "postgres"
# "Fast": roll back, write a checkpoint, end. "Immediate" leaves the work to the next start's recovery.
_STOP_STEPS = ((signal.SIGINT, 1.5), (signal.SIGQUIT, 0.5))
# Recovery after a kill replays at most max_wal_size, 1 GB.
_START_SECONDS = 60.0
# Passwords here are 128 random bits or a MAC: stretching them protects nothing and costs every connection.
_SCRAM_ITERATIONS = 1


@dataclass(frozen=True)
class Postgres:
    """A cluster in `home`. Without `durable` it does not survive a crash of the machine: for tests."""

    home: Home
    binaries: PostgresBinaries
    daemon: Daemon
    durable: bool

    @property
    def url(self) -> str:
        """The administrator's URL of the database `vq`."""
        password = _password_file(self.home).read_text().strip()
        return f"postgresql+asyncpg://{_ADMINISTRATOR}:{password}@/{DATABASE}?host={quote(str(self.home.sockets))}"

    def start(self) -> None:
        """Create the cluster if there is none, end what a killed run left, start, and wait until it answers."""
        if not self.home.postgres.exists():
            _create(self.home, self.binaries, self.durable)
        self.spawn()
        self.daemon.wait_until(self.is_ready, _START_SECONDS)

    def spawn(self) -> None:
        """Start an existing cluster without waiting."""
        if leftovers := processes_in(self.home.postgres, ["postgres"]):
            end_processes(leftovers, signal.SIGQUIT, 3.0)
        # We hold the data directory's lock and nobody works in the cluster, so these name the dead. PostgreSQL itself
        # would refuse to start if one of the numbers in them belonged to a living process by now.
        for stale in (self.home.postgres / "postmaster.pid", *self.home.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        self.daemon.spawn()

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        try:
            lines = (self.home.postgres / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and lines[0] == str(self.daemon.pid)

    def stop(self) -> None:
        """End it; at most about 2 s."""
        self.daemon.stop()


def postgres(home: Home, binaries: PostgresBinaries, *, durable: bool, max_connections: int) -> Postgres:
    """Describe the server; nothing is started yet."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(home.sockets),
        "unix_socket_permissions": "0700",
        "max_connections": str(max_connections),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",  # every statement here is short
        # Values may be personal data.
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_error_verbosity": "terse",
    }
    if not durable:
        options |= {"fsync": "off", "full_page_writes": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    daemon = Daemon(
        name="PostgreSQL",
        command=[binaries.postgres, "-D", home.postgres, *settings],
        stop_steps=_STOP_STEPS,
        log=home.logs / "postgres.log",
        environment=_environment(),
        directory=home.directory,
        account=home.account,
        orphan_signal=signal.SIGINT,
    )
    return Postgres(home, binaries, daemon, durable)


def _create(home: Home, binaries: PostgresBinaries, durable: bool) -> None:
    unfinished = home.directory / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file = _password_file(home)
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_hex(16))
    home.account.own(password_file)
    locale = ["--locale=C.UTF-8"]
    if (version := binaries.major_version()) >= 17:
        # The same order and case rules on every machine, whatever its C library.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    tuning = ["-c", f"scram_iterations={_SCRAM_ITERATIONS}"] if version >= 16 else []
    arguments: list[str | Path] = [
        "-D",
        unfinished,
        "-U",
        _ADMINISTRATOR,
        "--encoding=UTF8",
        "--auth=scram-sha-256",
        *locale,
    ]
    tuning += [] if durable else ["--no-sync"]
    _run(home, [binaries.initdb, *arguments, *tuning, f"--pwfile={password_file}", "--no-instructions"])
    single: list[str | Path] = [binaries.postgres, "--single", "-D", unfinished, "postgres"]
    _run(home, single, f"CREATE DATABASE {DATABASE}\n")
    unfinished.rename(home.postgres)


def _run(home: Home, command: Sequence[str | Path], text: str = "") -> None:
    done = subprocess.run(
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=home.directory,
        env=_environment(),
        umask=0o077,
        user=home.account.uid if home.account.drop else None,
        group=home.account.gid if home.account.drop else None,
        extra_groups=[] if home.account.drop else None,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise EmbeddedError(f"The database could not be created in {home.directory}: {' '.join(reason)}")


def _environment() -> dict[str, str]:
    # Nothing of the caller's: PGDATA, LD_LIBRARY_PATH or a locale that does not exist here would change what runs.
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _password_file(home: Home) -> Path:
    return home.directory / "postgres.password"
