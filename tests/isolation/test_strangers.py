"""Where tenants meet: places that are public, shared by all tenants of a process, or reached with an id that lies."""

import asyncio
from uuid import uuid4

import pytest

from app.core.errors import NotFound
from app.core.ids import encode, parse
from app.sessions.live import LiveLines
from tests.support.api import JOIN, Api, GraphQLFailed
from tests.support.ws_client import OperationFailed


async def test_a_forged_id_does_not_take_the_line_from_its_owner(api: Api) -> None:
    """Both ask for the same queue at the same moment, one of them in the wrong tenant."""
    owner, other = await api.new_business(), await api.new_business()
    queue = parse(await owner.queue())[1]
    stranger_tenant = parse(await other.queue())[1].tenant_id
    lines = LiveLines(api.runtime.dbs.app, api.runtime.bus)
    try:
        forged, owned = await asyncio.gather(
            lines.get(stranger_tenant, queue.id), lines.get(queue.tenant_id, queue.id), return_exceptions=True
        )
        assert isinstance(forged, NotFound)
        assert not isinstance(owned, BaseException), owned
        assert owned.line.revision == 1
        with pytest.raises(NotFound):
            await lines.get(stranger_tenant, queue.id)
    finally:
        await lines.stop()


async def test_a_category_of_another_tenant_is_not_found(api: Api) -> None:
    """Its key alone would be right: the id as a whole is not."""
    business = await api.new_business()
    queue_id = await business.queue()
    made = await business.admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": queue_id, "name": "Category"},
    )
    forged = encode("QueueCategory", uuid4(), parse(made["category"]["id"])[1].id)
    with pytest.raises(GraphQLFailed) as refusal:
        await api.anonymous(JOIN, i={"queueId": queue_id, "categoryId": forged})
    assert refusal.value.code == "NOT_FOUND"


async def test_a_visitor_is_a_stranger_elsewhere(api: Api) -> None:
    """A place in one business is nobody's business in another: its log does not name it."""
    home, elsewhere = await api.new_business(), await api.new_business()
    visitor = (await home.join(await home.queue())).visitor
    queue_id = await elsewhere.queue()

    joined = await visitor(JOIN, i={"queueId": queue_id})

    assert joined["__typename"] == "QueueJoinSuccess"
    queue = await elsewhere.admin(
        "query($id: ID!) { queue(id: $id) { events(first: 5) { edges { node { type actor } } } } }", id=queue_id
    )
    events = [edge["node"] for edge in queue["events"]["edges"]]
    assert events[-1] == {"type": "SESSION_JOINED", "actor": "ANONYMOUS"}


@pytest.mark.parametrize(
    "document",
    [
        "query($id: ID!) { queue(id: $id) { name } }",
        "query($id: ID!) { node(id: $id) { id } }",
        "query($id: ID!) { display(queueIds: [$id]) { queues { name } } }",
        "subscription($id: ID!) { queueChanged(queueId: $id) { name } }",
        "subscription($id: ID!) { displayChanged(queueIds: [$id]) { queues { name } } }",
    ],
)
async def test_what_was_put_away_is_not_found_in_public(api: Api, document: str) -> None:
    business = await api.new_business()
    queue_id = await business.queue()
    archived = await business.admin(
        "mutation($i: QueueArchiveInput!) { queueArchive(input: $i) { __typename } }", i={"queueId": queue_id}
    )
    assert archived["__typename"] == "QueueArchiveSuccess"
    async with api.anonymous.socket() as socket:
        subscription = await socket.subscribe(document, {"id": queue_id})
        try:
            errors = (await subscription.payload())["errors"]
        except OperationFailed as refusal:
            errors = refusal.errors
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"]
