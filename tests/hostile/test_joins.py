"""What visitors bring along: stored as it is or refused, and never in the way of whoever reads it later."""

from typing import Any

import pytest

from tests.hostile.values import nested, of_bytes
from tests.support.api import JOIN, Business

LISTED = """query($id: ID!) { queue(id: $id) {
  waiting(first: 10) { edges { node { metadata userIdentifier contact { email phone } } } }
  events(first: 100) { edges { node { data } } }
} }"""

KEPT = [
    {},
    {"a": None},
    nested(32),
    of_bytes(8192),
    {"": "", "__proto__": {}, "$ref": "#"},
    {"a": 2**63 - 1, "b": -(2**63), "c": 1e308, "d": 5e-324, "e": 0.1},
    {"text": "\u202e\ufffe\U0010ffff 👩‍👩‍👧‍👦 \\u0000 \\\\u0000"},
    {str(number): number for number in range(500)},
]
REFUSED = [nested(33), nested(250), nested(253), of_bytes(8193), {"\x00": 1}, {"a": ["\x00"]}, [], "text", 5, True]


@pytest.mark.parametrize("metadata", KEPT, ids=lambda value: f"{value!r:.30}")
async def test_metadata_comes_back_as_it_was(business: Business, metadata: Any) -> None:
    queue_id = await business.queue()
    joined = await business.join(queue_id, metadata=metadata)

    assert await joined.visitor("query($id: ID!) { session(id: $id) { metadata } }", id=joined.id) == {
        "metadata": metadata
    }
    queue = await business.admin(LISTED, id=queue_id)
    assert [edge["node"]["metadata"] for edge in queue["waiting"]["edges"]] == [metadata]


@pytest.mark.parametrize("metadata", REFUSED, ids=lambda value: f"{value!r:.30}")
async def test_metadata_nobody_could_read_is_refused(business: Business, metadata: Any) -> None:
    queue_id = await business.queue()
    await business.join(queue_id)

    refused = await business.api.anonymous(JOIN, i={"queueId": queue_id, "metadata": metadata})

    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "metadata")
    queue = await business.admin(LISTED, id=queue_id)
    assert len(queue["waiting"]["edges"]) == 1


@pytest.mark.parametrize(
    "literal",
    [
        "{ a: 18446744073709551616 }",
        "{ a: -9223372036854775809 }",
        "{ a: 1e999 }",
        '{ a: "\\u0000" }',
        "{ a: " * 60 + "1" + " }" * 60,
    ],
    ids=lambda text: text[:30],
)
async def test_metadata_written_into_the_document_is_held_to_the_same(business: Business, literal: str) -> None:
    queue_id = await business.queue()
    refused = await business.api.anonymous(
        f'mutation {{ queueJoin(input: {{ queueId: "{queue_id}", metadata: {literal} }}) {{'
        " __typename ... on InvalidInputError { field message } } }"
    )
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "metadata")


@pytest.mark.parametrize(
    ("phone", "is_one"), [("1234", True), ("+49 (30) 12-34", True), ("    ", False), ("((1))", False)]
)
async def test_a_phone_number_has_digits(business: Business, phone: str, is_one: bool) -> None:
    joined = await business.api.anonymous(JOIN, i={"queueId": await business.queue(), "contact": {"phone": phone}})
    assert (joined["__typename"], joined.get("field")) == (
        ("QueueJoinSuccess", None) if is_one else ("InvalidInputError", "contact.phone")
    )
