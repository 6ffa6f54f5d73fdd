"""Categories: their own ticket numbers, and what a multiplier is worth in each discipline."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.engine import constraint_name
from app.core.db.urls import APP_ROLE, role_url
from app.core.errors import InvalidInput
from app.core.ids import decode
from app.queues.categories import CategoryConfig, ensure_told_apart, ensure_valid
from app.sessions import service
from app.sessions.service import JoinRequest
from tests.support.api import Api, Business
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done

PLAIN = CategoryConfig("Plain")
OWN = CategoryConfig("Own", ticket_prefix="B", ticket_first_number=1, ticket_last_number=99)


async def category(business: Business, queue: str, name: str, **given: Any) -> dict[str, Any]:
    return await done(business.admin, "queueCategoryCreate", queueId=queue, name=name, **given)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (replace(PLAIN, multiplier_hundredths=-1), "priorityMultiplier"),
        (replace(PLAIN, multiplier_hundredths=1001), "priorityMultiplier"),
        (replace(PLAIN, ticket_prefix="ABCDE"), "ticketPrefix"),
        (replace(PLAIN, ticket_prefix="Ä"), "ticketPrefix"),
        (replace(OWN, ticket_prefix=None), "ticketPrefix"),
        (replace(OWN, ticket_last_number=None), "ticketLastNumber"),
        (replace(OWN, ticket_first_number=None), "ticketLastNumber"),
        (replace(OWN, ticket_first_number=99), "ticketLastNumber"),
        (replace(OWN, ticket_first_number=-1), "ticketLastNumber"),
        (replace(OWN, ticket_last_number=10_000_000), "ticketLastNumber"),
    ],
)
def test_what_a_category_cannot_be(config: CategoryConfig, field: str) -> None:
    ensure_valid(PLAIN)
    ensure_valid(OWN)
    with pytest.raises(InvalidInput) as refused:
        ensure_valid(config)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("queue_prefix", "others", "prefix", "apart"),
    [
        ("A", [], "B", True),
        ("A", [], "A", False),
        ("A", [replace(PLAIN, ticket_prefix="B")], "B", False),
        ("A", [OWN], "B", False),
        ("A", [OWN], "BB", True),
        ("A", [OWN], "B1", False),
        ("A", [OWN], "B-", True),
        ("A1", [], "A", False),
        ("", [], "7", False),
        ("", [], "B", True),
        ("A", [], "", True),
        ("12", [], "", False),
    ],
)
def test_who_counts_apart_prints_apart(
    queue_prefix: str, others: list[CategoryConfig], prefix: str, apart: bool
) -> None:
    """`A1` and 23 would read as `A` and 123."""
    everybody = [*others, replace(OWN, ticket_prefix=prefix), PLAIN]
    for ordered in (everybody, everybody[::-1]):
        if apart:
            ensure_told_apart(queue_prefix, ordered)
            continue
        with pytest.raises(InvalidInput) as refused:
            ensure_told_apart(queue_prefix, ordered)
        assert refused.value.field == "ticketPrefix"


def test_prefixes_that_count_with_the_queue_may_be_anything() -> None:
    ensure_told_apart("A", [replace(PLAIN, ticket_prefix=prefix) for prefix in ("A", "A1", "", "B", "B")])


async def test_a_category_counts_its_own_tickets_without_gaps(api: Api, business: Business) -> None:
    queue = await business.queue()
    own = await category(business, queue, "Passports", ticketPrefix="P", ticketFirstNumber=10, ticketLastNumber=99)
    shared = await category(business, queue, "Visas", ticketPrefix="V")
    plain = await category(business, queue, "Other")
    chosen = [own, None, shared, own, plain, own, None]
    given = [{} if one is None else {"categoryId": one["id"]} for one in chosen]
    tickets = [(await business.join(queue, **one)).ticket for one in given]
    assert tickets == ["P10", "A001", "V002", "P11", "A003", "P12", "A004"]
    refused = await ask(api.anonymous, "queueJoin", queueId=queue, categoryId=own["id"], partySize=99)
    assert refused["__typename"] == "InvalidInputError"
    assert (await business.join(queue, categoryId=own["id"])).ticket == "P13", "a refusal leaves no gap"
    rows = await stored_tickets(api, queue)
    assert [serial for mine, serial in rows if mine] == [10, 11, 12, 13]
    assert [serial for mine, serial in rows if not mine] == [1, 2, 3, 4]
    await assert_sound(api, queue, expected={queue: Expected(category_numbers={"P": 10, "V": None})})


async def stored_tickets(api: Api, queue: str) -> list[tuple[bool, int]]:
    """Whether a category counted, and the serial number, in order."""
    async with api.runtime.dbs.system.read(None) as tx:
        rows = await tx.rows(
            "select ticket_category_id, ticket_serial from sessions where queue_id = $1 order by ticket_serial",
            decode("Queue", queue).id,
        )
    return [(row["ticket_category_id"] is not None, row["ticket_serial"]) for row in rows]


async def test_numbers_are_unique_and_gapless_however_many_come_at_once(api: Api, business: Business) -> None:
    queue = await business.queue()
    own = await category(business, queue, "Passports", ticketPrefix="P", ticketFirstNumber=1, ticketLastNumber=99)
    given = [{"categoryId": own["id"]} if number % 2 else {} for number in range(60)]
    joined = await asyncio.gather(*(business.join(queue, **one) for one in given))
    assert sorted(one.ticket for one in joined) == sorted(
        [f"P{number:02d}" for number in range(1, 31)] + [f"A{number:03d}" for number in range(1, 31)]
    )
    await assert_sound(api, queue, expected={queue: Expected(category_numbers={"P": 1})})


async def test_its_numbers_begin_anew_with_the_service_day(api: Api, business: Business) -> None:
    queue = await business.queue()
    own = await category(business, queue, "Passports", ticketPrefix="P", ticketFirstNumber=5, ticketLastNumber=99)
    ref, category_id = decode("Queue", queue), decode("QueueCategory", own["id"]).id
    clock = ManualClock(datetime(2031, 5, 6, 23, 59, tzinfo=UTC))
    db = Database(
        role_url(api.runtime.settings, APP_ROLE),
        secret=api.runtime.settings.secret,
        pool_size=1,
        clock=clock,
        name="days",
    )
    tickets = []
    for _ in range(4):
        async with db.write(ref.tenant_id) as tx:
            tickets.append((await service.join(tx, JoinRequest(ref.id, category_id=category_id))).ticket_number)
        clock.advance(seconds=40)
    await db.dispose()
    assert tickets == ["P05", "P06", "P05", "P06"]


async def test_a_number_is_one_of_its_counter_and_the_database_knows(api: Api, business: Business) -> None:
    """One key for all: nulls are not distinct, so the queue's own numbers are held apart, too."""
    queue = await business.queue()
    await business.join(queue)
    await business.join(queue)
    ref = decode("Queue", queue)
    with pytest.raises(IntegrityError) as refused:
        async with api.runtime.dbs.system.write(ref.tenant_id) as tx:
            await tx.rows("update sessions set ticket_serial = 7 where queue_id = $1", ref.id)
    assert constraint_name(refused.value) == "sessions_ticket_key"


async def test_a_change_counts_from_now_on(api: Api, business: Business) -> None:
    queue = await business.queue()
    own = await category(business, queue, "Passports", ticketPrefix="P", ticketFirstNumber=1, ticketLastNumber=99)

    async def change(**given: Any) -> dict[str, Any]:
        return await done(business.admin, "queueCategoryUpdate", categoryId=own["id"], **given)

    async def ticket() -> str:
        return (await business.join(queue, categoryId=own["id"])).ticket

    assert await ticket() == "P01"
    changed = await change(ticketPrefix="Q", priorityMultiplier=1.255, ticketFirstNumber=50)
    assert (changed["ticketPrefix"], changed["priorityMultiplier"]) == ("Q", 1.25)
    assert await ticket() == "Q02", "a new first number waits for a new day"
    changed = await change(ticketPrefix=None, ticketFirstNumber=None, ticketLastNumber=None)
    assert (changed["ticketPrefix"], changed["ticketFirstNumber"], changed["priorityMultiplier"]) == (None, None, 1.25)
    assert await ticket() == "A001", "it counts with the queue"
    await change(ticketPrefix="P", ticketFirstNumber=1, ticketLastNumber=99)
    assert await ticket() == "P03", "and goes on where it was"
    event = [event for event in await events_of(api, queue) if event.type == "QUEUE_UPDATED"][-1]
    assert event.data["changes"]["category"]["ticket_prefix"] == "P"
    assert event.data["changes"]["category"]["multiplier_hundredths"] == 125


async def test_what_could_print_the_same_number_is_refused(api: Api, business: Business) -> None:
    queue = await business.queue()
    numbers = {"ticketFirstNumber": 1, "ticketLastNumber": 99}
    own = await category(business, queue, "Passports", ticketPrefix="P", **numbers)
    visas = await category(business, queue, "Visas", ticketPrefix="V")
    async with nothing_changes(api, queue):
        for verb, given in (
            ("queueCategoryCreate", {"queueId": queue, "name": "New", "ticketPrefix": "A", **numbers}),
            ("queueCategoryCreate", {"queueId": queue, "name": "New", "ticketPrefix": "V2", **numbers}),
            ("queueCategoryCreate", {"queueId": queue, "name": "New", "ticketPrefix": "P"}),
            ("queueCategoryUpdate", {"categoryId": visas["id"], "ticketPrefix": "P"}),
            ("queueCategoryUpdate", {"categoryId": own["id"], "ticketPrefix": "V"}),
            ("queueUpdate", {"queueId": queue, "ticketPrefix": "P"}),
        ):
            answer = await ask(business.admin, verb, **given)
            assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", "ticketPrefix"), given


async def test_under_priority_a_multiplier_makes_the_class(api: Api, business: Business) -> None:
    queue = await business.queue()
    double = await category(business, queue, "Double", priorityMultiplier=2)
    nothing = await category(business, queue, "Nothing", priorityMultiplier=0)
    nine = await business.join(queue, priority=9)
    five = await business.join(queue, priority=5, categoryId=double["id"])
    none = await business.join(queue, priority=9, categoryId=nothing["id"])
    four = await business.join(queue, priority=4, categoryId=double["id"])
    plain = await business.join(queue)
    assert await line(business, queue) == [one.ticket for one in (five, nine, four, none, plain)]
    shown = await business.act("sessionSetPriority", plain.id, priority=8)
    assert shown["session"]["position"] == 4, "an 8 like the doubled 4, who came before"
    shown = await business.act("sessionSetPriority", four.id, priority=3)
    assert shown["session"]["position"] == 4, "the multiplier counts for a new priority as well"


async def line(business: Business, queue: str) -> list[str]:
    """Ticket numbers in order."""
    shown = await business.admin(
        "query($id: ID!) { queue(id: $id) { waiting(first: 100) { edges { node { ticketNumber } } } } }", id=queue
    )
    return [edge["node"]["ticketNumber"] for edge in shown["waiting"]["edges"]]


async def test_under_time_credit_it_multiplies_the_credit(api: Api, business: Business) -> None:
    queue = await business.queue(discipline="TIME_CREDIT", priorityCredits=[{"priority": 2, "seconds": 100.0}])
    half = await category(business, queue, "Half", priority=2, priorityMultiplier=0.5)
    full = await category(business, queue, "Full", priority=2)
    plain = await business.join(queue)
    halved = await business.join(queue, categoryId=half["id"])
    whole = await business.join(queue, categoryId=full["id"])
    assert await line(business, queue) == [whole.ticket, halved.ticket, plain.ticket]
    async with api.runtime.dbs.system.read(None) as tx:
        rows = await tx.rows(
            "select extract(epoch from joined_at - rank_time)::float as credit from sessions where queue_id = $1"
            " order by joined_at",
            decode("Queue", queue).id,
        )
    assert [row["credit"] for row in rows] == [0.0, 50.0, 100.0]
