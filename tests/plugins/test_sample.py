"""A package that was installed for real: listed, switched off, and at work in real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from app.core.actor import SYSTEM
from app.core.db import Databases
from app.core.ids import new_id
from app.integrations.models import Integration, IntegrationKind, SessionCustomer
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.sessions.joins import JoinRequest, join
from app.settings import Settings
from tests.jobs.conftest import clock, settings
from tests.jobs.support import databases, environment, forget, new_tenant, until
from tests.plugins.conftest import vq

__all__ = ["clock", "settings"]


def test_it_is_listed_with_what_it_adds(installed: Path) -> None:
    listed = vq("plugins", path=installed)
    assert listed.stdout.splitlines() == [
        "card-index  vq-card-index 1.2.0  used",
        "  channel BELL",
        "  integration CARD_INDEX (CRM)",
        "  reaction to SESSION_JOINED (card-index.tally)",
    ], listed.stderr
    assert listed.returncode == 0
    off = vq("plugins", path=installed, VQ_PLUGINS_OFF="other, card-index")
    assert off.stdout == "card-index  vq-card-index 1.2.0  off (VQ_PLUGINS_OFF)\n"


def test_one_that_is_no_good_stops_every_process_by_its_name(installed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "broken-3.0.dist-info").mkdir(parents=True)
    (broken / "broken-3.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 3.0\n")
    (broken / "broken-3.0.dist-info" / "entry_points.txt").write_text("[virtual_queue.plugins]\nbroken = broken:no\n")
    (broken / "broken.py").write_text("def no(registry):\n    raise RuntimeError('no such drawer')\n")
    listed = vq("plugins", path=broken)
    assert listed.stdout.splitlines() == ["broken  broken 3.0  cannot be used", "  RuntimeError: no such drawer"]
    assert (listed.returncode, listed.stderr) == (
        1,
        "vq: broken: no process starts until this is put right or is off.\n",
    )
    servers = {"VQ_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x", "VQ_REDIS_URL": "redis://127.0.0.1:9/0"}
    stopped = vq("worker", path=broken, **servers)
    assert stopped.returncode == 1
    assert stopped.stderr.splitlines()[-1] == (
        "vq: The plug-in broken of broken 3.0 cannot be used: RuntimeError: no such drawer. "
        "`vq plugins` lists them all; to go on without: VQ_PLUGINS_OFF=broken."
    )


@pytest.mark.processes
async def test_it_works_in_a_real_relay_and_a_real_worker(settings: Settings, installed: Path, tmp_path: Path) -> None:
    cards, jar = tmp_path / "cards", tmp_path / "jar"
    cards.mkdir()
    jar.mkdir()
    (cards / "ada@private.example.card").write_text("Ada Lovelace\n")
    async with databases(settings) as dbs:
        await forget(dbs, settings)
        tenant_id, session_id = await _join(dbs, str(cards))
        with _process(settings, "relay", installed, jar), _process(settings, "worker", installed, jar):
            await until(lambda: _found(dbs, tenant_id, session_id), seconds=60)
            await until(lambda: _counted(jar), seconds=60)
        async with dbs.app.read(tenant_id) as tx:
            row = (await tx.exec(select(SessionCustomer))).one()
            assert row.customer is not None
            assert row.customer["name"] == "Ada Lovelace"
        assert (cards / "ada@private.example.card").read_text() == "Ada Lovelace\nA001 WAITING\n"
        await forget(dbs, settings)


async def _join(dbs: Databases, cards: str) -> tuple[UUID, UUID]:
    tenant_id = await new_tenant(dbs)
    async with dbs.app.write(tenant_id, SYSTEM) as tx:
        now = tx.now()
        tx.add(
            Integration(
                tenant_id=tenant_id,
                id=new_id(),
                kind=IntegrationKind.CRM,
                adapter="CARD_INDEX",
                name="Cards",
                options={"folder": cards},
                credentials={},
                created_at=now,
                created_by="TEST",
                updated_at=now,
                updated_by="TEST",
            )
        )
        queue = await queues.create(tx, QueueConfig(name="Queue", slug="queue"))
        session = await join(tx, JoinRequest(queue_id=queue.id, email="ada@private.example"))
    return tenant_id, session.id


async def _found(dbs: Databases, tenant_id: UUID, session_id: UUID) -> bool:
    async with dbs.app.read(tenant_id) as tx:
        found = await tx.get(SessionCustomer, (tenant_id, session_id))
    return found is not None


async def _counted(jar: Path) -> bool:
    return len(_peas(jar)) == 1


def _peas(jar: Path) -> list[Path]:
    return list(jar.glob("*.pea"))


@contextmanager
def _process(settings: Settings, name: str, installed: Path, jar: Path) -> Iterator[None]:
    path = os.pathsep.join([str(installed), str(Path(__file__).parents[2])])
    variables = environment(settings) | {"PYTHONPATH": path, "CARD_INDEX_JAR": str(jar)}
    process = subprocess.Popen([sys.executable, "-m", "app.cli", name], env=variables)
    try:
        yield
        assert process.poll() is None, f"the {name} has ended by itself"
    finally:
        process.kill()
        process.wait()
