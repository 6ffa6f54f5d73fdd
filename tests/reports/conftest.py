"""A business with a queue, a mail server, and its relay and worker driven by hand, on a clock that stands still."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader
from sqlmodel import col, select

from app.core.actor import Actor, ActorKind
from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.events import EventRow
from app.identity import service as users
from app.identity.models import Role
from app.identity.permissions import MATRIX
from app.identity.service import NewUser
from app.reports import due, service
from app.reports.models import ReportRun, SavedReport
from app.reports.periods import RelativePeriod
from app.reports.service import NewReport
from app.settings import Settings
from app.transfers import files
from app.transfers import repository as transfers
from tests.analytics.counting import Counting, counting
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.notifications.world import World
from tests.notifications.world import world as open_world
from tests.support.api import _hashed

__all__ = ["clock", "dbs", "settings"]


@dataclass
class Desk:
    """Somebody who has reports made."""

    world: World
    counts: Counting
    sink: Sink
    clock: ManualClock
    actor: Actor

    @property
    def tenant_id(self) -> UUID:
        return self.world.tenant_id

    async def report(self, **values: Any) -> SavedReport:
        """A new report, of today unless something else is said."""
        new = NewReport(**({"name": "Figures", "period": RelativePeriod.TODAY} | values))
        async with self.world.dbs.app.write(self.tenant_id, self.actor) as tx:
            return await service.create(tx, new)

    async def user(self, email: str, role: Role = Role.MANAGER) -> UUID:
        """A member of staff, who can sign in."""
        async with self.world.dbs.app.write(self.tenant_id) as tx:
            return (await users.create(tx, NewUser(email, await _hashed(), role))).id

    async def run(self, report: SavedReport, *, send: bool = False) -> ReportRun:
        """A run that was asked for and made."""
        async with self.world.dbs.app.write(self.tenant_id, self.actor) as tx:
            started = await service.run(tx, report.id, send=send)
        await self.world.settle()
        return await self.look(started.id)

    async def look(self, run_id: UUID) -> ReportRun:
        """As it is now."""
        async with self.world.dbs.app.read(self.tenant_id) as tx:
            found = await tx.get(ReportRun, (self.tenant_id, run_id))
        assert found is not None
        return found

    async def runs(self) -> list[ReportRun]:
        """All there are, by when they were due."""
        async with self.world.dbs.app.read(self.tenant_id) as tx:
            found = (await tx.exec(select(ReportRun).order_by(col(ReportRun.slot), col(ReportRun.id)))).all()
        return list(found)

    async def find_due(self) -> None:
        """What a worker does every half minute."""
        await due.look(self.world.dbs.system)

    async def types(self, aggregate_type: str) -> list[str]:
        """What has happened to objects of a kind, in order."""
        async with self.world.dbs.app.read(self.tenant_id) as tx:
            found = await tx.exec(
                select(EventRow.type)
                .where(EventRow.aggregate_type == aggregate_type)
                .order_by(col(EventRow.occurred_at), col(EventRow.revision))
            )
        return list(found)

    async def content(self, run: ReportRun, locale: str = "en") -> bytes:
        """A file that was made."""
        (kept,) = [each for each in run.files if each["locale"] == locale]
        async with self.world.dbs.app.read(self.tenant_id) as tx:
            file = await transfers.get_file(tx, UUID(kept["fileId"]))
        return b"".join([part async for part in files.contents(self.world.dbs.app, file)])


def text_of(file: bytes) -> str:
    """What a PDF says, read by another library than the one that made it."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with open_sink() as opened:
        yield opened


@pytest.fixture
async def desk(settings: Settings, dbs: Databases, clock: ManualClock, sink: Sink) -> AsyncIterator[Desk]:
    there = settings.model_copy(update={"smtp_url": sink.url, "smtp_from": "Bäckerei <no-reply@shop.example>"})
    async with open_world(there, dbs, clock) as world:
        actor = Actor(ActorKind.API_KEY, world.tenant_id, permissions=frozenset(MATRIX[Role.ADMIN]))
        counts = counting(settings, clock)
        yield Desk(world, counts, sink, clock, actor)
        await counts.system.dispose()
