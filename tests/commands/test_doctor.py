"""`vq doctor` on servers that are well, half prepared, and broken in one place at a time."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from app.cli import main
from app.core.db.admin import prepare_database
from app.core.embedded import Cluster
from app.settings import load_settings
from tests.servers import SECRET_KEY, private_cluster

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with private_cluster() as cluster:
        yield cluster


@pytest.fixture
def settings(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    assert cluster.urls.database_url is not None
    assert cluster.urls.redis_url is not None
    monkeypatch.setenv("VQ_DATABASE_URL", cluster.urls.database_url)
    monkeypatch.setenv("VQ_REDIS_URL", cluster.urls.redis_url)
    monkeypatch.setenv("VQ_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("VQ_PORT", "1")
    return monkeypatch


def verdicts(capsys: pytest.CaptureFixture[str], *parts: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and by part what is said of it."""
    code = main(["doctor", *parts])
    lines = [line.split(None, 2) for line in capsys.readouterr().out.splitlines()]
    return code, {part: (verdict, detail) for verdict, part, detail in lines}


def execute(cluster: Cluster, statement: str) -> None:
    async def run() -> None:
        assert cluster.postgres is not None
        connection = await asyncpg.connect(cluster.postgres.url.replace("+asyncpg", ""))
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def test_an_empty_database(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = verdicts(capsys)
    assert code == 1
    assert said["settings"][0] == said["database"][0] == said["bus"][0] == "ok"
    assert said["roles"][0] == "failed"
    assert "`vq migrate`" in said["roles"][1]
    assert {said[part][0] for part in ("migrations", "relay", "worker")} == {"skipped"}
    assert said["api"][0] == "failed"
    assert "`vq serve`" in said["api"][1]


def test_a_prepared_database_nobody_works_on(
    cluster: Cluster, settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(prepare_database(load_settings()))
    _, said = verdicts(capsys)
    assert {said[part][0] for part in ("database", "roles", "migrations", "bus")} == {"ok"}
    assert "`vq relay`" in said["relay"][1]
    assert "`vq worker`" in said["worker"][1]

    code, said = verdicts(capsys, "migrations")
    assert code == 0
    assert set(said) == {"settings", "database", "roles", "migrations"}

    # As a container has it that does not know the administrator's password.
    url = make_url(load_settings().database_url or "")
    settings.setenv(
        "VQ_DATABASE_URL", URL.create(url.drivername, database=url.database, query=url.query).render_as_string()
    )
    assert verdicts(capsys, "migrations")[0] == 0

    execute(cluster, "update alembic_version set version_num = '0000'")
    code, said = verdicts(capsys, "migrations")
    assert code == 1
    assert said["migrations"][1].startswith("The database is at 0000, this version needs ")

    settings.setenv("VQ_DATABASE_URL", cluster.urls.database_url or "")
    settings.setenv("VQ_SECRET_KEY", "another-key-than-the-database-was-prepared-with")
    assert verdicts(capsys, "roles")[1]["roles"][0] == "failed"

    execute(cluster, "alter role vq_app bypassrls")
    settings.setenv("VQ_SECRET_KEY", SECRET_KEY)
    assert "may bypass row-level security" in verdicts(capsys, "roles")[1]["roles"][1]


def test_a_bus_that_is_away(cluster: Cluster, settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings.setenv("VQ_REDIS_URL", "redis://127.0.0.1:1/0")
    code, said = verdicts(capsys, "bus")
    assert (code, said["bus"][0]) == (1, "failed")
    assert "VQ_REDIS_URL" in said["bus"][1]


def test_a_part_that_is_none(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "liver"]) == 1
    assert "There is no part 'liver': name one of database," in capsys.readouterr().err
