"""API keys over the API, by the contract's operations: who manages them, what they open, and when sockets must go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.ids import decode
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.ws_client import Closed, ws_client

READ = Permission.QUEUE_READ.value
QUEUES = "{ queues(first: 5) { edges { node { name } } } }"


async def create(caller: Caller, *scopes: str, **values: Any) -> dict[str, Any]:
    given = {"name": "The shop's till", "scopes": list(scopes) or [READ]} | values
    answer: dict[str, Any] = await caller(operation("ApiKeyCreate"), input=given)
    return answer


async def key_of(business: Business, *scopes: str, **values: Any) -> tuple[str, Caller]:
    """A key's id, and a program that has it."""
    made = await create(business.admin, *scopes, **values)
    assert made["__typename"] == "ApiKeyCreateSuccess", made
    return made["apiKey"]["id"], Caller(business.api, made["secret"])


async def code(caller: Caller, document: str, **variables: Any) -> str | None:
    try:
        await caller(document, **variables)
    except GraphQLFailed as failure:
        return str(failure.code)
    return None


async def test_a_key_s_whole_life(business: Business) -> None:
    made = await create(business.admin, READ, "health:report", expiresAt="2030-01-01T00:00:00Z")
    key, secret = made["apiKey"], made["secret"]
    assert (key["status"], key["scopes"], key["revision"]) == ("ACTIVE", ["health:report", READ], 1)
    assert secret.startswith(key["secrets"][0]["prefix"] + "_")
    program = Caller(business.api, secret)
    assert (await program(operation("Viewer")))["__typename"] == "ApiKey"
    assert await code(program, QUEUES) is None

    changed = await business.admin(operation("ApiKeyUpdate"), input={"apiKeyId": key["id"], "scopes": [READ]})
    assert (changed["apiKey"]["scopes"], changed["apiKey"]["expiresAt"]) == ([READ], key["expiresAt"])

    rotated = await business.admin(operation("ApiKeyRotate"), input={"apiKeyId": key["id"]})
    successor = Caller(business.api, rotated["secret"])
    newest, oldest = rotated["apiKey"]["secrets"]
    assert (newest["endsAt"], oldest["prefix"]) == (None, key["secrets"][0]["prefix"])
    left = datetime.fromisoformat(oldest["endsAt"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)
    assert [await code(each, QUEUES) for each in (program, successor)] == [None, None]

    revoked = await business.admin(operation("ApiKeyRevoke"), input={"apiKeyId": key["id"], "reason": "moved"})
    assert (revoked["apiKey"]["status"], revoked["apiKey"]["revokeReason"]) == ("REVOKED", "moved")
    assert [await code(each, QUEUES) for each in (program, successor)] == ["UNAUTHENTICATED"] * 2
    ended = await business.admin(operation("ApiKeyRotate"), input={"apiKeyId": key["id"]})
    assert ended["__typename"] == "ApiKeyEndedError"

    (edge,) = (await business.admin(operation("ApiKeyList"), first=5))["edges"]
    assert secret not in str(edge)
    assert edge["node"]["createdBy"]["id"] == (await business.admin("{ viewer { ... on User { id } } }"))["id"]
    assert edge["node"]["secrets"][0]["lastUsedAt"] is not None


async def test_each_refusal_has_its_type(api: Api, business: Business) -> None:
    beyond = await create(business.admin, READ, Permission.PLATFORM_TENANTS.value)
    assert (beyond["__typename"], beyond["scopes"]) == ("ScopeNotGrantableError", ["platform:tenants"])
    invalid = await create(business.admin, "queue:everything")
    assert (invalid["__typename"], invalid["field"]) == ("InvalidInputError", "scopes")
    past = await create(business.admin, expiresAt="2020-01-01T00:00:00Z")
    assert (past["__typename"], past["field"]) == ("InvalidInputError", "expiresAt")
    key_id, _ = await key_of(business)
    for overlap, refusal in ((-1, "InvalidInputError"), (2_592_001, "InvalidInputError")):
        answer = await business.admin(operation("ApiKeyRotate"), input={"apiKeyId": key_id, "overlapSeconds": overlap})
        assert answer["__typename"] == refusal
    for _ in range(4):
        await business.admin(operation("ApiKeyRotate"), input={"apiKeyId": key_id})
    full = await business.admin(operation("ApiKeyRotate"), input={"apiKeyId": key_id})
    assert (full["__typename"], full["maximum"]) == ("TooManySecretsError", 5)
    small = await api.new_business(limits={"api_keys": 1})
    await key_of(small)
    limited = await create(small.admin)
    assert (limited["__typename"], limited["limit"], limited["maximum"]) == ("LimitReachedError", "apiKeys", 1)
    usage = await small.admin("query($s: String!) { tenant(slug: $s) { usage { apiKeys } } }", s=small.slug)
    assert usage["usage"]["apiKeys"] == 1


MANAGING = {
    "ApiKeyCreate": {"name": "Mine", "scopes": [READ]},
    "ApiKeyUpdate": {"name": "Mine"},
    "ApiKeyRotate": {},
    "ApiKeyRevoke": {},
}


@pytest.mark.parametrize("name", MANAGING)
async def test_who_may_manage_keys(api: Api, business: Business, name: str) -> None:
    key_id, program = await key_of(business, READ, Permission.USER_READ.value)
    values = MANAGING[name] | ({} if name == "ApiKeyCreate" else {"apiKeyId": key_id})
    visitor = (await business.join(await business.queue())).visitor
    before = await business.admin(operation("ApiKeyList"), first=9)
    for caller, expected in (
        (api.anonymous, "UNAUTHENTICATED"),
        (visitor, "UNAUTHENTICATED"),
        (await business.user(Role.MANAGER), "FORBIDDEN"),
        (program, "FORBIDDEN"),
    ):
        assert await code(caller, operation(name), input=values) == expected
    if name != "ApiKeyCreate":
        other = await api.new_business()
        assert await code(other.admin, operation(name), input=values) == "NOT_FOUND"
    after = await business.admin(operation("ApiKeyList"), first=9)
    for page in (before, after):
        for edge in page["edges"]:
            # It was used, to be refused.
            edge["node"]["secrets"][0].pop("lastUsedAt")
    assert after == before
    assert (await business.admin(operation(name), input=values))["__typename"] == f"{name}Success"


async def test_who_may_see_keys(api: Api, business: Business) -> None:
    key_id, program = await key_of(business)
    node = "query($id: ID!) { node(id: $id) { ... on ApiKey { name createdBy { id } } } }"
    manager, other = await business.user(Role.MANAGER), await api.new_business()
    for caller, expected in ((api.anonymous, "UNAUTHENTICATED"), (manager, "FORBIDDEN")):
        assert await code(caller, operation("ApiKeyList"), first=5) == expected
        assert await code(caller, node, id=key_id) == expected
    assert await code(other.admin, node, id=key_id) == "NOT_FOUND"
    assert (await other.admin(operation("ApiKeyList"), first=5))["edges"] == []
    # Itself, but not who made it; and not its neighbours.
    assert await program(node, id=key_id) == {"name": "The shop's till", "createdBy": None}
    neighbour, _ = await key_of(business)
    assert await code(program, node, id=neighbour) == "FORBIDDEN"


@pytest.mark.parametrize("permission", [each for each in Permission if each in MATRIX[Role.ADMIN]])
async def test_a_key_has_exactly_its_scopes(business: Business, permission: Permission) -> None:
    _, program = await key_of(business, permission.value)
    gates = {
        READ: QUEUES,
        Permission.USER_READ.value: "{ users(first: 1) { edges { cursor } } }",
        Permission.COUNTER_READ.value: "{ counters(first: 1) { edges { cursor } } }",
        Permission.API_KEY_READ.value: "{ apiKeys(first: 1) { edges { cursor } } }",
        Permission.NOTIFICATION_READ.value: "{ notifications(first: 1) { edges { cursor } } }",
    }
    for needed, document in gates.items():
        assert await code(program, document) == (None if needed == permission else "FORBIDDEN"), needed


async def test_contact_data_needs_its_scope(business: Business) -> None:
    counter = await business.counter(await business.queue())
    await business.admin(
        "mutation($i: ShiftStartInput!) { shiftStart(input: $i) { __typename } }", i={"counterId": counter}
    )
    shift = (
        "query($id: ID!) { node(id: $id) { ... on Counter { currentShift { user { firstName role status email } } } } }"
    )
    _, blind = await key_of(business, Permission.COUNTER_READ.value)
    assert set((await blind(shift, id=counter))["currentShift"]["user"].values()) == {None}
    _, seeing = await key_of(business, Permission.COUNTER_READ.value, Permission.USER_READ.value)
    assert (await seeing(shift, id=counter))["currentShift"]["user"]["role"] == "ADMIN"


async def test_the_log_names_the_program(business: Business) -> None:
    key_id, program = await key_of(business, READ, Permission.QUEUE_OPERATE.value, Permission.EVENT_READ.value)
    queue_id = await business.queue()
    paused = "mutation($i: QueuePauseInput!) { queuePause(input: $i) { __typename } }"
    assert (await program(paused, i={"queueId": queue_id}))["__typename"] == "QueuePauseSuccess"
    log = await program(
        "query($id: ID!) { queue(id: $id) { events(first: 5) { edges { node { type actor } } } } }", id=queue_id
    )
    last = log["events"]["edges"][-1]["node"]
    assert last == {"type": "QUEUE_PAUSED", "actor": f"API_KEY:{decode('ApiKey', key_id).id}"}


async def test_programs_do_not_get_each_other_s_first_results(business: Business) -> None:
    """Idempotency keys are each program's own, as each user's are."""
    _, one = await key_of(business, Permission.QUEUE_WRITE.value)
    _, two = await key_of(business, Permission.QUEUE_WRITE.value)
    made = "mutation($i: QueueCreateInput!) { queueCreate(input: $i) { __typename } }"
    config = {"name": "Queue", "slug": "one-and-the-same", "idempotencyKey": "k"}
    answers = [(await each(made, i=config))["__typename"] for each in (one, one, two)]
    assert answers == ["QueueCreateSuccess", "QueueCreateSuccess", "QueueSlugTakenError"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("ApiKeyRevoke", {}, 4401),
        ("ApiKeyUpdate", {"scopes": ["user:read"]}, 4403),
        ("ApiKeyUpdate", {"expiresAt": "2031-01-01T00:00:00Z"}, 4403),
        ("ApiKeyRotate", {}, 4403),
        ("ApiKeyRotate", {"overlapSeconds": 0}, 4401),
    ],
)
async def test_what_changes_for_a_key_reaches_its_open_sockets(
    api: Api, business: Business, name: str, values: dict[str, Any], expected: int
) -> None:
    """Told by the relay and the bus, so in every process; 4403 makes a client come back with what holds now."""
    key_id, program = await key_of(business)
    _, bystander = await key_of(business)
    async with program.socket() as socket, bystander.socket() as other:
        assert (await (await socket.subscribe(QUEUES)).item())["edges"] == []
        changed = await business.admin(operation(name), input={"apiKeyId": key_id} | values)
        assert changed["__typename"] == f"{name}Success"
        assert (await socket.closed(within=2.0)).code == expected
        assert (await (await other.subscribe(QUEUES)).item())["edges"] == []
    if expected == 4401:
        with pytest.raises(Closed) as refused:
            async with program.socket():
                pass
        assert refused.value.code == 4401
    else:
        async with program.socket() as again:
            await again.subscribe("{ viewer { __typename } }")


async def test_a_new_name_disturbs_nobody(business: Business) -> None:
    key_id, program = await key_of(business)
    async with program.socket() as socket:
        await business.admin(operation("ApiKeyUpdate"), input={"apiKeyId": key_id, "name": "Another name"})
        assert (await (await socket.subscribe(QUEUES)).item())["edges"] == []


async def test_a_socket_ends_with_its_key(business: Business) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    _, program = await key_of(business, expiresAt=soon)
    async with program.socket() as socket:
        assert (await socket.closed()).code == 4403
    with pytest.raises(Closed) as refused:
        async with program.socket():
            pass
    assert refused.value.code == 4401


@pytest.mark.parametrize("token", ["vqk_", "vqk_abc", "vqk_" + "x" * 5000, "vqk_\x7f"])
async def test_garbage_that_looks_like_a_key(api: Api, token: str) -> None:
    assert await code(Caller(api, token), QUEUES) == "UNAUTHENTICATED"
    with pytest.raises(Closed) as refused:
        async with ws_client(api.app, token):
            pass
    assert refused.value.code == 4401
