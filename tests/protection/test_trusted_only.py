"""Where only known documents may be sent: by whom, by every transport, and by their ids."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.core.graphql.trusted import document_id
from app.settings import Settings
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed, open_api
from tests.support.ws_client import OperationFailed

VIEWER = operation("Viewer")
UNKNOWN = "{ viewer { __typename ... on User { id } } }"


@pytest.fixture(scope="module")
async def strict(migrated_settings: Settings) -> AsyncIterator[Api]:
    """An installation that answers nothing else."""
    settings = migrated_settings.model_copy(update={"trusted_documents_only": True})
    async with open_api(settings, SystemClock()) as opened:
        yield opened


async def post(api: Api, body: dict[str, Any], token: str | None = None, **headers: str) -> Any:
    """The decoded answer to any body."""
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    return (await api.http.post("/graphql", json=body, headers=bearer | headers)).json()


def code(body: Any) -> str:
    """The code of the only error."""
    (error,) = body["errors"]
    return str(error["extensions"]["code"])


async def own(business: Business, trusted_only: bool) -> None:
    """Let a tenant choose, with the document that front-ends have for it."""
    tenant = await business.admin(operation("TenantBySlug"), slug=business.slug)
    changed = await business.admin(
        operation("TenantUpdate"), input={"tenantId": tenant["id"], "settings": {"trustedDocumentsOnly": trusted_only}}
    )
    assert changed["tenant"]["settings"]["trustedDocumentsOnly"] is trusted_only


async def test_an_installation_may_answer_nothing_else(strict: Api, business: Business) -> None:
    assert "errors" not in await post(strict, {"query": VIEWER}, business.admin.token)
    for query in (UNKNOWN, "{ __schema { types { name } } }", VIEWER.replace("viewer", "viewer viewer2: viewer", 1)):
        body = await post(strict, {"query": query}, business.admin.token)
        assert code(body) == "DOCUMENT_NOT_TRUSTED"
        assert "data" not in body
        assert code(await post(strict, {"query": query})) == "DOCUMENT_NOT_TRUSTED"


async def test_by_every_transport(strict: Api, business: Business) -> None:
    caller = Caller(strict, business.admin.token)
    async with caller.socket() as socket:
        assert "errors" not in await (await socket.subscribe(VIEWER)).payload()
        with pytest.raises(OperationFailed) as refusal:
            await (await socket.subscribe(UNKNOWN)).payload()
        assert refusal.value.code == "DOCUMENT_NOT_TRUSTED"
        # The socket and its other operations go on.
        assert "errors" not in await (await socket.subscribe(VIEWER)).payload()
    stream = await strict.http.post(
        "/graphql",
        json={"query": UNKNOWN},
        headers={"accept": "text/event-stream", "authorization": f"Bearer {caller.token}"},
    )
    assert "DOCUMENT_NOT_TRUSTED" in stream.text


async def test_a_tenant_may_demand_it_of_its_people_visitors_and_guests(api: Api, business: Business) -> None:
    queue = await business.queue()
    visitor = (await business.join(queue)).visitor
    other = await api.new_business()
    await own(business, True)
    look = "query($id: ID!) { queue(id: $id) { name } }"
    for caller in (business.admin, visitor):
        with pytest.raises(GraphQLFailed, match="DOCUMENT_NOT_TRUSTED"):
            await caller(UNKNOWN)
        assert await caller(VIEWER)
    for guest in (api.anonymous, (await other.join(await other.queue())).visitor):
        with pytest.raises(GraphQLFailed, match="DOCUMENT_NOT_TRUSTED"):
            await guest(look, id=queue)
        with pytest.raises(GraphQLFailed, match="DOCUMENT_NOT_TRUSTED"):
            await guest("query($s: String!) { tenant(slug: $s) { name } }", s=business.slug)
    # Nobody else's business.
    assert await other.admin(UNKNOWN)
    assert await api.anonymous(look, id=await other.queue())
    # And back, by a document of the front-ends.
    await own(business, False)
    assert await business.admin(UNKNOWN)


async def test_nothing_happens_that_an_unknown_document_asks_for(api: Api, business: Business) -> None:
    queue = await business.queue()
    await own(business, True)
    body = await post(
        api,
        {
            "query": "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename } }",
            "variables": {"i": {"queueId": queue}},
        },
    )
    assert code(body) == "DOCUMENT_NOT_TRUSTED"
    await own(business, False)
    shown = await business.admin("query($id: ID!) { queue(id: $id) { waitingCount } }", id=queue)
    assert shown["waitingCount"] == 0


@pytest.mark.parametrize("is_strict", [False, True])
async def test_a_document_may_be_sent_by_its_id(api: Api, strict: Api, business: Business, is_strict: bool) -> None:
    there = strict if is_strict else api
    (id,) = (id for id, text in there.runtime.gate.trusted.manifest.items() if "query Viewer" in text)
    expected = await post(there, {"query": VIEWER}, business.admin.token)
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": id}}
    text = there.runtime.gate.trusted.text(id)
    for body in (
        {"documentId": id},
        {"documentId": f"sha256:{id}"},
        {"extensions": persisted},
        {"extensions": persisted, "query": text},
        {"documentId": id, "query": None},
    ):
        assert (await post(there, body, business.admin.token))["data"] == expected["data"], body
    async with Caller(there, business.admin.token).socket() as socket:
        await socket.socket.send({"type": "subscribe", "id": "by-id", "payload": {"documentId": id}})
        await socket.socket.send({"type": "subscribe", "id": "none", "payload": {"documentId": "0" * 64}})
        assert "errors" not in await (await socket.subscribe(VIEWER)).payload()


async def test_an_unknown_id_is_told_as_links_expect_it(api: Api) -> None:
    unknown = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_id(UNKNOWN)}}}
    body = await post(api, unknown)
    assert (body["errors"][0]["message"], code(body)) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    answer = await api.http.post("/graphql", json=unknown, headers={"accept": "application/graphql-response+json"})
    assert answer.status_code == 400
    # Then they send the text as well; nobody keeps it for the next time.
    assert "errors" not in await post(api, unknown | {"query": UNKNOWN})
    assert code(await post(api, unknown)) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": document_id(VIEWER), "query": UNKNOWN},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_id(VIEWER)}}, "query": UNKNOWN},
        {"documentId": 7},
        {"documentId": ""},
        {"extensions": {"persistedQuery": "yes"}},
        {"extensions": {"persistedQuery": {"sha256Hash": ["x"]}}},
    ],
)
async def test_an_id_that_is_none_of_the_text_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert code(await post(api, body)) == "BAD_USER_INPUT"
