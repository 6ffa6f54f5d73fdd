"""Fees: on hold until they are paid, given back by rule, and told by nobody but the payment system."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.identity.models import Role
from tests.integrations.conftest import SET_FEE, World
from tests.support.api import GraphQLFailed, Joined
from tests.support.stand_ins.frame import HangUp, Reply, post
from tests.support.stand_ins.stripe import StripeStandIn, callback


async def _tell(world: World, path: str, page: dict[str, Any], **how: Any) -> httpx.Response:
    return await post(callback(path, page, world.clock.now(), **how), world.api.http)


async def _opened(world: World, stripe: StripeStandIn, joined: Joined) -> str:
    """A page for somebody's fee: its id."""
    answer = await world.pay(joined)
    assert answer["__typename"] == "SessionPaySuccess", answer
    return str(answer["payment"]["checkoutUrl"]).rpartition("/")[2]


async def test_whoever_joins_is_on_hold_until_it_is_paid(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    queue = await world.paid_queue(paymentSeconds=60)
    counter = await world.business.counter(queue)
    joined = await world.business.join(queue)
    shown = await world.session(joined, joined.visitor)
    assert (shown["status"], shown["onHold"], shown["position"], shown["payment"]) == ("WAITING", True, None, None)
    assert shown["paymentDueAt"]
    called = await world.business.call_next(queue, counter)
    assert called["__typename"] == "NobodyWaitingError", "nobody who has not paid is called"
    answer = await world.pay(joined)
    payment = answer["payment"]
    assert (payment["status"], payment["amount"], payment["currency"]) == ("OPEN", 500, "EUR")
    ((id, page),) = stripe.pages.items()
    assert payment["checkoutUrl"] == page["url"]
    assert (await world.session(joined))["onHold"], "to be at the page is not to have paid"
    stripe.pay(id)
    assert (await _tell(world, path, page)).status_code == 200
    shown = await world.session(joined, joined.visitor)
    assert (shown["onHold"], shown["position"], shown["paymentDueAt"]) == (False, 1, None)
    assert (shown["payment"]["status"], shown["payment"]["checkoutUrl"]) == ("PAID", None)
    assert shown["payment"]["paidAt"]
    called = await world.business.call_next(queue, counter)
    assert called["session"]["id"] == joined.id
    assert (await world.pay(joined))["__typename"] == "NothingToPayError"
    assert [each.type for each in await world.events("PAYMENT_OPENED", "PAYMENT_RECEIVED")] == [
        "PAYMENT_OPENED",
        "PAYMENT_RECEIVED",
    ]
    world.clock.advance(minutes=5)
    await world.settle()
    assert (await world.session(joined))["status"] == "CALLED", "the time to pay concerns nobody who has paid"
    assert stripe.refused == []


async def test_a_callback_may_come_often_late_and_at_once(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    id = await _opened(world, stripe, joined)
    page = stripe.pay(id)
    answers = await asyncio.gather(*(_tell(world, path, page) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    expired = page | {"status": "expired", "payment_status": "unpaid"}
    assert (await _tell(world, path, expired, type="checkout.session.expired")).status_code == 200
    assert len(await world.events("PAYMENT_RECEIVED")) == 1
    assert len(await world.events("SESSION_UNHELD")) == 1
    assert (await world.session(joined))["payment"]["status"] == "PAID"


FORGED: list[tuple[str, dict[str, Any]]] = [
    ("somebody else's secret", {"secret": "whsec_other"}),
    ("too old", {"ago": 301}),
    ("from the future", {"ago": -301}),
    ("no signature", {"headers": {}}),
    ("a time there is none of", {"headers": {"Stripe-Signature": "t=999999999999,v1=x"}}),
    ("an empty one", {"headers": {"Stripe-Signature": "t=,v1="}}),
    ("no text", {"headers": {"Stripe-Signature": "t=12,v1=é"}}),
    ("another body", {"body": b'{"type": "checkout.session.completed"}'}),
]


@pytest.mark.parametrize(("_", "how"), FORGED, ids=[name for name, _ in FORGED])
async def test_what_is_not_signed_is_not_believed(world: World, stripe: StripeStandIn, _: str, how: Any) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    page = stripe.pay(await _opened(world, stripe, joined))
    at = world.clock.now() - timedelta(seconds=how.get("ago", 0))
    signed = callback(path, page, at, **({"secret": how["secret"]} if "secret" in how else {}))
    headers = {name: text.encode() for name, text in how.get("headers", signed.headers).items()}
    answer = await world.api.http.post(path, content=how.get("body", signed.body), headers=headers)
    assert (answer.status_code, answer.text) == (403, "This is not accepted here.\n")
    assert (await world.session(joined))["onHold"]
    for nowhere in (
        path[:-1] + ("0" if path[-1] != "0" else "1"),
        path[:-2],
        path[:-64] + "x" * 64,
        path[:-64] + "0" * 64,
    ):
        answer = await world.api.http.post(nowhere, content=signed.body, headers=dict(signed.headers))
        assert (answer.status_code, answer.text) == (403, "This is not accepted here.\n"), "nobody learns why"


async def test_a_callback_is_good_for_its_own_business_only(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    page = stripe.pay(await _opened(world, stripe, joined))
    mine, world.business = world.business, await world.api.new_business()
    _, others = await world.stripe(stripe)
    world.business = mine
    assert (await _tell(world, others, page)).status_code == 200, "it is signed"
    assert (await world.session(joined))["onHold"], "and concerns nobody there"


@pytest.mark.parametrize("changes", [{"amount_total": 499}, {"currency": "usd"}, {"payment_status": "unpaid"}])
async def test_less_than_all_of_it_is_not_paid(world: World, stripe: StripeStandIn, changes: dict[str, Any]) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    page = stripe.pay(await _opened(world, stripe, joined), **changes)
    assert (await _tell(world, path, page)).status_code == 200
    assert (await world.session(joined))["onHold"]
    assert (await world.session(joined))["payment"]["status"] == "OPEN"


async def test_who_comes_back_is_let_in_although_the_callback_was_lost(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    id = await _opened(world, stripe, joined)
    assert await _opened(world, stripe, joined) == id, "there is one page"
    stripe.pay(id)
    assert (await world.pay(joined))["payment"]["status"] == "PAID"
    assert (await world.session(joined))["position"] == 1


async def test_a_page_that_has_ended_is_followed_by_another(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    first = await _opened(world, stripe, joined)
    stripe.pages[first]["status"] = "expired"
    second = await _opened(world, stripe, joined)
    assert second != first
    assert set(stripe.pages) == {first, second}


async def test_many_who_ask_at_once_get_one_page(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    answers = await asyncio.gather(*(world.pay(joined) for _ in range(6)))
    assert {answer["payment"]["checkoutUrl"] for answer in answers} == {page["url"] for page in stripe.pages.values()}
    assert len(stripe.pages) == 1
    assert len(await world.events("PAYMENT_OPENED")) == 1
    assert stripe.refused == []


async def test_a_lost_answer_costs_no_second_page(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    stripe.orders = [HangUp(after_taking=True)]
    failed = await world.pay(joined)
    assert failed["__typename"] == "IntegrationFailedError"
    assert failed["reason"] == "The connection broke, or what came was no HTTP."
    await _opened(world, stripe, joined)
    assert len(stripe.pages) == 1


async def test_who_does_not_pay_in_time_gives_up_the_place(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    queue = await world.paid_queue(paymentSeconds=600)
    never, lost, late = [await world.business.join(queue) for _ in range(3)]
    stripe.pay(await _opened(world, stripe, lost))
    late_page = await _opened(world, stripe, late)
    assert await world.settle() == ["integrations.await_payment"] * 3
    world.clock.advance(seconds=599)
    assert await world.settle() == []
    world.clock.advance(seconds=2)
    await world.settle()
    assert (await world.session(never))["status"] == "CANCELLED"
    assert (await world.session(never))["cancelledBy"] == "SYSTEM"
    shown = await world.session(lost)
    assert (shown["status"], shown["onHold"]) == ("WAITING", False), "it was asked once more, and was paid"
    shown = await world.session(late)
    assert (shown["status"], shown["payment"]["status"]) == ("CANCELLED", "CANCELLED")
    assert stripe.pages[late_page]["status"] == "expired", "nobody can pay there any more"
    # They had paid at that very moment.
    stripe.pages[late_page]["status"] = "open"
    assert (await _tell(world, path, stripe.pay(late_page))).status_code == 200
    await world.settle()
    shown = await world.session(late)
    assert (shown["status"], shown["payment"]["status"]) == ("CANCELLED", "REFUNDED")
    assert [refund["amount"] for refund in stripe.refunds] == ["500"]


@pytest.mark.parametrize(
    ("rule", "called", "status"),
    [
        ("NEVER", False, "PAID"),
        ("BEFORE_CALL", False, "REFUNDED"),
        ("BEFORE_CALL", True, "PAID"),
        ("ALWAYS", True, "REFUNDED"),
    ],
)
async def test_what_goes_back_the_rule_says(
    world: World, stripe: StripeStandIn, rule: str, called: bool, status: str
) -> None:
    _, path = await world.stripe(stripe)
    queue = await world.paid_queue(refund=rule)
    counter = await world.business.counter(queue)
    joined = await world.business.join(queue)
    page = stripe.pay(await _opened(world, stripe, joined))
    await _tell(world, path, page)
    if called:
        await world.business.call_next(queue, counter)
    await world.business.act("sessionCancel", joined.id, joined.visitor)
    await world.settle()
    assert (await world.session(joined))["payment"]["status"] == status
    refunds = [] if status == "PAID" else [{"payment_intent": page["payment_intent"], "amount": "500"}]
    assert stripe.refunds == refunds
    assert stripe.refused == []


async def test_a_refund_is_owed_until_it_is_done_once(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue(refund="ALWAYS"))
    await _tell(world, path, stripe.pay(await _opened(world, stripe, joined)))
    await world.business.act("sessionCancel", joined.id, joined.visitor)
    # Done, but the answer is lost; then out of order; then it answers.
    stripe.orders = [HangUp(after_taking=True), Reply.json({}, 500)]
    await world.settle()
    assert (await world.session(joined))["payment"]["status"] == "REFUND_OWED"
    for _ in range(3):
        world.clock.advance(minutes=1)
        await world.settle()
    assert (await world.session(joined))["payment"]["status"] == "REFUNDED"
    assert len(stripe.refunds) == 1


async def test_a_refund_that_is_refused_is_said_to_staff(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue(refund="ALWAYS"))
    await _tell(world, path, stripe.pay(await _opened(world, stripe, joined)))
    stripe.refuses_refunds = True
    await world.business.act("sessionCancel", joined.id, joined.visitor)
    await world.settle()
    payment = (await world.session(joined))["payment"]
    assert payment["status"] == "REFUND_FAILED"
    assert payment["error"] == "It did not understand the request (400): check the options."


async def test_a_second_payment_that_cannot_go_back_is_said_to_staff(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue())
    page = stripe.pay(await _opened(world, stripe, joined))
    await _tell(world, path, page)
    stripe.refuses_refunds = True
    await _tell(world, path, page | {"id": "cs_another", "payment_intent": "pi_another"})
    await world.settle()
    payment = (await world.session(joined))["payment"]
    assert payment["status"] == "PAID", "the place is paid for"
    assert payment["error"].startswith("It was paid twice, and one of the two was not given back: ")


async def test_staff_let_somebody_in_without_it(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    joined = await world.business.join(await world.paid_queue(paymentSeconds=60))
    id = await _opened(world, stripe, joined)
    with pytest.raises(GraphQLFailed) as failed:
        await world.business.act("sessionUnhold", joined.id, joined.visitor)
    assert failed.value.code == "UNAUTHENTICATED", "that is for staff"
    await world.business.act("sessionUnhold", joined.id)
    await world.settle()
    shown = await world.session(joined)
    assert (shown["position"], shown["payment"]["status"]) == (1, "CANCELLED")
    assert stripe.pages[id]["status"] == "expired"
    assert (await world.pay(joined))["__typename"] == "NothingToPayError"
    world.clock.advance(minutes=5)
    await world.settle()
    assert (await world.session(joined))["status"] == "WAITING"


async def test_no_fee_is_paid_anywhere_but_where_the_queue_says(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    queue = await world.paid_queue()
    joined, neighbour = await world.business.join(queue), await world.business.join(queue)
    for url in (
        "https://evil.example/back",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "http://shop.example/back",
        "javascript:alert(1)",
        "https://shop.example\\@evil.example/",
        "https://shop.example/" + "x" * 1000,
    ):
        answer = await world.pay(joined, returnUrl=url)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "returnUrl"), url
    for caller, code in (
        (neighbour.visitor, "NOT_FOUND"),
        ((await world.api.new_business()).admin, "NOT_FOUND"),
        (world.api.anonymous, "UNAUTHENTICATED"),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await world.pay(joined, caller)
        assert failed.value.code == code
    free = await world.business.join(await world.business.queue(siteOrigins=["https://shop.example"]))
    assert (await world.pay(free))["__typename"] == "NothingToPayError"
    assert stripe.asked == []


async def test_a_fee_is_set_changed_and_taken_away(world: World, stripe: StripeStandIn) -> None:
    queue = await world.business.queue()
    given = {"amount": 500, "currency": "EUR", "description": "Booking fee"}
    answer = await world.business.admin(SET_FEE, i={"queueId": queue, "fee": given})
    assert answer["__typename"] == "PaymentNotSetUpError"
    await world.stripe(stripe)
    for change, field in (
        ({"amount": 0}, "fee.amount"),
        ({"amount": 100_000_001}, "fee.amount"),
        ({"currency": "eur"}, "fee.currency"),
        ({"description": " "}, "fee.description"),
        ({"paymentSeconds": 59}, "fee.paymentSeconds"),
        ({"paymentSeconds": 86_401}, "fee.paymentSeconds"),
    ):
        answer = await world.business.admin(SET_FEE, i={"queueId": queue, "fee": given | change})
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)
    answer = await world.business.admin(SET_FEE, i={"queueId": queue, "fee": given})
    assert answer["queue"]["fee"] == given | {"refund": "BEFORE_CALL"}
    assert answer["queue"]["paymentSeconds"] == 900
    revision = answer["queue"]["revision"]
    answer = await world.business.admin(SET_FEE, i={"queueId": queue, "fee": given})
    assert answer["queue"]["revision"] == revision, "nothing has changed"
    held = await world.business.join(queue)
    answer = await world.business.admin(SET_FEE, i={"queueId": queue, "fee": None})
    assert (answer["queue"]["fee"], answer["queue"]["paymentSeconds"]) == (None, None)
    assert (await world.business.join(queue)).position == 1
    assert (await world.session(held))["onHold"], "who has joined is not touched"
    for role in (Role.STAFF,):
        with pytest.raises(GraphQLFailed) as failed:
            await (await world.business.user(role))(SET_FEE, i={"queueId": queue, "fee": None})
        assert failed.value.code == "FORBIDDEN"


async def test_who_has_not_paid_is_released_by_no_metered_queue(world: World, stripe: StripeStandIn) -> None:
    _, path = await world.stripe(stripe)
    queue = await world.business.queue(mode="METERED", maxConcurrentUsers=5, siteOrigins=["https://shop.example"])
    fee = {"amount": 100, "currency": "EUR", "description": "Deposit"}
    await world.business.admin(SET_FEE, i={"queueId": queue, "fee": fee})
    joined = await world.business.join(queue)
    assert (await world.session(joined))["status"] == "WAITING"
    await _tell(world, path, stripe.pay(await _opened(world, stripe, joined)))
    assert (await world.session(joined))["status"] == "CALLED", "let in by the commit that says it is paid"
