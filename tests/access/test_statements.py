"""What a join asks the database: nothing about lists, codes and addresses where no rule is set."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.access.addresses import VisitorAddress
from app.core.actor import ANONYMOUS
from app.core.ids import Ref, decode
from app.sessions import joins
from app.sessions.joins import Join, JoinRequest
from tests.access.helpers import done, listed
from tests.support.api import Api, Business

RULES = ("access_entries", "access_codes", "count(*) as places")


async def asked(api: Api, queue: Ref, requests: Sequence[JoinRequest]) -> list[str]:
    """The statements of a batch of joins, as the connection sent them."""
    told: list[str] = []
    address = VisitorAddress("203.0.113.7", api.runtime.settings.secret)
    async with api.runtime.dbs.app.write(queue.tenant_id) as tx:
        connection: Any = tx._driver

        def tell(query: Any) -> None:
            told.append(query.query)

        connection.add_query_logger(tell)
        try:
            answers = await joins.join_all(tx, queue.id, [Join(one, ANONYMOUS, address=address) for one in requests])
        finally:
            connection.remove_query_logger(tell)
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    # What the driver asks about types it has not met on this connection is not ours.
    return [statement for statement in told if not statement.lstrip().startswith(("SELECT", "WITH"))]


def about_rules(statements: Sequence[str]) -> list[str]:
    return [word for word in RULES if any(word in statement for statement in statements)]


async def test_without_a_rule_nothing_is_asked_about_any(api: Api, business: Business) -> None:
    ref = decode("Queue", await business.queue())
    statements = await asked(api, ref, [JoinRequest(ref.id, user_identifier=f"person {n}") for n in range(20)])
    assert about_rules(statements) == []
    alone = await asked(api, ref, [JoinRequest(ref.id, user_identifier="somebody else")])
    assert len(alone) == len(statements), "a batch asks what one asks"


@pytest.mark.parametrize(
    ("config", "people", "expected"),
    [
        ({"maxPlacesPerAddress": 99}, [], ["count(*) as places"]),
        ({"invitedOnly": True}, ["INVITE"], ["access_entries"]),
        ({}, ["INVITE"], []),
        ({}, ["BYPASS"], ["access_entries"]),
    ],
)
async def test_each_rule_asks_once_for_all(
    api: Api, business: Business, config: dict[str, Any], people: list[str], expected: list[str]
) -> None:
    queue = await business.queue(**config)
    ref = decode("Queue", queue)
    for kind in people:
        await listed(business, queue, kind, *(f"person {n}" for n in range(21)))
    alone = await asked(api, ref, [JoinRequest(ref.id, user_identifier="person 20")])
    statements = await asked(api, ref, [JoinRequest(ref.id, user_identifier=f"person {n}") for n in range(20)])
    assert about_rules(statements) == expected
    assert len(statements) == len(alone)


async def test_an_emptied_list_is_not_asked(api: Api, business: Business) -> None:
    queue = await business.queue()
    ref = decode("Queue", queue)
    await listed(business, queue, "BYPASS", "ada", "grace")
    given = {"queueId": queue, "kind": "BYPASS"}
    for people in (["ada", "nobody"], ["grace"]):
        assert about_rules(await asked(api, ref, [JoinRequest(ref.id, user_identifier=people[0])])) == [
            "access_entries"
        ]
        await done(business.admin, "accessEntryRemove", **given, userIdentifiers=people)
    assert about_rules(await asked(api, ref, [JoinRequest(ref.id, user_identifier="another")])) == []
