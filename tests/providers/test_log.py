"""What stands in the log of who came by a provider: from where they came back, and in which request."""

from sqlmodel import col, select

from app.core.events import EventRow
from app.core.ids import decode
from tests.providers.journey import Traveller, believe
from tests.providers.stand_in import StandIn
from tests.support.api import Api, Business


async def test_whoever_comes_for_the_first_time_comes_from_somewhere(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    await believe(business, honest, defaultRole="STAFF")
    back = await traveller.travel(await traveller.set_out(business.slug, "sso"))
    answer = await traveller.get(back)
    assert answer.status_code == 303, answer.text
    tenant_id = decode("Queue", await business.queue()).tenant_id
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        rows = await tx.exec(
            select(EventRow)
            .where(EventRow.tenant_id == tenant_id, col(EventRow.request_id) == answer.headers["x-request-id"])
            .order_by(col(EventRow.revision))
        )
        told = [(row.type, row.actor, row.address, row.agent) for row in rows]
    agent = api.http.headers["user-agent"]
    assert told == [
        ("USER_CREATED", "SYSTEM", "127.0.0.1", agent),
        ("USER_IDENTITY_LINKED", "SYSTEM", "127.0.0.1", agent),
    ]
