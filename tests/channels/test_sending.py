"""What every adapter of e-mail and SMS does, against a server that checks what it is sent and misbehaves on order."""

import logging
from datetime import timedelta

import pytest

from app.notifications.channels.interface import Accepted, InDoubt, Refused, Surroundings, TryLater
from tests.channels.messages import ADAPTERS, Adapter
from tests.support.stand_ins.frame import AROUND, HangUp, Reply, Silence, StandIn, standing_in

pytestmark = pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
MINUTES = timedelta(minutes=2)


def ids(there: StandIn) -> list[str]:
    """What the stand-in calls the messages it has taken."""
    found = getattr(there, "sids", None)
    return list(there.ids if found is None else found)  # type: ignore[attr-defined]


async def test_a_message_is_taken_once_and_named(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there:
        outcome = await adapter.at(there.base).send(adapter.message)
    assert there.refused == []
    [id] = ids(there)
    assert outcome == Accepted(id)
    assert len(there.asked) == 1


async def test_wrong_credentials_are_somebodys_to_put_right(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there:
        outcome = await adapter.at(there.base, credentials=adapter.wrong).send(adapter.message)
    assert len(there.refused) == 1
    assert isinstance(outcome, TryLater)
    assert outcome.is_ours
    assert ids(there) == []


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"Retry-After": "120"}, MINUTES),
        ({"Retry-After": "9999999"}, timedelta(hours=1)),
        ({"Retry-After": "Sat, 21 Nov 1970 12:00:00 GMT"}, timedelta(0)),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_who_says_when_is_asked_again_then(
    adapter: Adapter, headers: dict[str, str], after: timedelta | None
) -> None:
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [Reply(429, b"{}", headers)]
        provider = adapter.at(there.base)
        outcome = await provider.send(adapter.message)
        assert isinstance(outcome, TryLater)
        assert (outcome.after, outcome.is_ours) == (after, False)
        assert isinstance(await provider.send(adapter.message), Accepted)
    assert len(ids(there)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_that_fails_is_asked_again(adapter: Adapter, status: int) -> None:
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [Reply(status, b"<html>Oops</html>")]
        outcome = await adapter.at(there.base).send(adapter.message)
    assert isinstance(outcome, TryLater)
    assert (outcome.is_ours, str(status) in outcome.reason) == (False, True)


async def test_what_is_refused_for_good_is_not_to_be_tried_again(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [adapter.refusal]
        outcome = await adapter.at(there.base).send(adapter.message)
    assert isinstance(outcome, Refused)
    assert "400" in outcome.reason
    assert adapter.message.to.lstrip("+") not in outcome.reason
    assert "…" in outcome.reason


@pytest.mark.parametrize("order", [HangUp(), HangUp(after_taking=True), Silence(), Silence(after_taking=True)], ids=str)
async def test_who_does_not_answer_may_have_taken_it(adapter: Adapter, order: HangUp | Silence) -> None:
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [order]
        outcome = await adapter.at(there.base, timeoutSeconds=0.3).send(adapter.message)
    assert isinstance(outcome, InDoubt)
    assert len(ids(there)) == int(order.after_taking)


async def test_who_is_not_there_has_taken_nothing(adapter: Adapter) -> None:
    outcome = await adapter.at("http://127.0.0.1:9").send(adapter.message)
    assert outcome == TryLater("Nobody answers at the address.")


async def test_nothing_is_sent_into_our_own_network(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there:
        outcome = await adapter.at(there.base, around=Surroundings()).send(adapter.message)
        assert there.asked == []
    assert outcome == TryLater("The address leads into an internal network, which is not asked.")


async def test_nobody_is_sent_elsewhere(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there, standing_in(adapter.stand_in()) as elsewhere:
        there.orders = [Reply(307, b"", {"Location": elsewhere.base + "/"})]
        outcome = await adapter.at(there.base).send(adapter.message)
        assert elsewhere.asked == []
    assert isinstance(outcome, TryLater)


async def test_a_yes_that_cannot_be_read_is_a_yes(adapter: Adapter) -> None:
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [Reply(200, b"\xff" * 200_000)]
        assert await adapter.at(there.base).send(adapter.message) == Accepted(None)


async def test_neither_recipient_nor_text_nor_secret_is_said(
    adapter: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    message, said = adapter.message, []
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [Reply(status, f"{message.to} {message.body}".encode()) for status in (400, 404, 429, 500)]
        provider = adapter.at(there.base)
        said += [await provider.send(message) for _ in range(5)]
    ours = [record for record in caplog.records if record.name.startswith(("app", "botocore", "httpcore"))]
    text = f"{said} {message!r} {provider!r} " + " ".join(f"{each.getMessage()} {each.__dict__}" for each in ours)
    assert isinstance(said[-1], Accepted)
    for secret in (message.to, message.body.strip(), *adapter.credentials.values()):
        assert secret not in text


async def test_options_are_checked_when_they_are_given(adapter: Adapter) -> None:
    with pytest.raises(ValueError, match="unknown"):
        adapter.at("https://x.example", unknown="1")
    with pytest.raises(ValueError, match="starts with https"):
        adapter.at("ftp://x.example", around=AROUND)
