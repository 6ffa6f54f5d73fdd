"""A business, and the jobs that follow from what its people ask for, done one by one as a worker does them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlmodel import col, select

from app.core.events import EventRow
from app.core.events.reactions import Fact, jobs_owed
from app.core.ids import parse
from app.core.jobs import repository as jobs
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.models import Job
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import JobRunner
from app.identity.models import Role
from app.reactions import JOBS, REACTIONS
from tests.audit.conftest import Tamper, tamper
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller

__all__ = ["Tamper", "tamper"]


@dataclass
class Desk:
    """Somebody who has files made, and a worker."""

    business: Business
    tenant_id: UUID
    runner: JobRunner

    @property
    def api(self) -> Api:
        return self.business.api

    @property
    def admin(self) -> Caller:
        return self.business.admin

    async def ask(self, name: str, caller: Caller | None = None, **input: Any) -> Any:
        """The answer of an operation of the contract."""
        given = {"cancel" if name.endswith("Cancel") else "input": input}
        return await (caller or self.admin)(operation(name), **given)

    async def owed(self, type: str, object_id: str) -> JobRef:
        """The job that follows from an event about this object; as the relay would write it."""
        key = parse(object_id)[1].id
        dbs = self.api.runtime.dbs
        async with dbs.app.read(self.tenant_id) as tx:
            event = (
                await tx.exec(select(EventRow).where(col(EventRow.aggregate_id) == key, EventRow.type == type))
            ).one()
        fact = Fact(
            id=event.id,
            tenant_id=self.tenant_id,
            aggregate_type=event.aggregate_type,
            aggregate_id=key,
            revision=event.revision,
            occurred_at=event.occurred_at,
            type=type,
            json=orjson.dumps(event.data).decode(),
            request_id=None,
        )
        async with dbs.system.write(self.tenant_id) as tx:
            (ref,) = await jobs.write(tx, jobs_owed(REACTIONS, [fact]), send_at=tx.now())
        return ref

    async def job(self, ref: JobRef) -> Job:
        """Its row."""
        async with self.api.runtime.dbs.app.read(self.tenant_id) as tx:
            found = await tx.get(Job, (ref.tenant_id, ref.id))
        assert found is not None
        return found

    async def exported(self, **input: Any) -> dict[str, Any]:
        """An export that was asked for, and its job done."""
        asked = await self.ask("ExportCreate", **({"format": "JSON"} | input))
        assert asked["__typename"] == "ExportCreateSuccess", asked
        await self.runner.run(await self.owed("EXPORT_REQUESTED", asked["export"]["id"]))
        return await self.export(asked["export"]["id"])

    async def export(self, id: str, caller: Caller | None = None) -> dict[str, Any]:
        """As it is now."""
        page = await (caller or self.admin)(operation("ExportList"), first=100)
        (found,) = [edge["node"] for edge in page["edges"] if edge["node"]["id"] == id]
        return dict(found)

    async def content(self, export: dict[str, Any]) -> bytes:
        """What the link gives."""
        assert export["status"] == "DONE", export
        response = await self.api.http.get(export["downloadUrl"])
        assert response.status_code == 200, response.text
        return response.content

    async def rows(self, **input: Any) -> list[dict[str, Any]]:
        """The objects of an export as JSON."""
        rows: list[dict[str, Any]] = orjson.loads(await self.content(await self.exported(**input)))
        return rows

    async def user(self, role: Role) -> Caller:
        return await self.business.user(role)


@pytest.fixture
async def desk(api: Api, business: Business) -> AsyncIterator[Desk]:
    runtime = api.runtime
    dispatcher = Dispatcher(runtime.settings)
    runner = JobRunner(runtime.settings, runtime.clock, runtime.dbs.app, JOBS, dispatcher)
    tenant = await business.admin("query($s: String!) { tenant(slug: $s) { id } }", s=business.slug)
    yield Desk(business, parse(tenant["id"])[1].tenant_id, runner)
    await dispatcher.close()


def new_key() -> str:
    return uuid4().hex
