"""The servers of a run: an embedded cluster in a directory of its own, with the product's relay and API processes.

Everything listens on the loopback or on unix sockets, is started through the product's own commands, and is ended by
its process id when the run ends, however it ends.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from app.commands.servers import with_urls
from app.core.embedded.account import server_account
from app.core.embedded.cluster import Cluster, open_cluster
from app.core.embedded.process import Daemon
from app.core.limits.exempt import THIS_MACHINE
from app.settings import Settings, ensure_secret, load_settings
from bench import cores
from bench.live import native, node_packages

REPOSITORY = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60.0
_STOP_SECONDS = 4.0
_BACKLOG = 2048


@dataclass
class Server:
    """A process that listens on the loopback."""

    daemon: Daemon
    port: int

    @property
    def process(self) -> psutil.Process:
        """The process itself, for its CPU time and memory."""
        assert self.daemon.process is not None
        return psutil.Process(self.daemon.process.pid)

    def cpu_seconds(self) -> float:
        """CPU time it has used, user and system; to the nanosecond where the kernel tells, else in ticks of 10 ms."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        if measured := [int(thread.read_text().split()[0]) for thread in threads]:
            return sum(measured) / 1e9
        times = self.process.cpu_times()
        return times.user + times.system

    def memory_bytes(self) -> int:
        """Memory that would be free if it ended (unique set size)."""
        return int(self.process.memory_full_info().uss)


@dataclass
class Stage:
    """The running servers and where they are."""

    root: Path
    cluster: Cluster
    settings: Settings

    def python(self, name: str, module: str, arguments: Sequence[str] = (), files: Sequence[int] = ()) -> Daemon:
        """A Python program with the run's settings; not started yet."""
        given = {
            "VQ_DATA_DIR": str(self.root),
            "VQ_DATABASE_URL": self.settings.database_url or "",
            "VQ_REDIS_URL": self.settings.redis_url or "",
            "VQ_SECRET_KEY": self.settings.secret,
            "VQ_BUS_PREFIX": self.settings.bus_prefix,
            # Everybody comes from here; what counting costs is measured by itself.
            "VQ_RATE_LIMIT_EXEMPT": ",".join(THIS_MACHINE),
        }
        return self.program(name, [sys.executable, "-m", module, *arguments], given, files)

    def program(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], files: Sequence[int] = ()
    ) -> Daemon:
        """Any program; not started yet. Its log lies in the run's directory."""
        return Daemon(
            name=name,
            command=command,
            stop_steps=((signal.SIGTERM, _STOP_SECONDS),),
            log=self.root / "logs" / f"{name.replace(' ', '-')}.log",
            environment=os.environ | environment,
            directory=REPOSITORY,
            inherited_files=files,
        )

    @contextmanager
    def api(self, **settings: str) -> Iterator[Server]:
        """A fresh API process, as `vq serve` runs it; settings as `VQ_…` environment variables."""
        with self._listening(
            lambda fd: self.python("API", "app.cli", ["serve", "--grace=1", f"--fd={fd}"], [fd]), settings
        ) as server:
            yield server

    @contextmanager
    def reference(self, name: str, module: str, arguments: Sequence[str] = ()) -> Iterator[Server]:
        """A reference server in Python; it takes `--fd`, the listening socket, and answers `GET /health/ready`."""
        with self._listening(lambda fd: self.python(name, module, [*arguments, f"--fd={fd}"], [fd])) as server:
            yield server

    @contextmanager
    def node(self, name: str, script: str, arguments: Sequence[str] = (), **environment: str) -> Iterator[Server]:
        """A reference server of `bench/live/node` in Node (CommonJS), as the one above; `NodeMissing` without Node."""
        given = {"NODE_PATH": str(node_packages.install()), "NODE_ENV": "production", **environment}
        command = ["node", str(node_packages.SOURCES / script), *arguments]
        with self._listening(lambda fd: self.program(name, [*command, f"--fd={fd}"], given, [fd])) as server:
            yield server

    @contextmanager
    def native(self, name: str, source: str, arguments: Sequence[str] = ()) -> Iterator[Server | None]:
        """A reference server of `bench/live/native` in C, as the ones above; None where there is no compiler."""
        program = native.build(source, self.root)
        if program is None:
            yield None
            return
        command = [str(program), *arguments]
        with self._listening(lambda fd: self.program(name, [*command, f"--fd={fd}"], {}, [fd])) as server:
            yield server

    @contextmanager
    def relay(self) -> Iterator[None]:
        """A relay, as `vq relay` runs it."""
        daemon = self.python("relay", "app.cli", ["relay"])
        daemon.spawn()
        try:
            yield
        finally:
            daemon.stop()

    @contextmanager
    def worker(self, name: str = "worker") -> Iterator[Daemon]:
        """A worker that has begun to work, as `vq worker` runs it."""
        daemon = self.python(name, "app.cli", ["worker"])
        daemon.spawn()
        try:
            daemon.wait_until(lambda: "Worker started." in daemon.last_words(100), _READY_SECONDS)
            yield daemon
        finally:
            daemon.stop()

    @contextmanager
    def _listening(self, make: Callable[[int], Daemon], settings: Mapping[str, str] | None = None) -> Iterator[Server]:
        # The socket is ours until the program has it: nobody else can take the port in between.
        with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener, cores.for_a_server():
            port = listener.getsockname()[1]
            daemon = make(listener.fileno())
            daemon.environment = {**(daemon.environment or {}), **(settings or {})}
            daemon.spawn()
        try:
            daemon.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/health/ready"), _READY_SECONDS)
            yield Server(daemon, port)
        finally:
            daemon.stop()

    async def connect(self) -> asyncpg.Connection:
        """A connection of the administrator, who sees every tenant."""
        url = make_url(self.settings.database_url or "").set(drivername="postgresql")
        return await asyncpg.connect(url.render_as_string(hide_password=False))

    def migrate(self) -> None:
        """Bring the database up as `vq migrate --seed` does."""
        daemon = self.python("migrate", "app.cli", ["migrate", "--seed"])
        daemon.spawn()
        while daemon.exit_code is None:
            time.sleep(0.02)
        if daemon.exit_code != 0:
            raise RuntimeError(f"the database could not be prepared. {daemon.last_words(15)}")


def forget_environment() -> None:
    """Defaults are what is measured: settings of the caller's installation do not count."""
    for name in [name for name in os.environ if name.startswith("VQ_")]:
        del os.environ[name]


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Database and bus, migrated and seeded. Durable: a commit waits for the disk, as in production."""
    root = Path(tempfile.mkdtemp(prefix="vq-bench-"))
    # The servers' account must get through when we are root.
    root.chmod(0o711 if server_account(root).drop else 0o700)
    try:
        cluster = open_cluster(root, "bench")
        try:
            urls = cluster.start()
            settings = ensure_secret(with_urls(load_settings(data_dir=root), urls))
            stage = Stage(root, cluster, settings)
            stage.migrate()
            yield stage
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _answers(url: str) -> bool:
    # Serving is enough: no worker runs here, and `/health/ready` says so.
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
