"""A tenant's data key is changed while everything runs: nothing is lost, and of the old one nothing is left."""

import argparse
import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from app.commands import keys as command
from app.core.db import ReadTx
from app.core.events import read_log
from app.core.ids import decode
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater
from app.core.jobs.models import Job
from app.core.jobs.repository import ClaimedJob, JobRef
from app.core.personal import keys as kept
from app.core.personal import repository, rotation, tasks
from app.core.personal.events import KEY_ROTATION
from app.core.personal.keys import keys_of, version_of
from app.core.personal.models import KeyRotation, RotationStatus, TenantKey
from app.identity import repository as users
from app.identity.models import User
from app.sessions.models import Session
from tests.access.helpers import listed
from tests.support.api import Api, Business


@pytest.fixture
async def tenant_id(business: Business) -> UUID:
    """Somebody of every kind: staff, a visitor with a note, people on a list."""
    queue = await business.queue()
    await business.join(queue, userIdentifier="anna", contact={"email": "anna@example.com", "phone": "030 1234"})
    for number in range(5):
        await business.join(queue, userIdentifier=f"person {number}")
    await listed(business, queue, "INVITE", "ada", "grace")
    return decode("Queue", queue).tenant_id


async def started(api: Api, tenant_id: UUID) -> KeyRotation:
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        return await rotation.start(tx, active_after_seconds=0)


async def learn(api: Api, tenant_id: UUID) -> None:
    """As any process does within seconds."""
    kept.keys_of(tenant_id).seen_at = float("-inf")
    async with api.runtime.dbs.app.read(tenant_id):
        pass


async def versions(tx: ReadTx, tenant_id: UUID) -> set[int]:
    found = set()
    for name, values in rotation.tables():
        for each in values:
            rows = await tx.rows(f"select {each.column} from {name} where tenant_id = $1", tenant_id)
            found |= {version_of(row[0]) for row in rows if row[0] is not None}
    return found


async def stepped(api: Api, tenant_id: UUID, rotation_id: UUID, portion: int) -> int:
    """All steps, each in a transaction of its own; how many."""
    steps, more = 0, True
    while more:
        async with api.runtime.dbs.app.write(tenant_id) as tx:
            more = await rotation.step(tx, rotation_id, portion)
        steps += 1
    return steps


async def test_everything_is_sealed_anew_and_reads_as_before(api: Api, tenant_id: UUID) -> None:
    begun = await started(api, tenant_id)
    assert (begun.status, begun.to_version) == (RotationStatus.WAITING, 2)
    await learn(api, tenant_id)
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        assert await rotation.is_settled(tx, begun.id, 0)
        assert await versions(tx, tenant_id) == {1}
    assert await stepped(api, tenant_id, begun.id, 2) > 5
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        done = await repository.newest(tx)
        assert done is not None
        assert (done.status, done.done_rows) == (RotationStatus.DONE, done.total_rows)
        assert done.total_rows >= 9
        assert await versions(tx, tenant_id) == {2}
        people = (await tx.exec(select(Session).where(Session.tenant_id == tenant_id))).all()
        staff = (await tx.exec(select(User).where(User.tenant_id == tenant_id))).all()
        assert {one.user_identifier for one in people} == {"anna", *(f"person {number}" for number in range(5))}
        assert {one.email for one in people} == {"anna@example.com", None}
        # Found as before, because the index has not changed.
        assert (await users.by_email(tx, staff[0].email)) is staff[0]
        log = await read_log(tx, KEY_ROTATION, begun.id, after=0)
    assert [(fact.revision, fact.type, fact.actor, fact.data) for fact in log] == [
        (1, "KEY_ROTATION_STARTED", "SYSTEM", {"to_version": 2}),
        (2, "KEY_ROTATION_FINISHED", "SYSTEM", {"to_version": 2, "rows": done.total_rows}),
    ]


async def test_what_somebody_holds_is_come_back_to(api: Api, tenant_id: UUID) -> None:
    begun = await started(api, tenant_id)
    await learn(api, tenant_id)
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        await rotation.is_settled(tx, begun.id, 0)
    async with api.runtime.dbs.app.write(tenant_id) as holder:
        (held,) = await holder.rows("select id from users where tenant_id = $1 limit 1 for no key update", tenant_id)
        for _ in range(30):  # past the end, and to the beginning again
            async with api.runtime.dbs.app.write(tenant_id) as tx:
                assert await rotation.step(tx, begun.id, 100), "it is not through while a row is held"
        sealed = await holder.rows("select email_sealed from users where id = $1", held["id"])
        assert version_of(sealed[0][0]) == 1
    await stepped(api, tenant_id, begun.id, 100)
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        assert await versions(tx, tenant_id) == {2}


async def test_a_value_that_does_not_open_keeps_nobody_from_it(
    api: Api, business: Business, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named and nothing of it told; its key stays, and the next rotation goes on as well."""
    begun = await started(api, tenant_id)
    await learn(api, tenant_id)
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        ((broken,),) = await tx.rows(
            "update sessions set phone_sealed = overlay(phone_sealed placing '\\x00'::bytea from 20 for 1)"
            " where tenant_id = $1 and phone_sealed is not null returning id",
            tenant_id,
        )
    monkeypatch.setattr(rotation, "SETTLED_AFTER_SECONDS", 0.0)
    await run_job(api, tenant_id)
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        found = await repository.newest(tx)
        assert found is not None
        assert (found.status, found.unopened_rows, found.unopened) == (RotationStatus.DONE, 1, [f"sessions {broken}"])
        assert found.done_rows == found.total_rows - 1
        left = [repository.look(tx, table, begun.to_version, UUID(int=0), 10) for table in rotation.tables()]
        assert [row[0] for each in left for row in await each] == [broken]
    assert f"sessions {broken}" in caplog.text
    told = await command.data_keys(api.runtime.settings, business.slug, rotate=False)
    assert command.told(told[business.slug]).endswith(
        f"; 1 rows do not open and keep the key before it: sessions {broken}"
    )
    await run_job(api, tenant_id)
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        assert await data_versions(tx, tenant_id) == {1, 2}
        await tx.rows("update sessions set phone_sealed = null, phone_index = null where id = $1", broken)
    again = await started(api, tenant_id)
    await learn(api, tenant_id)
    await run_job(api, tenant_id)
    await run_job(api, tenant_id)
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        assert await data_versions(tx, tenant_id) == {again.to_version}


async def test_nothing_is_sealed_anew_before_everybody_has_the_key(api: Api, tenant_id: UUID) -> None:
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        begun = await rotation.start(tx)
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        assert (await rotation.start(tx)).id == begun.id, "one at a time"
    await learn(api, tenant_id)
    assert keys_of(tenant_id).version == 1, "known, and not used yet"
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        assert not await rotation.is_settled(tx, begun.id, 0)
        (job,) = (await tx.exec(select(Job).where(Job.tenant_id == tenant_id, Job.name == rotation.JOB))).all()
        assert job.send_at >= begun.started_at + timedelta(
            seconds=kept.ACTIVE_AFTER_SECONDS + rotation.SETTLED_AFTER_SECONDS
        )
    with pytest.raises(RetryLater):
        await tasks.rotate.handler(context_of(api, job))


async def test_the_job_does_all_of_it_and_the_old_key_is_forgotten(
    api: Api, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await started(api, tenant_id)
    await learn(api, tenant_id)
    monkeypatch.setattr(rotation, "SETTLED_AFTER_SECONDS", 0.0)
    await run_job(api, tenant_id)
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        found = await tx.get(KeyRotation, (tenant_id, begun.id))
        assert found is not None
        assert found.status is RotationStatus.DONE
        assert await data_versions(tx, tenant_id) == {1, 2}, "what somebody read a moment ago opens still"
    await run_job(api, tenant_id)
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        assert await data_versions(tx, tenant_id) == {2}


async def test_an_old_key_that_is_still_needed_is_kept(api: Api, tenant_id: UUID) -> None:
    begun = await started(api, tenant_id)
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        await rotation.finish(tx, begun.to_version)
        assert await data_versions(tx, tenant_id) == {1, 2}


async def test_the_command_begins_and_tells(
    api: Api, business: Business, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = api.runtime.settings
    before = await command.data_keys(settings, business.slug, rotate=False)
    assert [command.told(each) for each in before.values()] == ["the data key was never rotated"]
    begun = await command.data_keys(settings, business.slug, rotate=True)
    assert [command.told(each) for each in begun.values()] == ["data key 2: WAITING, 0 rows sealed anew"]
    assert await command.data_keys(settings, "no-such-tenant", rotate=True) == {}
    parser = argparse.ArgumentParser()
    command.configure(parser)
    assert parser.parse_args(["rotate", "--purpose", "data"]).tenant is None


async def data_versions(tx: ReadTx, tenant_id: UUID) -> set[int]:
    found = await tx.exec(select(TenantKey.version).where(TenantKey.tenant_id == tenant_id, TenantKey.version > 0))
    return set(found)


def context_of(api: Api, job: Job) -> JobContext:
    claimed = ClaimedJob(JobRef(job.tenant_id, job.id), job.name, job.args, job.attempts, None, job.attempts)
    return JobContext(api.runtime.settings, api.runtime.clock, api.runtime.dbs.app, claimed)


async def run_job(api: Api, tenant_id: UUID) -> None:
    """The one job there is, as a worker would: claimed."""
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        job = (
            await tx.exec(
                select(Job).where(
                    Job.tenant_id == tenant_id,
                    Job.name == rotation.JOB,
                    Job.done_at.is_(None),  # type: ignore[union-attr]
                )
            )
        ).one()
    await tasks.rotate.handler(context_of(api, job))


async def test_two_who_begin_at_once_begin_one(api: Api, tenant_id: UUID) -> None:
    first, second = await asyncio.gather(started(api, tenant_id), started(api, tenant_id))
    assert first.id == second.id
