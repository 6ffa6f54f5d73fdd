"""Cursors are opaque, not secret: whoever takes one apart and puts it together again gets a page or a refusal."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import product
from typing import Any

import orjson
import pytest

from tests.support.api import Api, Business, Caller
from tests.support.holdings import Holdings, holdings, platform

CONNECTIONS = {
    "tenants": "query($first: Int!, $after: String) { tenants(first: $first, after: $after) { %s } }",
    "users": "query($first: Int!, $after: String) { users(first: $first, after: $after) { %s } }",
    "queues": "query($first: Int!, $after: String) { queues(first: $first, after: $after) { %s } }",
    "counters": "query($first: Int!, $after: String) { counters(first: $first, after: $after) { %s } }",
    "notifications": "query($first: Int!, $after: String) { notifications(first: $first, after: $after) { %s } }",
    **{
        name: f"query($first: Int!, $after: String, $id: ID!) {{ queue(id: $id) {{"
        f" {name}(first: $first, after: $after) {{ %s }} }} }}"
        for name in ("waiting", "sessions", "events")
    },
}
PAGE = "edges { cursor } pageInfo { endCursor hasNextPage }"

# In place of one of the keys in a cursor.
PARTS: list[Any] = [
    5,
    None,
    True,
    1.5,
    [],
    {},
    "",
    "x",
    "\x00",
    "0",
    "-1",
    str(2**31),
    str(2**63),
    str(-(2**63) - 1),
    "9" * 5_000,
    "1_000",
    "2026-11-20",
    "2026-11-20 10:00:00",
    "0001-01-01 00:00:00+14:00",
    "9999-12-31 23:59:59-14:00",
    "00000000-0000-0000-0000-000000000000",
    "{00000000000000000000000000000000}",
    "é",
]
WHOLES = ["", " ", "é", "x", "\x00", "=", "A" * 60_000, *("null", "5", '"x"', "{}", "[]", "[[]]", "[" * 2_000)]


async def ask(caller: Caller, name: str, queue_id: str, first: Any, after: Any) -> tuple[Any, str | None]:
    """A page, or the code it is refused with."""
    variables = {"first": first, "after": after} | ({"id": queue_id} if "$id" in CONNECTIONS[name] else {})
    answer = await caller.send(CONNECTIONS[name] % PAGE, **variables)
    assert answer.status_code == 200, answer.text[:300]
    body = answer.json()
    if "errors" in body:
        return None, body["errors"][0]["extensions"]["code"]
    value = next(iter(body["data"].values()))
    return (value if "edges" in value else value[name]), None


@pytest.fixture(scope="module")
async def mine(api: Api) -> Holdings:
    return await holdings(api)


@pytest.fixture(scope="module")
async def operator(api: Api) -> Caller:
    return await platform(api)


@pytest.mark.parametrize("name", CONNECTIONS)
async def test_a_forged_cursor_is_refused_or_leads_to_a_page(mine: Holdings, operator: Caller, name: str) -> None:
    caller, queue_id = operator if name == "tenants" else mine.admin, mine.ids["Queue"]
    page, _ = await ask(caller, name, queue_id, 1, None)
    keys = orjson.loads(_decoded(page["pageInfo"]["endCursor"]))
    forged = [_encoded([*keys[:at], part, *keys[at + 1 :]]) for at, part in product(range(len(keys)), PARTS)]
    forged += [_encoded(keys[:-1]), _encoded([*keys, *keys]), _encoded(keys * 500)]
    forged += [whole for text in WHOLES for whole in (text, urlsafe_b64encode(text.encode()).decode())]
    for cursor in forged:
        page, code = await ask(caller, name, queue_id, 5, cursor)
        assert code in (None, "BAD_USER_INPUT"), f"{code} for {cursor[:100]}"


@pytest.mark.parametrize("name", CONNECTIONS)
async def test_a_cursor_of_another_connection_is_refused_or_leads_to_a_page(
    mine: Holdings, operator: Caller, name: str
) -> None:
    for other in CONNECTIONS:
        other_page, _ = await ask(operator if other == "tenants" else mine.admin, other, mine.ids["Queue"], 1, None)
        cursor = other_page["pageInfo"]["endCursor"]
        _page, code = await ask(operator if name == "tenants" else mine.admin, name, mine.ids["Queue"], 5, cursor)
        assert code in (None, "BAD_USER_INPUT")


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1, -(2**31), 2**31, None, "5", 1.5, True, []])
async def test_a_page_has_one_to_a_hundred_entries(mine: Holdings, operator: Caller, name: str, first: Any) -> None:
    caller = operator if name == "tenants" else mine.admin
    variables = {"first": first, "after": None} | ({"id": mine.ids["Queue"]} if "$id" in CONNECTIONS[name] else {})
    body = (await caller.send(CONNECTIONS[name] % PAGE, **variables)).json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}
    assert "first" in body["errors"][0]["message"]


async def test_another_tenants_cursor_shows_nothing_of_it(business: Business, mine: Holdings) -> None:
    page, _ = await ask(mine.admin, "users", mine.ids["Queue"], 1, None)
    found, code = await ask(business.admin, "users", mine.ids["Queue"], 100, page["pageInfo"]["endCursor"])
    assert code is None
    assert len(found["edges"]) <= 1  # its own administrator


def _decoded(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def _encoded(keys: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")
