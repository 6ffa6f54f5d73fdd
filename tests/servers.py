"""The servers of one pytest run: one PostgreSQL for all, a database and a Valkey of its own for each xdist worker.

A pytest plugin (`pytest_plugins = ["tests.servers"]`) with plain functions on top; it knows no feature. Started on the
first `server_urls()` without xdist and by the controller with it, ended with the run, and by the kernel if the run is
killed. Other servers can take their place:

- VQ_TEST_DATABASE_URL and VQ_TEST_REDIS_URL name running ones (their administrator's URLs);
- VQ_TEST_POSTGRES_BIN (a directory) and VQ_TEST_REDIS_BIN (a file) name programs of another version to start.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic import command
from sqlalchemy.engine import make_url

from app.core.embedded.account import server_account
from app.core.embedded.binaries import PostgresBinaries, valkey_binary
from app.core.embedded.cluster import Cluster, open_cluster
from app.core.embedded.home import open_home
from app.core.embedded.lock import is_held
from app.core.embedded.valkey import Valkey, valkey
from app.settings import Settings, load_settings

# Role passwords derive from it and roles belong to the whole server: all workers must agree on it.
SECRET_KEY = "the-key-of-every-test-run-0123456789abcdef"
_PREFIX = "vq-tests-"


@dataclass(frozen=True)
class WorkerServers:
    """What one worker uses. The database is the worker's own and empty until `migrated_settings`."""

    worker: str
    root: Path
    database_url: str
    redis_url: str


@dataclass
class _Run:
    """The servers the controller runs; used in one process only."""

    root: Path
    cluster: Cluster | None = None
    valkeys: list[Valkey] = field(default_factory=list)

    def servers_for(self, worker: str) -> WorkerServers:
        return WorkerServers(worker, self.root, self._database_url(), self._redis_url(worker))

    def _database_url(self) -> str:
        if url := os.environ.get("VQ_TEST_DATABASE_URL"):
            return url
        if self.cluster is None:
            cluster = open_test_cluster(self.root / "shared", with_valkey=False)
            cluster.start()
            self.cluster = cluster
        assert self.cluster.postgres is not None
        return self.cluster.postgres.url

    def _redis_url(self, worker: str) -> str:
        if url := os.environ.get("VQ_TEST_REDIS_URL"):
            # Shared by all workers: keys are separated by the database number, topics by VQ_BUS_PREFIX.
            number = int(worker.removeprefix("gw")) % 16 if worker.startswith("gw") else 0
            return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
        server = open_test_valkey(self.root / "shared", worker)
        server.start()
        self.valkeys.append(server)
        return server.url

    def stop(self) -> None:
        for server in self.valkeys:
            server.stop()
        if self.cluster is not None:
            self.cluster.stop()
        shutil.rmtree(self.root, ignore_errors=True)


_run: _Run | None = None
_servers: WorkerServers | None = None
_prepared = False


def server_urls() -> WorkerServers:
    """This worker's servers, started if they do not run yet; its database exists."""
    global _run, _servers, _prepared
    if _servers is None:
        if _run is None:
            _run = _Run(_new_root())
        _servers = _run.servers_for("main")
    if not _prepared:
        name = f"vq_test_{_servers.worker}"
        _finish(_recreate_database(_servers.database_url, name))
        url = make_url(_servers.database_url).set(database=name).render_as_string(hide_password=False)
        _servers = WorkerServers(_servers.worker, _servers.root, url, _servers.redis_url)
        _prepared = True
    return _servers


def settings_for_tests(**overrides: object) -> Settings:
    """Settings that point to this worker's servers."""
    servers = server_urls()
    values: dict[str, object] = {
        "database_url": servers.database_url,
        "redis_url": servers.redis_url,
        "bus_prefix": f"{servers.worker}:",
        "secret_key": SECRET_KEY,
        "data_dir": servers.root / servers.worker,
        # Off: most tests come from one address and go on at once. Those about it say so.
        "rate_limit_exempt": ("0.0.0.0/0", "::/0"),
    }
    return load_settings(**(values | overrides))


@pytest.fixture(scope="session")
def migrated_settings() -> Settings:
    """Settings of this worker's database, with roles made and the real migrations run once."""
    from app.core.db.admin import prepare_database

    settings = settings_for_tests()
    # Roles belong to the server, not to the database: two workers that alter one at the same time collide.
    with _file_lock(server_urls().root / "roles.lock"):
        _finish(prepare_database(settings))
    assert settings.database_url is not None
    # Nobody is connected yet, and to the copy nobody ever will be: `own_database` copies it in a tenth of the time.
    own = make_url(settings.database_url).database
    _finish(_recreate_database(settings.database_url, _pattern_of(settings), str(own)))
    return settings


def own_database(settings: Settings, name: str, revision: str = "head") -> Settings:
    """A migrated database beside that of `settings`, and topics of its own.

    For whoever runs a relay on another bus, or counts what a relay does: a relay serves a whole database, and those of
    other tests would take its events to their bus.
    """
    from app.core.db.admin import alembic_config
    from app.core.db.urls import OWNER_ROLE

    assert settings.database_url is not None
    name = f"{make_url(settings.database_url).database}_{name}"
    own = make_url(settings.database_url).set(database=name).render_as_string(hide_password=False)
    there = settings.model_copy(update={"database_url": own, "bus_prefix": f"{settings.bus_prefix}{name}:"})
    pattern = _pattern_of(settings) if revision == "head" else "template0"
    _finish(_recreate_database(settings.database_url, name, pattern))
    # The roles belong to the whole server and are there: only what they may do in this database is missing.
    grants = (f'grant create on database "{name}" to {OWNER_ROLE}', f"grant all on schema public to {OWNER_ROLE}")
    _finish(_execute(own, *grants))
    if revision != "head":
        # In a thread: Alembic starts a loop of its own.
        with ThreadPoolExecutor(max_workers=1) as executor:
            executor.submit(command.upgrade, alembic_config(there), revision).result()
    return there


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory others may pass through: pytest's own are private, and as root servers run as somebody else."""
    directory = _passable(Path(tempfile.mkdtemp(prefix="vq-open-")))
    yield directory
    shutil.rmtree(directory)


@contextmanager
def private_valkey() -> Iterator[Valkey]:
    """A Valkey a test may kill, stop and start again."""
    directory = _private_directory()
    server = open_test_valkey(directory, "private")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@contextmanager
def private_cluster() -> Iterator[Cluster]:
    """A PostgreSQL and a Valkey a test may kill, stop and start again."""
    directory = _private_directory()
    cluster = open_test_cluster(directory)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(directory)


def open_test_cluster(data_dir: Path, *, with_valkey: bool = True) -> Cluster:
    """A cluster that gives up safety against power loss for speed, of the version under test."""
    programs = os.environ.get("VQ_TEST_POSTGRES_BIN")
    return open_cluster(
        data_dir,
        "pytest",
        with_valkey=with_valkey,
        durable=False,
        max_connections=300,
        postgres_from=PostgresBinaries(Path(programs)) if programs else None,
        valkey_from=_redis_program(),
    )


def open_test_valkey(data_dir: Path, name: str) -> Valkey:
    """A Valkey of the version under test, not started."""
    home = open_home(data_dir)
    return valkey(home, _redis_program() or valkey_binary(home.account), name=name)


def pytest_configure(config: pytest.Config) -> None:
    """In a worker: take the servers the controller started."""
    global _servers
    if (given := getattr(config, "workerinput", None)) is not None:
        _servers = WorkerServers(
            given["workerid"], Path(given["vq_root"]), given["vq_database_url"], given["vq_redis_url"]
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: the longest tests wait, for leases to end and for killed processes."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In the controller: start servers for a worker, also for one that replaces a crashed one."""
    global _run
    if _run is None:
        _run = _Run(_new_root())
    servers = _run.servers_for(node.gateway.id)
    node.workerinput["vq_root"] = str(servers.root)
    node.workerinput["vq_database_url"] = servers.database_url
    node.workerinput["vq_redis_url"] = servers.redis_url


def pytest_unconfigure() -> None:
    """In the process that started the servers: end them."""
    global _run
    if _run is not None:
        _run.stop()
        _run = None


def _redis_program() -> Path | None:
    program = os.environ.get("VQ_TEST_REDIS_BIN")
    return Path(program) if program else None


def _new_root() -> Path:
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):
        # Of a run that was killed: its servers died with it, its files did not.
        with suppress(OSError):  # another user's, or being removed by another run right now
            if left.stat().st_uid == os.geteuid() and (left / "shared/lock").exists() and not is_held(left / "shared"):
                shutil.rmtree(left)
    return _passable(Path(tempfile.mkdtemp(prefix=_PREFIX)))


def _private_directory() -> Path:
    return _passable(Path(tempfile.mkdtemp(dir=server_urls().root)))


def _passable(directory: Path) -> Path:
    # The servers' account must get through when we are root.
    directory.chmod(0o711 if server_account(directory).drop else 0o700)
    return directory


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _finish(work: Coroutine[Any, Any, None]) -> None:
    # In a thread of its own: the caller may itself be running in an event loop.
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(asyncio.run, work).result()


def _pattern_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return f"{make_url(settings.database_url).database}_pattern"


async def _recreate_database(administrator_url: str, name: str, pattern: str = "template0") -> None:
    drop, create = f'drop database if exists "{name}" with (force)', f'create database "{name}" template "{pattern}"'
    await _execute(administrator_url, drop, create)


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
