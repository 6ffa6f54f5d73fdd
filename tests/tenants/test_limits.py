"""What a tenant may not exceed: refused by name, to the last one, whoever else comes; and what it uses is visible."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Business

SHOWN = "{ tenant { limits { %s } usage { %s } } }"


async def counter(business: Business, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = await business.admin(
        operation("CounterCreate"), input={"name": f"Counter {uuid4().hex}", "queueIds": []} | values
    )
    return made


async def user(business: Business, role: str) -> dict[str, Any]:
    given = {"email": f"{uuid4().hex}@shop.example", "password": PASSWORD, "role": role}
    made: dict[str, Any] = await business.admin(operation("UserCreate"), input=given)
    return made


async def used(business: Business, limit: str) -> tuple[int, int]:
    """How much there is of it, and how much there may be."""
    shown = await business.admin(SHOWN % (limit, limit))
    return shown["usage"][limit], shown["limits"][limit]


async def test_counters_are_limited_to_the_last_one_under_contention(api: Api) -> None:
    business = await api.new_business(limits={"counters": 2})
    answers = await asyncio.gather(*[counter(business) for _ in range(5)])
    made = [answer["counter"]["id"] for answer in answers if answer["__typename"] == "CounterCreateSuccess"]
    refused = [answer for answer in answers if answer["__typename"] == "LimitReachedError"]
    assert (len(made), len(refused)) == (2, 3)
    assert {(each["limit"], each["maximum"]) for each in refused} == {("counters", 2)}
    assert await used(business, "counters") == (2, 2)


async def test_a_counter_that_is_put_away_makes_room_until_it_comes_back(api: Api) -> None:
    business = await api.new_business(limits={"counters": 1})
    first = (await counter(business))["counter"]["id"]
    # What changes nothing of how many there are is no business of the limit's.
    for changes in ({"name": "Renamed"}, {"isActive": True}, {"isActive": False}):
        changed = await business.admin(operation("CounterUpdate"), input={"counterId": first} | changes)
        assert changed["__typename"] == "CounterUpdateSuccess"
    assert await used(business, "counters") == (0, 1)
    assert (await counter(business))["__typename"] == "CounterCreateSuccess"
    back = await business.admin(operation("CounterUpdate"), input={"counterId": first, "isActive": True})
    assert (back["__typename"], back["limit"]) == ("LimitReachedError", "counters")
    assert await used(business, "counters") == (1, 1)


async def test_a_retry_is_answered_although_the_limit_is_reached(api: Api) -> None:
    business = await api.new_business(limits={"counters": 1})
    given = {"name": "Counter", "idempotencyKey": uuid4().hex}
    first = await counter(business, **given)
    assert await counter(business, **given) == first


@pytest.mark.parametrize(
    ("role", "limit", "others"), [("CUSTOMER", "customers", "STAFF"), ("STAFF", "staff", "CUSTOMER")]
)
async def test_people_are_counted_as_what_they_are(api: Api, role: str, limit: str, others: str) -> None:
    # The administrator is one of the staff.
    most = 2 if limit == "staff" else 1
    business = await api.new_business(limits={limit: most})
    one = (await user(business, role))["user"]["id"]
    refused = await user(business, role)
    assert (refused["__typename"], refused["limit"], refused["maximum"]) == ("LimitReachedError", limit, most)
    other = (await user(business, others))["user"]["id"]
    # Neither by way of another role, nor by coming back.
    turned = await business.admin(operation("UserUpdate"), input={"userId": other, "role": role})
    assert (turned["__typename"], turned["limit"]) == ("LimitReachedError", limit)
    assert await used(business, limit) == (most, most)
    await business.admin(operation("UserDeactivate"), input={"userId": one})
    turned = await business.admin(operation("UserUpdate"), input={"userId": other, "role": role})
    assert turned["__typename"] == "UserUpdateSuccess"
    back = await business.admin(operation("UserReactivate"), input={"userId": one})
    assert (back["__typename"], back["limit"]) == ("LimitReachedError", limit)
    assert await used(business, limit) == (most, most)
