"""Joining with a list or a code: who is let in, at which place, and what a refusal leaves as it was."""

from typing import Any

import pytest

from app.core.ids import decode
from tests.access.helpers import codes, coming_from, done, join, line, listed, one_code, uses
from tests.support.api import Api, Business
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, nothing_changes


async def tickets(joined: list[dict[str, Any]]) -> list[str]:
    return [one["ticketNumber"] for one in joined]


@pytest.mark.parametrize(
    "config",
    [
        {"discipline": "PRIORITY"},
        {"discipline": "TIME_CREDIT", "priorityCredits": [{"priority": 9, "seconds": 86_400.0}]},
        {"discipline": "LOTTERY"},
    ],
    ids=lambda config: config["discipline"],
)
async def test_the_bypassed_are_first_in_line_in_join_order(api: Api, business: Business, config: Any) -> None:
    queue = await business.queue(**config)
    await listed(business, queue, "BYPASS", "ada", "grace")
    code = await one_code(business, queue, "BYPASS", maxUses=2)
    first = await join(api.anonymous, queue, priority=9)
    ada = await join(api.anonymous, queue, userIdentifier="ada")
    coded = await join(api.anonymous, queue, accessCode=code)
    last = await join(api.anonymous, queue, priority=9, userIdentifier="nobody on a list")
    grace = await join(api.anonymous, queue, userIdentifier="grace", priority=0)
    assert [one["position"] for one in (first, ada, coded, last, grace)] == [1, 1, 2, 4, 3]
    assert [one["isBypassed"] for one in (first, ada, coded, last, grace)] == [False, True, True, False, True]
    assert await line(business, queue) == [one["ticketNumber"] for one in (ada, coded, grace, first, last)]
    await business.act("sessionSetPriority", ada["id"], priority=0)
    await business.act("sessionSetPriority", grace["id"], priority=5)
    shown = await business.act("sessionSetPriority", first["id"], priority=9)
    assert shown["__typename"].endswith("Success")
    assert set((await line(business, queue))[:3]) == {one["ticketNumber"] for one in (ada, coded, grace)}, "they stay"
    credits = {9: 86_400.0} if config["discipline"] == "TIME_CREDIT" else None
    await assert_sound(api, queue, expected={queue: Expected(credits=credits)})


async def test_a_bypass_is_past_no_limit(api: Api, business: Business) -> None:
    """First in line: not into a full queue, not into a closed one, not twice."""
    queue = await business.queue(capacity=1)
    await listed(business, queue, "BYPASS", "ada", "grace")
    code = await one_code(business, queue, "BYPASS")
    await join(api.anonymous, queue, userIdentifier="ada")
    async with nothing_changes(api, queue):
        again = await join(api.anonymous, queue, userIdentifier="ada", accessCode=code)
        assert again["__typename"] == "AlreadyWaitingError"
        assert (await join(api.anonymous, queue, userIdentifier="grace"))["__typename"] == "QueueFullError"
        assert (await join(api.anonymous, queue, accessCode=code))["__typename"] == "QueueFullError"
    await done(business.admin, "queueClose", queueId=queue)
    async with nothing_changes(api, queue):
        assert (await join(api.anonymous, queue, accessCode=code))["__typename"] == "QueueNotOpenError"
        assert (await join(api.anonymous, queue, userIdentifier="grace"))["__typename"] == "QueueNotOpenError"
    assert await uses(business, queue, code) == 0, "a refusal uses no code"


async def test_only_who_is_invited_joins_a_queue_for_the_invited(api: Api, business: Business) -> None:
    queue = await business.queue(invitedOnly=True, refusalMessage="Members only, until six.")
    await listed(business, queue, "INVITE", "ada")
    await listed(business, queue, "BYPASS", "grace")
    async with nothing_changes(api, queue):
        for given in ({}, {"userIdentifier": "nobody"}, {"userIdentifier": "ADA"}):
            refused = await join(api.anonymous, queue, **given)
            assert refused["__typename"] == "InvitationRequiredError"
            assert refused["refusalMessage"] == "Members only, until six."
    assert (await join(api.anonymous, queue, userIdentifier="ada"))["isBypassed"] is False
    assert (await join(api.anonymous, queue, userIdentifier="grace"))["isBypassed"] is True
    for kind, given in (("INVITE", {}), ("BYPASS", {}), ("PRIORITY", {"priority": 3})):
        code = await one_code(business, queue, kind, **given)
        assert (await join(api.anonymous, queue, accessCode=code))["__typename"] == "QueueJoinSuccess", kind
    assert (await join(business.admin, queue))["__typename"] == "QueueJoinSuccess", "staff invite by doing it"
    await done(business.admin, "queueUpdate", queueId=queue, invitedOnly=False)
    assert (await join(api.anonymous, queue))["__typename"] == "QueueJoinSuccess"
    await assert_sound(api, queue)


@pytest.mark.parametrize("verb", ["queueClose", "queueStartMaintenance"])
async def test_a_queue_that_is_not_open_says_why_in_the_tenants_words(api: Api, business: Business, verb: str) -> None:
    document = """mutation($i: QueueJoinInput!) { queueJoin(input: $i) {
        ... on QueueNotOpenError { queueStatus refusalMessage } } }"""
    queue = await business.queue(refusalMessage="We are moving house; back on Monday.")
    await done(business.admin, verb, queueId=queue)
    async with nothing_changes(api, queue):
        refused = await api.anonymous(document, i={"queueId": queue})
        assert refused["refusalMessage"] == "We are moving house; back on Monday."
    await done(business.admin, "queueUpdate", queueId=queue, refusalMessage=None)
    assert (await api.anonymous(document, i={"queueId": queue}))["refusalMessage"] is None


async def test_a_priority_code_gives_its_class_whatever_visitors_may_give_themselves(
    api: Api, business: Business
) -> None:
    queue = await business.queue(visitorMaxPriority=0)
    code = await one_code(business, queue, "PRIORITY", priority=5, maxUses=None)
    plain = await join(api.anonymous, queue)
    coded = await join(api.anonymous, queue, accessCode=code)
    higher = await join(business.admin, queue, priority=7, accessCode=code)
    assert [one["priority"] for one in (plain, coded, higher)] == [0, 5, 7]
    assert [one["position"] for one in (plain, coded, higher)] == [1, 1, 1]
    assert (await join(api.anonymous, queue, accessCode=code, priority=1))["__typename"] == "PriorityNotAllowedError"
    assert await uses(business, queue, code) == 2


async def test_a_code_moves_somebody_who_waits(api: Api, business: Business) -> None:
    queue = await business.queue()
    priority = await one_code(business, queue, "PRIORITY", priority=5, maxUses=2)
    bypass = await one_code(business, queue, "BYPASS")
    invite = await one_code(business, queue, "INVITE")
    people = [await business.join(queue) for _ in range(4)]

    async def use(person: int, code: str) -> dict[str, Any]:
        answer: dict[str, Any] = await people[person].visitor(
            "mutation($i: SessionUseAccessCodeInput!) { sessionUseAccessCode(input: $i) { __typename"
            " ... on SessionUseAccessCodeSuccess { session { position priority isBypassed } }"
            " ... on AccessCodeRefusedError { reason } ... on IllegalTransitionError { sessionStatus } } }",
            i={"sessionId": people[person].id, "accessCode": code},
        )
        return {**answer, **answer.pop("session", {})}

    moved = await use(3, priority)
    assert (moved["position"], moved["priority"], moved["isBypassed"]) == (1, 5, False)
    moved = await use(2, bypass)
    assert (moved["position"], moved["priority"], moved["isBypassed"]) == (1, 0, True)
    async with nothing_changes(api, queue):
        assert (await use(3, priority))["reason"] == "NO_EFFECT", "it would change nothing"
        assert (await use(0, invite))["reason"] == "NO_EFFECT"
        assert (await use(0, bypass))["reason"] == "USED_UP"
        assert (await use(0, "7K2QF-9R0MX-T4W3H-PZ6DA"))["reason"] == "UNKNOWN"
    assert (await use(2, priority))["priority"] == 5, "the class counts when the bypass does not"
    assert [await uses(business, queue, code) for code in (priority, bypass, invite)] == [2, 1, 0]
    assert await line(business, queue) == [people[index].ticket for index in (2, 3, 0, 1)]
    await business.act("sessionCancel", people[0].id)
    async with nothing_changes(api, queue):
        assert (await use(0, invite))["sessionStatus"] == "CANCELLED"
    await assert_sound(api, queue)


async def test_a_code_is_for_one_queue_and_says_why_it_is_refused(api: Api, business: Business) -> None:
    queue, other = await business.queue(), await business.queue()
    code = await one_code(business, other)
    theirs = await api.new_business()
    theirs_code = await one_code(theirs, await theirs.queue())
    async with nothing_changes(api, queue, other):
        for text in (code, theirs_code, "", "x" * 10_000, "7K2QF-9R0MX-T4W3H-PZ6DA"):
            refused = await join(api.anonymous, queue, accessCode=text)
            assert (refused["__typename"], refused["reason"]) == ("AccessCodeRefusedError", "UNKNOWN")


async def test_a_code_expires(api: Api, business: Business) -> None:
    queue = await business.queue()
    (code,) = await codes(business, queue, expiresAt="2031-01-01T00:00:00Z", maxUses=None)
    ref = decode("Queue", queue)
    async with api.runtime.dbs.system.write(ref.tenant_id) as tx:
        await tx.rows(
            "update access_codes set expires_at = clock_timestamp() where tenant_id = $1 and queue_id = $2",
            ref.tenant_id,
            ref.id,
        )
    async with nothing_changes(api, queue):
        assert (await join(api.anonymous, queue, accessCode=code["code"]))["reason"] == "EXPIRED"


async def test_a_retry_gets_the_same_place_and_uses_the_code_once(api: Api, business: Business) -> None:
    queue = await business.queue()
    code = await one_code(business, queue)
    given = {"accessCode": code, "idempotencyKey": "k"}
    first = await join(api.anonymous, queue, **given)
    async with nothing_changes(api, queue):
        assert (await join(api.anonymous, queue, **given))["id"] == first["id"]
        assert (await join(api.anonymous, queue, accessCode=code))["reason"] == "USED_UP"
    assert await uses(business, queue, code) == 1


async def test_places_per_address(api: Api, business: Business) -> None:
    queue = await business.queue(maxPlacesPerAddress=2)
    async with coming_from(api, "203.0.113.7") as here, coming_from(api, "203.0.113.8") as there:
        mine = [await join(here, queue) for _ in range(2)]
        async with nothing_changes(api, queue):
            refused = await join(here, queue)
            assert (refused["__typename"], refused["maximum"]) == ("AddressLimitReachedError", 2)
        assert (await join(there, queue))["__typename"] == "QueueJoinSuccess"
        await business.act("sessionCancel", mine[0]["id"])
        assert (await join(here, queue))["__typename"] == "QueueJoinSuccess", "one has left"
        assert (await join(here, queue))["__typename"] == "AddressLimitReachedError"
        await done(business.admin, "queueUpdate", queueId=queue, maxPlacesPerAddress=3)
        assert (await join(here, queue))["__typename"] == "QueueJoinSuccess", "effective at once"
        await done(business.admin, "queueUpdate", queueId=queue, maxPlacesPerAddress=None)
        assert (await join(here, queue))["__typename"] == "QueueJoinSuccess"
    async with coming_from(api, "203.0.113.7", business.admin.token) as kiosk:
        await done(business.admin, "queueUpdate", queueId=queue, maxPlacesPerAddress=1)
        for _ in range(3):
            assert (await join(kiosk, queue))["__typename"] == "QueueJoinSuccess", "staff join for others"
    await assert_sound(api, queue)


async def test_an_address_is_one_household_and_is_not_readable(api: Api, business: Business) -> None:
    queue = await business.queue(maxPlacesPerAddress=1)
    refusals = []
    for address in (
        "2001:db8:1:2::1",
        "2001:db8:1:2:ffff::9",
        "2001:db8:1:3::1",
        "198.51.100.4",
        "::ffff:198.51.100.4",
    ):
        async with coming_from(api, address) as caller:
            refusals.append((await join(caller, queue))["__typename"] == "AddressLimitReachedError")
    assert refusals == [False, True, False, False, True]
    ref = decode("Queue", queue)
    async with api.runtime.dbs.system.read(None) as tx:
        rows = await tx.rows("select address_hash from sessions where queue_id = $1", ref.id)
    kept = [row["address_hash"] for row in rows]
    assert len(set(kept)) == 3
    assert all(len(one) == 43 for one in kept)


async def test_addresses_are_kept_only_where_they_are_asked_for(api: Api, business: Business) -> None:
    queue = await business.queue()
    async with coming_from(api, "203.0.113.7") as caller:
        await join(caller, queue)
    async with api.runtime.dbs.system.read(None) as tx:
        rows = await tx.rows("select address_hash from sessions where queue_id = $1", decode("Queue", queue).id)
    assert [row["address_hash"] for row in rows] == [None]
