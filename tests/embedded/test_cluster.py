"""Embedded PostgreSQL and Valkey: started, stopped, killed in every way, and found again with their data."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from app.core.embedded import Cluster, EmbeddedError, attach, running
from app.core.embedded.process import processes_in
from tests.servers import open_test_cluster

pytestmark = pytest.mark.processes

HOLDER = """
import sys, signal
from pathlib import Path
from tests.servers import open_test_cluster
cluster = open_test_cluster(Path(sys.argv[1]))
cluster.start()
print(cluster.postgres.daemon.pid, cluster.valkey.daemon.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def data_dir(open_path: Path) -> Path:
    return open_path / "vq"


@pytest.fixture
def cluster(data_dir: Path) -> Iterator[Cluster]:
    cluster = open_test_cluster(data_dir)
    cluster.start()
    yield cluster
    cluster.stop()


def postgres_url(cluster: Cluster) -> str:
    assert cluster.postgres is not None
    return cluster.postgres.url.replace("+asyncpg", "")


async def ask(cluster: Cluster, statement: str) -> object:
    connection = await asyncpg.connect(postgres_url(cluster))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def ping(cluster: Cluster) -> object:
    assert cluster.valkey is not None
    with redis.Redis.from_url(cluster.valkey.url) as client:
        return client.ping()


def server_processes(data_dir: Path) -> list[psutil.Process]:
    servers = data_dir / "servers"
    return processes_in(servers / "postgres", ["postgres"]) + processes_in(
        servers / "valkey" / "valkey", ["valkey-server", "redis-server"]
    )


def other_run(data_dir: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(data_dir)], stdout=subprocess.PIPE)


async def test_both_servers_answer(cluster: Cluster) -> None:
    assert await ask(cluster, "select current_database()") == "vq"
    assert await ask(cluster, "show server_encoding") == "UTF8"
    assert await ask(cluster, "select upper('ä') = 'Ä'") is True
    assert ping(cluster) is True


async def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    """Else a mistake in a derived password would show only on somebody's own server."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres_url(cluster), password="wrong")


async def test_data_survive_a_restart(cluster: Cluster, data_dir: Path) -> None:
    await ask(cluster, "create table kept (n int)")
    cluster.stop()
    assert server_processes(data_dir) == []
    again = open_test_cluster(data_dir)
    again.start()
    try:
        assert await ask(again, "select count(*) from kept") == 0
    finally:
        again.stop()
        cluster.lock = open_test_cluster(data_dir).lock  # the fixture releases it


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_killed_servers_start_again(cluster: Cluster, number: signal.Signals) -> None:
    assert cluster.postgres is not None
    assert cluster.valkey is not None
    await ask(cluster, "create table kept (n int)")
    for daemon in (cluster.postgres.daemon, cluster.valkey.daemon):
        assert daemon.process is not None
        daemon.process.send_signal(number)
        daemon.process.wait(10)
    cluster.postgres.start()
    cluster.valkey.start()
    assert await ask(cluster, "select count(*) from kept") == 0
    assert ping(cluster) is True


async def test_a_pid_file_that_names_a_living_stranger_is_no_obstacle(cluster: Cluster) -> None:
    assert cluster.postgres is not None
    cluster.postgres.stop()
    pid_file = cluster.postgres.home.postgres / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{cluster.postgres.home.postgres}\n0\n5432\n\n\n0 0\nready\n")
    cluster.postgres.start()
    assert await ask(cluster, "select 1") == 1


async def test_a_killed_run_leaves_nothing_in_the_way(data_dir: Path) -> None:
    holder = other_run(data_dir)
    assert holder.stdout is not None
    with holder.stdout:
        servers = [psutil.Process(int(pid)) for pid in holder.stdout.readline().split()]
    assert attach(data_dir) is not None
    holder.kill()
    holder.wait()
    if sys.platform == "linux":
        _, alive = psutil.wait_procs(servers, timeout=10)
        assert alive == []
    assert attach(data_dir) is None
    cluster = open_test_cluster(data_dir)
    cluster.start()
    try:
        assert await ask(cluster, "select 1") == 1
        assert ping(cluster) is True
    finally:
        cluster.stop()
    assert server_processes(data_dir) == []


async def test_servers_that_outlived_their_run_are_ended(cluster: Cluster, data_dir: Path) -> None:
    """As where the kernel has no parent-death signal: the old servers still run when the next run starts."""
    assert cluster.postgres is not None
    assert cluster.valkey is not None
    old = [psutil.Process(daemon.pid) for daemon in (cluster.postgres.daemon, cluster.valkey.daemon)]
    cluster.lock.release()
    again = open_test_cluster(data_dir)
    again.start()
    try:
        assert await ask(again, "select 1") == 1
        for daemon in (cluster.postgres.daemon, cluster.valkey.daemon):
            assert daemon.exit_code is not None
        assert [process for process in old if process.is_running()] == []
    finally:
        again.stop()
        cluster.lock = open_test_cluster(data_dir).lock


def test_a_data_directory_serves_one_run_at_a_time(cluster: Cluster, data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match=rf"`pytest` \(process {os.getpid()}\) already uses .*VQ_DATA_DIR"):
        open_test_cluster(data_dir)


def test_another_process_finds_the_running_servers(cluster: Cluster, data_dir: Path) -> None:
    assert attach(data_dir) == cluster.urls
    assert (data_dir / "servers.json").stat().st_mode & 0o077 == 0
    with running(data_dir, "a command") as urls:
        assert urls == cluster.urls
    assert ping(cluster) is True, "a command that found servers running must not stop them"


def test_a_command_starts_servers_for_itself(data_dir: Path) -> None:
    with running(data_dir, "a command") as urls:
        assert attach(data_dir) == urls
    assert attach(data_dir) is None
    assert server_processes(data_dir) == []


async def test_a_path_longer_than_a_socket_address(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    cluster = open_test_cluster(deep)
    cluster.start()
    try:
        assert await ask(cluster, "select 1") == 1
        assert ping(cluster) is True
        assert cluster.postgres is not None
        sockets = cluster.postgres.home.sockets
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o077 == 0
    finally:
        cluster.stop()
    sockets.chmod(0o755)
    with pytest.raises(EmbeddedError, match="not a private directory"):
        open_test_cluster(deep)
    sockets.rmdir()


def test_a_start_that_fails_says_why(data_dir: Path) -> None:
    cluster = open_test_cluster(data_dir)
    assert cluster.postgres is not None
    cluster.postgres.daemon.command = [*cluster.postgres.daemon.command, "-c", "no_such_setting=1"]
    with pytest.raises(EmbeddedError, match=r"PostgreSQL ended while starting.*\n.*no_such_setting"):
        cluster.start()
    assert server_processes(data_dir) == []
    assert attach(data_dir) is None


def test_a_creation_cut_short_is_begun_again(data_dir: Path) -> None:
    cluster = open_test_cluster(data_dir)
    assert cluster.postgres is not None
    unfinished = cluster.postgres.home.directory / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    cluster.start()
    cluster.stop()
    assert not unfinished.exists()


def test_servers_listen_on_no_network_address(cluster: Cluster) -> None:
    assert cluster.postgres is not None
    assert cluster.valkey is not None
    for daemon in (cluster.postgres.daemon, cluster.valkey.daemon):
        listening = [c for c in psutil.Process(daemon.pid).net_connections(kind="inet") if c.status == "LISTEN"]
        assert listening == []
    assert cluster.postgres.home.sockets.stat().st_mode & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(cluster.valkey.socket_path))
