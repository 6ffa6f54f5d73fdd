"""Both servers of a data directory: owned by one run at a time, visible to the others.

`Cluster` is for who runs them (`vq up`, the tests), `attach` for who finds them running, `running` for who needs them
just now, running or not.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded import lock
from app.core.embedded.binaries import PostgresBinaries, postgres_binaries, valkey_binary
from app.core.embedded.home import open_home
from app.core.embedded.lock import DirectoryLock
from app.core.embedded.postgres import Postgres, postgres
from app.core.embedded.valkey import Valkey, valkey


@dataclass(frozen=True)
class ServerUrls:
    """What VQ_DATABASE_URL and VQ_REDIS_URL would say. None: not run here."""

    database_url: str | None
    redis_url: str | None


@dataclass
class Cluster:
    """The embedded servers of one data directory, with its lock held. Either server may be left out."""

    data_dir: Path
    postgres: Postgres | None
    valkey: Valkey | None
    lock: DirectoryLock

    @property
    def urls(self) -> ServerUrls:
        """Where the servers answer. PostgreSQL's password exists once it was started."""
        return ServerUrls(
            database_url=None if self.postgres is None else self.postgres.url,
            redis_url=None if self.valkey is None else self.valkey.url,
        )

    def start(self) -> ServerUrls:
        """Start both and let other commands find them; stops what it started if it cannot."""
        try:
            if self.valkey is not None:
                self.valkey.start()
            if self.postgres is not None:
                self.postgres.start()
            _publish(self.data_dir, self.urls)
        except BaseException:
            self.stop()
            raise
        return self.urls

    def stop(self) -> None:
        """Stop both within about 2 s and release the data directory."""
        _urls_file(self.data_dir).unlink(missing_ok=True)
        if self.postgres is not None:
            self.postgres.daemon.begin_stop()
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        self.lock.release()


def open_cluster(
    data_dir: Path,
    purpose: str,
    *,
    with_postgres: bool = True,
    with_valkey: bool = True,
    durable: bool = True,
    max_connections: int = 200,
    postgres_from: PostgresBinaries | None = None,
    valkey_from: Path | None = None,
) -> Cluster:
    """Take the data directory; nothing is started yet. Binaries of other versions may be given (the tests do)."""
    data_dir = data_dir.resolve()
    held = lock.acquire(data_dir, purpose)
    try:
        database = cache = None
        if with_postgres or with_valkey:
            home = open_home(data_dir)
        if with_postgres:
            binaries = postgres_from or postgres_binaries(home.account)
            database = postgres(home, binaries, durable=durable, max_connections=max_connections)
        if with_valkey:
            cache = valkey(home, valkey_from or valkey_binary(home.account))
    except BaseException:
        held.release()
        raise
    return Cluster(data_dir, database, cache, held)


def attach(data_dir: Path) -> ServerUrls | None:
    """The servers another process runs in this directory, or None."""
    try:
        entry = json.loads(_urls_file(data_dir).read_text())
    except FileNotFoundError:
        return None
    if not lock.is_held(data_dir):
        return None  # left by a killed run
    return ServerUrls(entry["database_url"], entry["redis_url"])


@contextmanager
def running(data_dir: Path, purpose: str) -> Iterator[ServerUrls]:
    """The directory's servers: those that run already, else started for the length of the block."""
    if (urls := attach(data_dir)) is not None:
        yield urls
        return
    cluster = open_cluster(data_dir, purpose)
    yielded = cluster.start()
    try:
        yield yielded
    finally:
        cluster.stop()


def _urls_file(data_dir: Path) -> Path:
    return data_dir / "servers.json"


def _publish(data_dir: Path, urls: ServerUrls) -> None:
    path = _urls_file(data_dir)
    unfinished = path.with_suffix(".unfinished")
    # Passwords are in it: never readable by others, not even for an instant.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"database_url": urls.database_url, "redis_url": urls.redis_url}, file)
    unfinished.rename(path)
