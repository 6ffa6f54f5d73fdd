"""Jobs as operators see them: what waits, what has failed, and another chance; the platform's alone."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.clock import SystemClock
from app.core.ids import encode, parse
from app.core.jobs.lanes import Lane
from app.core.jobs.models import Job
from app.core.jobs.repository import claim
from app.identity.models import Role
from app.jobs.repository import _LOAD
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.holdings import platform

NAME = "test.of_nobody"


@pytest.fixture
async def operator(api: Api) -> Caller:
    return await platform(api)


async def add(api: Api, business: Business, **values: Any) -> str:
    """A job no worker has: none runs here."""
    viewer = await business.admin("{ viewer { ... on User { id } } }")
    tenant_id, now = parse(viewer["id"])[1].tenant_id, SystemClock().now()
    job = Job(
        **{
            "tenant_id": tenant_id,
            "id": uuid4(),
            "name": NAME,
            "dedupe_key": uuid4().hex,
            "args": {"secret": "args are not shown"},
            "created_at": now,
            "due_at": now,
            "send_at": now + timedelta(days=1),
        }
        | values
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(job)
    return encode("Job", tenant_id, job.id)


async def failed(api: Api, business: Business, **values: Any) -> str:
    given = {"failed_at": SystemClock().now(), "error": "KeyError", "attempts": 20}
    return await add(api, business, **given | values)


async def test_operators_see_what_waits_how_long_and_what_failed(
    api: Api, business: Business, operator: Caller
) -> None:
    now, name = SystemClock().now(), f"test.{uuid4().hex[:12]}"
    await add(api, business, name=name, due_at=now - timedelta(minutes=5))
    await add(api, business, name=name, due_at=now - timedelta(minutes=1))
    await add(api, business, name=name, due_at=now + timedelta(minutes=5))
    await add(api, business, name=name, done_at=now)
    await failed(api, business, name=name, lane=Lane.BULK)
    overview = await operator(operation("JobOverview"))
    bulk, normal = sorted((each for each in overview["loads"] if each["name"] == name), key=lambda each: each["lane"])
    assert 300 <= normal.pop("oldestSeconds") < 330
    assert normal == {"name": name, "lane": "NORMAL", "waitingCount": 2, "laterCount": 1, "failedCount": 0}
    assert bulk["lane"] == "BULK"
    assert (bulk["waitingCount"], bulk["failedCount"], bulk["oldestSeconds"]) == (0, 1, None)


async def test_the_list_is_filtered_and_pages(api: Api, business: Business, operator: Caller) -> None:
    now = SystemClock().now()
    tenant_id = parse((await business.admin("{ tenant { id } }"))["id"])[1].id
    mine = {"tenantId": encode("Tenant", tenant_id, tenant_id)}
    waiting = [await add(api, business, created_at=now - timedelta(seconds=each)) for each in range(3)]
    later = await add(api, business, due_at=now + timedelta(hours=1), created_at=now - timedelta(minutes=1))
    broken = await failed(api, business, name="test.other", created_at=now - timedelta(minutes=2))
    await add(api, business, done_at=now)

    async def ids(**filter: Any) -> list[str]:
        page = await operator(operation("JobList"), first=100, filter=mine | filter)
        assert "not shown" not in str(page)
        return [edge["node"]["id"] for edge in page["edges"] if edge["node"]["name"].startswith("test.")]

    assert await ids() == [*waiting, later, broken]
    assert await ids(status="WAITING") == waiting
    assert await ids(status="LATER") == [later]
    assert await ids(status="FAILED") == [broken] == await ids(name="test.other")
    assert await ids(lane="URGENT") == []
    first = await operator(operation("JobList"), first=2, filter=mine | {"name": NAME})
    after = await operator(
        operation("JobList"), first=2, after=first["pageInfo"]["endCursor"], filter=mine | {"name": NAME}
    )
    assert [edge["node"]["id"] for page in (first, after) for edge in page["edges"]] == [*waiting, later]


async def test_what_has_failed_gets_all_its_tries_again(api: Api, business: Business, operator: Caller) -> None:
    job_id = await failed(api, business)
    done = await operator(operation("JobRetry"), input={"jobId": job_id})
    assert done["__typename"] == "JobRetrySuccess"
    assert (done["job"]["status"], done["job"]["failedAt"], done["job"]["attempts"]) == ("WAITING", None, 20)
    ref = parse(job_id)[1]
    async with api.runtime.dbs.app.write(ref.tenant_id) as tx:
        held = await claim(tx, ref.id, due_before=tx.now(), lease_until=tx.now() + timedelta(seconds=15))
    assert held is not None
    assert (held.attempt, held.tries) == (21, 1)
    assert await _events(api, ref.tenant_id, ref.id) == ["JOB_RETRIED"]


async def test_only_what_has_failed_is_tried_again(api: Api, business: Business, operator: Caller) -> None:
    for job_id in (await add(api, business), await add(api, business, done_at=SystemClock().now())):
        refused = await operator(operation("JobRetry"), input={"jobId": job_id})
        assert refused["__typename"] == "JobNotFailedError"
    with pytest.raises(GraphQLFailed) as gone:
        await operator(operation("JobRetry"), input={"jobId": encode("Job", uuid4(), uuid4())})
    assert gone.value.code == "NOT_FOUND"


@pytest.mark.parametrize("role", [*(role for role in Role if role is not Role.SUPER_ADMIN), None])
async def test_nobody_else_sees_or_touches_them(api: Api, business: Business, role: Role | None) -> None:
    job_id = await failed(api, business)
    caller = api.anonymous if role is None else await business.user(role) if role is not Role.ADMIN else business.admin
    for document, variables in (
        ("JobOverview", {}),
        ("JobList", {"first": 1}),
        ("JobRetry", {"input": {"jobId": job_id}}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await caller(operation(document), **variables)
        assert refused.value.code == ("UNAUTHENTICATED" if role is None else "FORBIDDEN")


async def _events(api: Api, tenant_id: UUID, job_id: UUID) -> list[str]:
    async with api.runtime.dbs.system.read(tenant_id) as tx:
        rows = await tx.rows("select type from events where tenant_id = $1 and aggregate_id = $2", tenant_id, job_id)
    return [row[0] for row in rows]


async def test_what_is_done_is_not_read_to_see_what_is_not(api: Api) -> None:
    async with api.runtime.dbs.system.write(None) as tx:
        # So few rows are read as a whole otherwise.
        await tx.rows("set local enable_seqscan = off")
        plan = "\n".join(row[0] for row in await tx.rows(f"explain {_LOAD}", tx.now()))
    assert "jobs_unsent_idx" in plan
    assert "jobs_failed_idx" in plan
