"""Of the input a retried mutation is compared by, only a hash under the tenant's own key is kept."""

import pytest
from sqlmodel import select

from app.core.idempotency import FirstResults, IdempotencyConflict, IdempotencyKey, first_result, remember
from app.core.ids import Ref, new_id, parse
from tests.support.api import Api

INPUT = ("queue", {"email": "jane.canary@mail.example", "phone": None})
SCOPE, KEY = "test", "one key"


async def kept(api: Api, tenant: Ref) -> str:
    """The hash of what was given, once it was remembered."""
    async with api.runtime.dbs.app.write(tenant.tenant_id) as tx:
        remember(tx, SCOPE, KEY, new_id(), *INPUT)
    async with api.runtime.dbs.app.read(tenant.tenant_id) as tx:
        row = (await tx.exec(select(IdempotencyKey).where(IdempotencyKey.scope == SCOPE))).one()
    return row.input_hash


async def test_nobody_without_the_key_of_the_tenant_can_guess_the_input(api: Api) -> None:
    here, there = [parse(await (await api.new_business()).queue())[1] for _ in range(2)]
    hashes = [await kept(api, each) for each in (here, there)]
    assert hashes[0] != hashes[1]
    async with api.runtime.dbs.app.write(here.tenant_id) as tx:
        assert await first_result(tx, SCOPE, KEY, *INPUT) is not None
        results = await FirstResults.of(tx, SCOPE, [(tx.actor, KEY)])
        assert results.get(tx.actor, KEY, *INPUT) is not None
        with pytest.raises(IdempotencyConflict):
            await first_result(tx, SCOPE, KEY, "queue", {"email": "other@mail.example", "phone": None})
        with pytest.raises(IdempotencyConflict):
            results.get(tx.actor, KEY, "queue")
