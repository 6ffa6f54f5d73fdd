"""What was open before a tenant was suspended: every feed of it ends, whoever holds it."""

import pytest

from app.tenants import service as tenants
from tests.support.api import Api, Business, key_of
from tests.support.desk import Desk
from tests.support.feeds import display_feed, queue_feed, session_feed
from tests.support.ws_client import Closed, OperationFailed, Subscription

TENANT = "query($s: String!) { tenant(slug: $s) { id } }"


async def suspend(api: Api, business: Business) -> None:
    """As the platform does."""
    tenant_id = key_of("Tenant", (await api.anonymous(TENANT, s=business.slug))["id"])
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        await tenants.suspend(tx, tenant_id)


async def drain(feed: Subscription) -> None:
    """Read what came, to the end."""
    while True:
        await feed.payload()


async def test_open_feeds_of_a_suspended_tenant_end_and_do_not_come_back(api: Api, desk: Desk, other: Business) -> None:
    theirs = await other.queue()
    visitor = await other.join(theirs)
    elsewhere = await desk.join()
    async with (
        api.anonymous.socket() as board,
        visitor.visitor.socket() as neighbour,
        elsewhere.visitor.socket() as visiting,
        api.anonymous.socket() as bystander,
    ):
        doomed = [
            await board.subscribe(*display_feed(desk.queue)),
            await neighbour.subscribe(*queue_feed(desk.queue)),
            await visiting.subscribe(*session_feed(elsewhere.id)),
        ]
        going_on = await bystander.subscribe(*queue_feed(theirs))
        for feed in (*doomed, going_on):
            await feed.item()
        await suspend(api, desk.business)
        for client, code in ((board, 4403), (neighbour, 4403), (visiting, 4401)):
            assert (await client.closed()).code == code
        for feed in doomed:
            with pytest.raises(Closed):
                await drain(feed)
        await other.join(theirs)
        assert (await going_on.item())["waitingCount"] == 2
    async with api.anonymous.socket() as again:
        refused = await again.subscribe(*queue_feed(desk.queue))
        with pytest.raises(OperationFailed) as failed:
            await refused.payload()
        assert failed.value.code == "FORBIDDEN"
        assert (await (await again.subscribe(*queue_feed(theirs))).item())["waitingCount"] == 2
