"""From an issued code to the mailbox or the telephone, with servers that refuse, hang up or are not there."""

import logging
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select, update

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.jobs.models import Job
from app.identity.accounts.codes import Codes, Issued, Recipient
from app.identity.accounts.models import AccountMessage, MessageChannel, MessageKind
from app.notifications.accounts import sending
from app.notifications.accounts.texts import WORDINGS
from app.notifications.channels.installation import NO_MAIL, NO_SMS
from app.settings import Settings, SettingsError, load_settings
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.conftest import sink
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.notifications.world import World
from tests.notifications.world import world as open_world
from tests.support.stand_ins.frame import HangUp, standing_in
from tests.support.stand_ins.twilio import Twilio, error

__all__ = ["clock", "dbs", "settings", "sink"]

MAIL = Recipient(MessageChannel.EMAIL, "anna@mail.example")
PHONE = Recipient(MessageChannel.SMS, "+4930901820")
JOB = "notifications.account_message"


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock, sink: Sink) -> AsyncIterator[World]:
    """E-mail goes to the sink, and SMS to it by way of a gateway."""
    there = settings.model_copy(update={"smtp_url": sink.url, "sms_url": "mailto:{phone}@gateway.example"})
    async with open_world(there, dbs, clock) as opened:
        await opened.settle()  # what founding it has caused
        yield opened


def with_settings(world: World, **changes: Any) -> None:
    """The same world, whose workers have other settings from now on."""
    world.settings = world.settings.model_copy(update=changes)
    world.runner._settings = world.settings


async def owe(world: World, kind: MessageKind = MessageKind.CHANGE_EMAIL, to: Recipient = MAIL, **given: Any) -> Issued:
    """A code is on its way."""
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        return await Codes(world.settings.secret).issue(tx, kind, to, **({"subject_id": uuid4()} | given))


async def stored(world: World) -> AccountMessage:
    """The only message."""
    async with world.dbs.app.read(world.tenant_id) as tx:
        return (await tx.exec(select(AccountMessage))).one()


async def redeems(world: World, issued: Issued, code: str, kind: MessageKind = MessageKind.CHANGE_EMAIL) -> bool:
    """Whether a code does it."""
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        return await Codes(world.settings.secret).redeem(tx, kind, issued.token, code) is not None


def code_in(text: str) -> str:
    """The six digits in a message."""
    [code] = set(re.findall(r"\b[0-9]{6}\b", text))
    return code


async def test_the_code_in_the_mail_is_the_one_that_is_taken(world: World, sink: Sink) -> None:
    issued = await owe(world)
    assert await world.settle() == [JOB]
    [mail] = sink.mails
    assert mail.recipient == "anna@mail.example"
    row = await stored(world)
    assert (row.sealed_code, row.sent_at, row.error) == (None, world.clock.now(), None)
    assert await redeems(world, issued, code_in(mail.subject + mail.body))
    assert await world.settle() == []


async def test_an_sms_goes_through_the_gateway(world: World, sink: Sink) -> None:
    issued = await owe(world, MessageKind.CHANGE_PHONE, PHONE)
    await world.settle()
    [mail] = sink.mails
    assert mail.recipient == "+4930901820@gateway.example"
    assert "\n" not in mail.body.strip()
    assert await redeems(world, issued, code_in(mail.body), MessageKind.CHANGE_PHONE)


async def test_an_sms_goes_to_the_provider(world: World, sink: Sink) -> None:
    async with standing_in(Twilio()) as there:
        with_settings(world, sms_url=there.sms_url)
        issued = await owe(world, MessageKind.SECOND_FACTOR, PHONE, locale="de-CH")
        await world.settle()
    [form] = there.taken
    assert (form["To"], sink.mails) == ("+4930901820", [])
    assert "Geben Sie ihn niemandem" in form["Body"]
    assert await redeems(world, issued, code_in(form["Body"]), MessageKind.SECOND_FACTOR)


@pytest.mark.parametrize(
    ("answer", "again"),
    [((400, 21211, f"The 'To' number {PHONE.address} is not valid."), False), ((503, 20503, "Down."), True)],
)
async def test_what_the_provider_refuses_is_tried_again_unless_it_is_for_good(
    world: World, clock: ManualClock, answer: tuple[int, int, str], again: bool
) -> None:
    async with standing_in(Twilio()) as there:
        there.orders = [error(*answer)]
        with_settings(world, sms_url=there.sms_url)
        await owe(world, MessageKind.SECOND_FACTOR, PHONE)
        await world.settle()
        row = await stored(world)
        assert row.error is not None
        assert str(answer[1]) in row.error
        assert "4930901820" not in row.error
        assert (row.sealed_code is not None, row.handed_over_at is not None) == (again, not again)
        clock.advance(seconds=2)
        assert await world.settle() == ([JOB] if again else [])
    assert len(there.taken) == (1 if again else 0)


async def test_a_provider_that_hangs_up_is_not_asked_again(world: World, clock: ManualClock) -> None:
    async with standing_in(Twilio()) as there:
        there.orders = [HangUp()]
        with_settings(world, sms_url=there.sms_url)
        await owe(world, MessageKind.SECOND_FACTOR, PHONE)
        await world.settle()
        row = await stored(world)
        assert (row.error, row.sealed_code, row.sent_at) == (sending.IN_DOUBT, None, None)
        clock.advance(minutes=1)
        assert await world.settle() == []
    assert (there.taken, there.orders) == ([], [])


async def test_a_provider_nobody_can_reach_is_tried_again_until_the_code_expires(
    world: World, clock: ManualClock
) -> None:
    with_settings(world, sms_url="twilio+http://AC1:token@127.0.0.1:9?from=%2B15005550006")
    await owe(world, MessageKind.SECOND_FACTOR, PHONE)
    await world.settle()
    row = await stored(world)
    assert row.error == "Nobody answers at the address."
    assert row.handed_over_at is None
    clock.advance(minutes=10)
    assert await world.settle() == [JOB]
    row = await stored(world)
    assert (row.error, row.sealed_code) == (sending.TOO_LATE, None)


async def test_a_mail_server_that_refuses_for_now_gets_it_once_later(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    sink.answers["RCPT"] = ["451 4.7.1 <{recipient}>: greylisted"]
    await owe(world)
    await world.settle()
    row = await stored(world)
    assert row.error is not None
    assert "451" in row.error
    assert "anna@mail.example" not in row.error
    clock.advance(seconds=2)
    assert await world.settle() == [JOB]
    assert len(sink.mails) == 1
    assert (await stored(world)).error is None


async def test_a_mail_server_that_hangs_up_is_not_asked_again(world: World, clock: ManualClock) -> None:
    async with open_sink(hangs_up=True) as gone:
        with_settings(world, smtp_url=gone.url)
        await owe(world)
        await world.settle()
        assert (await stored(world)).error == sending.IN_DOUBT
        clock.advance(minutes=1)
        assert await world.settle() == []


async def test_what_a_dead_worker_was_handing_over_is_not_sent_again(world: World, sink: Sink) -> None:
    await owe(world)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await tx.exec(update(AccountMessage).values(handed_over_at=world.clock.now()))
    await world.settle()
    row = await stored(world)
    assert (row.error, row.sealed_code, sink.mails) == (sending.IN_DOUBT, None, [])


@pytest.mark.parametrize(
    ("change", "to", "reason"),
    [({"smtp_url": None}, MAIL, NO_MAIL), ({"sms_url": None}, PHONE, NO_SMS), ({"smtp_url": None}, PHONE, NO_MAIL)],
)
async def test_without_a_carrier_the_row_says_what_to_set(
    world: World, sink: Sink, change: dict[str, None], to: Recipient, reason: str
) -> None:
    with_settings(world, **change)
    await owe(world, MessageKind.SECOND_FACTOR, to)
    await world.settle()
    row = await stored(world)
    assert (row.error, row.sealed_code, sink.mails) == (reason, None, [])


async def test_nobody_is_sent_the_code_of_an_account_there_is_not(world: World, sink: Sink) -> None:
    await owe(world, MessageKind.RESET_PASSWORD, subject_id=None)
    assert await world.settle() == [JOB]
    row = await stored(world)
    assert (row.error, row.sealed_code, sink.mails) == (sending.NOBODY, None, [])


async def test_a_message_sealed_with_another_secret_is_given_up(world: World, sink: Sink) -> None:
    await owe(world)
    with_settings(world, secret_key="another secret of at least 32 characters")
    await world.settle()
    assert ((await stored(world)).error, sink.mails) == (sending.UNREADABLE, [])


async def test_an_invitation_is_text_or_a_link_to_the_front_end(world: World, sink: Sink) -> None:
    await owe(world, MessageKind.INVITATION)
    await world.settle()
    with_settings(world, invitation_url="https://front.example/join?x=1")
    await owe(world, MessageKind.INVITATION)
    await world.settle()
    text, link = (mail.body for mail in sink.mails)
    assert re.search(r"\n\nvqc_[\w-]{43}\.[\w-]{43}\n\nThe invitation", text)
    assert re.search(
        r"\n\nhttps://front\.example/join\?x=1#invitation=vqc_[\w-]{43}\.[\w-]{43}\n\nThe invitation", link
    )


async def test_neither_code_nor_address_is_logged_or_kept_with_the_job(
    world: World, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sink.answers["DATA"] = ["451 try anna@mail.example later"]
    await owe(world)
    await world.settle()
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(seconds=2)
    await world.settle()
    [mail] = sink.mails
    ours = [record for record in caplog.records if record.name.startswith("app.")]
    assert ours
    said = " ".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    async with world.dbs.app.read(world.tenant_id) as tx:
        jobs = (await tx.exec(select(Job).where(col(Job.name) == JOB))).all()
    said += " ".join(str(job.model_dump()) for job in jobs)
    assert "anna@mail.example" not in said
    assert f"'{code_in(mail.body)}'" not in said


@pytest.mark.parametrize("kind", MessageKind)
def test_every_kind_is_worded_in_both_languages(kind: MessageKind) -> None:
    for locale in ("en", "de"):
        assert (kind, locale) in WORDINGS


@pytest.mark.parametrize(
    "url",
    [
        "twilio://AC1:token@api.twilio.com?from=%2B15005550006",
        "twilio+http://AC1:token@127.0.0.1:8080/base?from=MG1",
        "mailto:{phone}@sms.example",
    ],
)
def test_ways_to_send_an_sms(url: str) -> None:
    assert load_settings(sms_url=url).sms_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com",
        "twilio://api.twilio.com?from=1",
        "twilio://AC1:token@api.twilio.com",
        "twilio://AC1:token@api.twilio.com?from=1&from=2",
        "twilio://AC%201:token@api.twilio.com?from=1",
        "twilio://AC1:token@api.twilio.com?from=%2B1%0A",
        "twilio://AC1:token@api.twilio.com?from=" + "1" * 41,
        "mailto:somebody@sms.example",
        "mailto:{phone}",
    ],
)
def test_no_ways_to_send_an_sms(url: str) -> None:
    with pytest.raises(SettingsError, match="VQ_SMS_URL") as refused:
        load_settings(sms_url=url)
    assert "token" not in str(refused.value).partition("write")[0], "secrets are not repeated"


@pytest.mark.parametrize("url", ["front.example/join", "https://front.example/#join", "javascript:alert(1)"])
def test_no_page_for_invitations(url: str) -> None:
    with pytest.raises(SettingsError, match="VQ_INVITATION_URL"):
        load_settings(invitation_url=url)
