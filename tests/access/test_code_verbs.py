"""Making, showing and revoking codes: alike but for their text, once per key, and for those who may."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.access.helpers import ask, codes, join, one_code, uses
from tests.support.api import Api, Business, GraphQLFailed
from tests.support.queue_logs import assert_sound, events_of, nothing_changes

SHOWN = "query($q: ID!, $c: String!) { accessCode(queueId: $q, code: $c) { id useCount revokedAt } }"
PAGE = (
    "query($q: ID!, $n: Int!, $a: String, $k: AccessCodeKind) { queue(id: $q) { accessCodes(first: $n, after: $a,"
    " kind: $k) { edges { node { id code } } pageInfo { hasNextPage endCursor } } } }"
)


async def test_a_thousand_codes_are_made_at_once(api: Api, business: Business) -> None:
    queue = await business.queue()
    made = await codes(business, queue, "INVITE", count=1_000, label="Fair")
    assert len({one["code"] for one in made}) == 1_000
    assert {(one["kind"], one["maxUses"], one["useCount"], one["label"]) for one in made} == {("INVITE", 1, 0, "Fair")}
    found, after = [], None
    while True:
        shown = (await business.admin(PAGE, q=queue, n=100, a=after))["accessCodes"]
        found += [edge["node"] for edge in shown["edges"]]
        if not shown["pageInfo"]["hasNextPage"]:
            break
        after = shown["pageInfo"]["endCursor"]
    assert {one["code"] for one in found} == {one["code"] for one in made}, "a code is shown again"
    assert (await business.admin(PAGE, q=queue, n=1, k="BYPASS"))["accessCodes"]["edges"] == []
    event = (await events_of(api, queue))[-1]
    assert (event.type, event.data["changes"]) == ("QUEUE_UPDATED", {"access": {"codes": "INVITE", "created": 1_000}})
    await assert_sound(api, queue)


async def test_the_same_key_makes_the_same_codes(api: Api, business: Business) -> None:
    queue = await business.queue()
    given = {"count": 3, "maxUses": None, "expiresAt": "2031-01-01T00:00:00+00:00", "idempotencyKey": "k"}
    first = await codes(business, queue, "BYPASS", **given)
    assert {(one["maxUses"], one["expiresAt"]) for one in first} == {(None, "2031-01-01T00:00:00+00:00")}
    async with nothing_changes(api, queue):
        assert await codes(business, queue, "BYPASS", **given) == first
        for other in ({"count": 4}, {"kind": "INVITE"}):
            answer = await ask(
                business.admin, "accessCodeCreate", **({"queueId": queue, "kind": "BYPASS"} | given | other)
            )
            assert answer["__typename"] == "IdempotencyConflictError"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"count": 0}, "count"),
    ({"count": 1_001}, "count"),
    ({"maxUses": 0}, "maxUses"),
    ({"maxUses": 1_000_001}, "maxUses"),
    ({"kind": "PRIORITY"}, "priority"),
    ({"kind": "PRIORITY", "priority": 10}, "priority"),
    ({"kind": "PRIORITY", "priority": -1}, "priority"),
    ({"kind": "INVITE", "priority": 3}, "priority"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
    ({"expiresAt": "2999-01-01T00:00:00Z"}, "expiresAt"),
    ({"expiresAt": "2031-01-01T00:00:00"}, "expiresAt"),
    ({"label": "x" * 81}, "label"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
async def test_unusable_input_is_named(api: Api, business: Business, given: dict[str, Any], field: str) -> None:
    queue = await business.queue()
    async with nothing_changes(api, queue):
        answer = await ask(business.admin, "accessCodeCreate", **({"queueId": queue, "kind": "BYPASS"} | given))
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_a_revoked_code_is_good_for_nothing_and_stays_revoked(api: Api, business: Business) -> None:
    queue = await business.queue()
    made = await codes(business, queue, "BYPASS", count=3, maxUses=None)
    used = await join(api.anonymous, queue, accessCode=made[0]["code"])
    ids = [made[0]["id"], made[1]["id"]]
    revoked = await business.admin(
        "mutation($i: AccessCodeRevokeInput!) { accessCodeRevoke(input: $i) {"
        " ... on AccessCodeRevokeSuccess { codes { id revokedAt useCount } } } }",
        i={"queueId": queue, "codeIds": ids},
    )
    assert {one["id"] for one in revoked["codes"]} == set(ids)
    assert all(one["revokedAt"] for one in revoked["codes"])
    async with nothing_changes(api, queue):
        again = await ask(business.admin, "accessCodeRevoke", queueId=queue, codeIds=ids)
        assert again["__typename"] == "AccessCodeRevokeSuccess"
        for one in made[:2]:
            assert (await join(api.anonymous, queue, accessCode=one["code"]))["reason"] == "REVOKED"
    assert used["isBypassed"] is True
    assert (await join(api.anonymous, queue, accessCode=made[2]["code"]))["__typename"] == "QueueJoinSuccess"
    assert await uses(business, queue, made[0]["code"]) == 1


async def test_codes_of_another_queue_are_not_found(api: Api, business: Business) -> None:
    queue, other = await business.queue(), await business.queue()
    (code,) = await codes(business, other)
    async with nothing_changes(api, queue, other):
        with pytest.raises(GraphQLFailed) as failed:
            await ask(business.admin, "accessCodeRevoke", queueId=queue, codeIds=[code["id"]])
        assert failed.value.code == "NOT_FOUND"
        for ids in ([], [code["id"]] * 501):
            answer = await ask(business.admin, "accessCodeRevoke", queueId=other, codeIds=ids)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "codeIds")
    assert await business.admin(SHOWN, q=queue, c=code["code"]) is None
    assert await business.admin(SHOWN, q=other, c="no code") is None
    assert (await business.admin(SHOWN, q=other, c=code["code"].lower()))["id"] == code["id"]


async def test_who_may(api: Api, business: Business) -> None:
    queue = await business.queue()
    (code,) = await codes(business, queue)
    visitor = (await business.join(queue)).visitor
    staff, manager = await business.user(Role.STAFF), await business.user(Role.MANAGER)
    stranger = (await api.new_business()).admin
    verbs: dict[str, dict[str, Any]] = {
        "accessCodeCreate": {"queueId": queue, "kind": "INVITE"},
        "accessCodeRevoke": {"queueId": queue, "codeIds": [code["id"]]},
    }

    async def refusal(work: Any) -> str:
        with pytest.raises(GraphQLFailed) as failed:
            await work
        return str(failed.value.code)

    async with nothing_changes(api, queue):
        for verb, given in verbs.items():
            assert await refusal(ask(api.anonymous, verb, **given)) == "UNAUTHENTICATED"
            assert await refusal(ask(visitor, verb, **given)) == "UNAUTHENTICATED"
            assert await refusal(ask(staff, verb, **given)) == "FORBIDDEN"
            assert await refusal(ask(stranger, verb, **given)) == "NOT_FOUND"
        for document, given in ((SHOWN, {"q": queue, "c": code["code"]}), (PAGE, {"q": queue, "n": 1})):
            assert await refusal(api.anonymous(document, **given)) == "UNAUTHENTICATED"
            assert await refusal(visitor(document, **given)) == "UNAUTHENTICATED"
            assert await refusal(staff(document, **given)) == "FORBIDDEN"
            assert await refusal(stranger(document, **given)) == "NOT_FOUND"
            assert await manager(document, **given)
    for verb, given in verbs.items():
        assert (await ask(manager, verb, **given))["__typename"].endswith("Success")


async def test_a_code_is_in_no_row(api: Api, business: Business) -> None:
    """Whoever reads the database, or the log, can use none."""
    queue = await business.queue()
    text = await one_code(business, queue, label="shown")
    signs = text.replace("-", "")
    async with api.runtime.dbs.system.read(None) as tx:
        for table in ("access_codes", "events", "idempotency_keys"):
            rows = await tx.rows(f"select to_jsonb(t)::text as row from {table} t")
            assert not [row for row in rows if signs in row["row"] or text in row["row"]]
