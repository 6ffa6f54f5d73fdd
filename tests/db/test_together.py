"""Several statements in one round trip: the same rows, the same changes, and all of a block or nothing."""

from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from app.core.db import Statement
from app.core.db.together import changes_in_one, reads_in_one
from app.core.idempotency import IdempotencyKey
from app.core.ids import decode
from app.queues.repository import holding
from tests.support.api import Api, Business

_INSERT = """
    insert into idempotency_keys (tenant_id, scope, key, input_hash, result_id, created_at)
    select $1, 'together', key, 'x', gen_random_uuid(), now() from unnest($2::text[]) as new (key)
"""
_COUNT = "select count(*) as count from idempotency_keys where tenant_id = $1 and scope = 'together'"


def test_values_are_counted_on() -> None:
    first, second = Statement("a $1 $2", (1, 2)), Statement("b $2 $1 $10", tuple(range(10)))
    assert changes_in_one([first]) is first
    text, values = changes_in_one([first, second])
    assert text == "with part_0 as (a $1 $2), part_1 as (b $4 $3 $12) select"
    assert values == (1, 2, *range(10))
    text, values = reads_in_one([first, second])
    assert text.count("array(") == 2
    assert "b $4 $3 $12" in text
    assert values == (1, 2, *range(10))


async def test_what_is_asked_together_is_what_each_would_have_told(api: Api, business: Business) -> None:
    queue = decode("Queue", await business.queue())
    async with api.runtime.dbs.app.read(queue.tenant_id) as tx:
        nobody, line, tenant = await tx.ask(
            Statement("select id from sessions where queue_id = $1", (queue.id,)),
            Statement("select id, revision, null::int from queue_lines where id = $1", (queue.id,)),
            Statement("select limits, created_at from tenants where id = $1", (queue.tenant_id,)),
        )
        (alone,) = await tx.rows("select limits, created_at from tenants where id = $1", queue.tenant_id)
    assert list(nobody) == []
    assert [tuple(row) for row in line] == [(queue.id, 1, None)]
    assert [tuple(row) for row in tenant] == [(alone["limits"], alone["created_at"])]
    assert isinstance(alone["limits"], dict)


async def test_what_is_put_off_is_done_before_anything_is_read(api: Api, business: Business) -> None:
    tenant_id = decode("Queue", await business.queue()).tenant_id
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        tx.rows_later(_INSERT, tenant_id, ["a", "b"])
        tx.rows_later(_INSERT, tenant_id, ["c"])
        assert len(tx.unsent) == 2
        assert [row["count"] for row in await tx.rows(_COUNT, tenant_id)] == [3]
        tx.rows_later(_INSERT, tenant_id, ["d"])
        statement = select(IdempotencyKey).where(IdempotencyKey.tenant_id == tenant_id)
        assert {row.key for row in await tx.exec(statement) if row.scope == "together"} == {"a", "b", "c", "d"}
        tx.rows_later(_INSERT, tenant_id, ["e"])
        assert await tx.get(IdempotencyKey, (tenant_id, "together", "e")) is not None
        tx.rows_later(_INSERT, tenant_id, ["f"])
    async with api.runtime.dbs.app.read(tenant_id) as reading:
        assert [row["count"] for row in await reading.rows(_COUNT, tenant_id)] == [6]


async def test_one_of_them_that_is_refused_takes_all_of_the_block_along(api: Api, business: Business) -> None:
    tenant_id = decode("Queue", await business.queue()).tenant_id

    async def block(*keys: list[str], bug: Exception | None = None) -> None:
        async with api.runtime.dbs.app.write(tenant_id) as tx:
            for each in keys:
                tx.rows_later(_INSERT, tenant_id, each)
            if bug is not None:
                raise bug

    with pytest.raises(IntegrityError):
        await block(["a"], ["twice", "twice"])
    with pytest.raises(RuntimeError):
        await block(["a"], bug=RuntimeError())
    async with api.runtime.dbs.app.read(tenant_id) as reading:
        assert [row["count"] for row in await reading.rows(_COUNT, tenant_id)] == [0]


async def test_a_lock_that_is_taken_with_begin_belongs_to_that_block_only(api: Api, business: Business) -> None:
    queue, other = [decode("Queue", await business.queue()) for _ in range(2)]
    db = api.runtime.dbs.app
    locked = "select 1 from queue_lines where tenant_id = $1 and id = $2 for no key update skip locked"
    async with db.write(queue.tenant_id, begin_with=holding(*queue)), db.write(queue.tenant_id) as beside:
        assert not await beside.rows(locked, *queue)
        assert await beside.rows(locked, *other)
    async with db.write(queue.tenant_id) as later, db.write(uuid4(), begin_with=holding(*queue)):
        assert await later.rows(locked, *queue), "nothing is locked in another tenant's name"
