"""A row that is read anew in the block that has changed it: the change stays, and is written."""

from app.core.ids import decode
from app.identity import repository as users
from app.tenants import repository as tenants
from tests.support.api import Api, Business


async def test_what_a_block_has_changed_is_not_undone_by_a_lock(api: Api, business: Business) -> None:
    viewer = decode("User", (await business.admin("{ viewer { ... on User { id } } }"))["id"])
    async with api.runtime.dbs.app.write(viewer.tenant_id) as tx:
        user = await users.lock(tx, viewer.id)
        user.last_name = "Lovelace"
        # Of another table: nothing to write yet.
        await tenants.lock(tx, viewer.tenant_id)
        assert user in tx.dirty
        assert (await users.lock(tx, viewer.id)).last_name == "Lovelace"
        assert user not in tx.dirty
    async with api.runtime.dbs.app.read(viewer.tenant_id) as tx:
        assert (await users.get(tx, viewer.id)).last_name == "Lovelace"
