"""Bypass and invite lists: many at once, each once, page by page, and for those who may see them."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.access.helpers import ask, join, line, listed
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.queue_logs import assert_sound, events_of, nothing_changes

PAGE = (
    "query($q: ID!, $n: Int!, $a: String, $s: String) {{ queue(id: $q) {{ {field}(first: $n, after: $a, search: $s) {{"
    " edges {{ node {{ userIdentifier createdBy }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
)


async def page(caller: Caller, queue: str, field: str, first: int = 100, **given: Any) -> tuple[list[str], Any]:
    """Identifiers of one page, and where it ends."""
    shown = (await caller(PAGE.format(field=field), q=queue, n=first, **given))[field]
    return [edge["node"]["userIdentifier"] for edge in shown["edges"]], shown["pageInfo"]


async def test_a_thousand_come_onto_a_list_at_once_and_each_once(api: Api, business: Business) -> None:
    queue = await business.queue()
    people = [f"person {number:04d}" for number in range(1_000)]
    assert await listed(business, queue, "INVITE", *people) == 1_000
    async with nothing_changes(api, queue):
        assert await listed(business, queue, "INVITE", *people) == 0
    assert await listed(business, queue, "INVITE", people[7], people[7], "another") == 1
    assert await listed(business, queue, "BYPASS", people[7]) == 1, "a list of its own"
    found, after = [], None
    while True:
        some, end = await page(business.admin, queue, "inviteList", a=after)
        found += some
        if not end["hasNextPage"]:
            break
        after = end["endCursor"]
    assert found[-1] == "another", "in the order of coming"
    assert sorted(found) == sorted([*people, "another"])
    assert (await page(business.admin, queue, "inviteList", s=people[10]))[0] == [people[10]]
    assert (await page(business.admin, queue, "inviteList", s="person 000"))[0] == [], "no part of it"
    assert (await page(business.admin, queue, "bypassList"))[0] == [people[7]]
    changes = [event.data["changes"] for event in await events_of(api, queue) if event.type == "QUEUE_UPDATED"]
    assert changes == [
        {"access": {"list": "INVITE", "added": 1_000}},
        {"access": {"list": "INVITE", "added": 1}},
        {"access": {"list": "BYPASS", "added": 1}},
    ], "how many, and nobody's name"
    await assert_sound(api, queue)


async def test_who_is_taken_off_is_off_and_keeps_the_place(api: Api, business: Business) -> None:
    queue = await business.queue(invitedOnly=True)
    await listed(business, queue, "BYPASS", "ada", "grace")
    await listed(business, queue, "INVITE", "ada")
    waiting = await join(api.anonymous, queue, userIdentifier="ada")
    assert waiting["isBypassed"] is True
    removed = await ask(
        business.admin, "accessEntryRemove", queueId=queue, kind="BYPASS", userIdentifiers=["ada", "nobody", "grace"]
    )
    assert removed == {"__typename": "AccessEntryRemoveSuccess", "removedCount": 2}
    async with nothing_changes(api, queue):
        again = await ask(
            business.admin, "accessEntryRemove", queueId=queue, kind="BYPASS", userIdentifiers=["ada", "grace"]
        )
        assert again["removedCount"] == 0
        assert (await join(api.anonymous, queue, userIdentifier="grace"))["__typename"] == "InvitationRequiredError"
    assert await line(business, queue) == [waiting["ticketNumber"]]
    await business.act("sessionCancel", waiting["id"])
    back = await join(api.anonymous, queue, userIdentifier="ada")
    assert (back["__typename"], back["isBypassed"]) == ("QueueJoinSuccess", False), "invited still, and no more"


@pytest.mark.parametrize("verb", ["accessEntryAdd", "accessEntryRemove"])
async def test_unusable_input_is_named(api: Api, business: Business, verb: str) -> None:
    queue = await business.queue()
    async with nothing_changes(api, queue):
        for people in ([], ["x"] * 1_001, [" "], ["x" * 201], ["a\0b"]):
            answer = await ask(business.admin, verb, queueId=queue, kind="INVITE", userIdentifiers=people)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "userIdentifiers")


async def test_who_may(api: Api, business: Business) -> None:
    queue = await business.queue()
    await listed(business, queue, "BYPASS", "ada")
    visitor = (await business.join(queue)).visitor
    staff, manager = await business.user(Role.STAFF), await business.user(Role.MANAGER)
    customer = await business.user(Role.CUSTOMER)
    stranger = (await api.new_business()).admin
    given = {"queueId": queue, "kind": "BYPASS", "userIdentifiers": ["grace"]}

    async def code(work: Any) -> str:
        with pytest.raises(GraphQLFailed) as failed:
            await work
        return str(failed.value.code)

    async with nothing_changes(api, queue):
        for verb in ("accessEntryAdd", "accessEntryRemove"):
            assert await code(ask(api.anonymous, verb, **given)) == "UNAUTHENTICATED"
            assert await code(ask(visitor, verb, **given)) == "UNAUTHENTICATED"
            assert await code(ask(customer, verb, **given)) == "FORBIDDEN"
            assert await code(ask(staff, verb, **given)) == "FORBIDDEN"
            assert await code(ask(stranger, verb, **given)) == "NOT_FOUND"
    for field in ("bypassList", "inviteList"):
        assert await code(page(api.anonymous, queue, field)) == "UNAUTHENTICATED"
        assert await code(page(visitor, queue, field)) == "UNAUTHENTICATED"
        assert await code(page(staff, queue, field)) == "FORBIDDEN"
        assert await code(page(stranger, queue, field)) == "NOT_FOUND"
        await page(manager, queue, field)
    for verb in ("accessEntryAdd", "accessEntryRemove"):
        assert (await ask(manager, verb, **given))["__typename"].endswith("Success")
