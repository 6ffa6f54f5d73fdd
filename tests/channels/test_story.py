"""From a call to what the provider reports: tenants' own providers, the real job, signed callbacks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.ids import encode
from app.notifications.channels.interface import CallbackRequest
from app.notifications.models import Notification, NotificationChannel, NotificationStatus
from app.notifications.preferences import service as preferences
from app.notifications.providers import callbacks, service
from app.notifications.providers.callbacks import Callback
from app.notifications.providers.models import MessageProvider
from app.notifications.providers.service import NewMessageProvider
from app.sessions import repository as sessions
from app.sessions.models import SessionStatus
from app.settings import Settings
from tests.channels.messages import SENDGRID, SES, TWILIO, Adapter
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.world import World
from tests.notifications.world import world as open_world
from tests.support.stand_ins.amazon import Amazon
from tests.support.stand_ins.frame import HangUp, StandIn, standing_in
from tests.support.stand_ins.sendgrid import SendGrid
from tests.support.stand_ins.twilio import Twilio, error

__all__ = ["clock", "dbs", "settings"]

SENT, DELIVERED, FAILED = NotificationStatus.SENT, NotificationStatus.DELIVERED, NotificationStatus.FAILED
EMAIL, SMS = NotificationChannel.EMAIL, NotificationChannel.SMS
PHONE = "+4930901820"


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock) -> AsyncIterator[World]:
    """Of an installation that has neither mail server nor SMS of its own, and may ask this machine."""
    there = settings.model_copy(
        update={
            "smtp_url": None,
            "sms_url": None,
            "outbound_networks": ("127.0.0.0/8",),
            "public_url": "https://queue.example",
        }
    )
    async with open_world(there, dbs, clock) as opened:
        async with opened.dbs.app.write(opened.tenant_id, SYSTEM) as tx:
            await preferences.set_defaults(tx, {"channels": [EMAIL, SMS]})
        await opened.settle()
        yield opened


async def chosen(world: World, adapter: Adapter, there: StandIn, **options: Any) -> MessageProvider:
    """The tenant has a provider of its own."""
    given = {**adapter.options, "baseUrl": there.base, "timeoutSeconds": 5, **options}
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        return await service.create(tx, NewMessageProvider(adapter.name, adapter.name, given, adapter.credentials))


def address_of(row: MessageProvider) -> str:
    return f"https://queue.example/callbacks/{encode('MessageProvider', row.tenant_id, row.id)}"


async def report(world: World, row: MessageProvider, request: CallbackRequest) -> None:
    """The callback comes in."""
    assert request.url == address_of(row)
    callback = Callback(request.url.rpartition("/")[2], "", request.headers, request.body)
    await callbacks.take(world.dbs.app, world.settings, callback)


async def one(world: World, channel: NotificationChannel) -> Notification:
    [row] = await world.notifications(channel)
    return row


async def called(world: World, **contact: Any) -> None:
    """Somebody is called, and told."""
    await world.join("anna", **contact)
    await world.call_next(then=None)
    await world.settle()


async def test_a_called_visitor_gets_an_sms_and_can_leave_by_one(world: World) -> None:
    async with standing_in(Twilio()) as there:
        provider = await chosen(world, TWILIO, there)
        await called(world, email=None, phone=PHONE)
        [form] = there.taken
        assert (form["To"], form["StatusCallback"]) == (PHONE, address_of(provider))
        row = await one(world, SMS)
        assert (row.status, row.provider, row.provider_id) == (SENT, "TWILIO", provider.id)
        assert row.provider_message_id == there.sids[0]
        # Twice, and in the wrong order.
        for status in ("delivered", "sent", "delivered"):
            await report(world, provider, there.status(address_of(provider), there.sids[0], status))
        assert (await one(world, SMS)).status is DELIVERED
        for _ in range(2):
            await report(world, provider, there.inbound(address_of(provider), PHONE, "L", "SM" + "7" * 32))
        await world.settle()
        assert [each["To"] for each in there.taken] == [PHONE] * 2
    assert row.session_id is not None
    async with world.dbs.app.read(world.tenant_id) as tx:
        session = await sessions.get(tx, row.session_id)
    assert session.status is SessionStatus.CANCELLED


async def test_an_sms_that_did_not_arrive_has_failed(world: World) -> None:
    async with standing_in(Twilio()) as there:
        provider = await chosen(world, TWILIO, there)
        await called(world, email=None, phone=PHONE)
        await report(world, provider, there.status(address_of(provider), there.sids[0], "undelivered", 30003))
    row = await one(world, SMS)
    assert (row.status, row.error) == (FAILED, "Twilio reported undelivered, error 30003.")


async def test_in_doubt_it_is_sent_again_with_the_same_text(world: World, clock: ManualClock) -> None:
    async with standing_in(Twilio()) as there:
        await chosen(world, TWILIO, there)
        there.orders = [HangUp(after_taking=True)]
        await called(world, email=None, phone=PHONE)
        for _ in range(5):
            clock.advance(seconds=60)
            await world.settle()
        assert len(there.taken) == 2
        assert there.taken[0] == there.taken[1]
    row = await one(world, SMS)
    assert (row.status, row.provider_message_id) == (SENT, there.sids[1])


async def test_what_a_provider_refuses_is_told_without_the_number(world: World) -> None:
    async with standing_in(Twilio()) as there:
        await chosen(world, TWILIO, there)
        there.orders = [error(400, 21614, f"{PHONE} is not a mobile number")]
        await called(world, email=None, phone=PHONE)
    row = await one(world, SMS)
    assert (row.status, there.taken) == (FAILED, [])
    assert row.error is not None
    assert "21614" in row.error
    assert "4930901820" not in row.error


async def test_sendgrid_delivers_and_says_so(world: World) -> None:
    async with standing_in(SendGrid()) as there:
        provider = await chosen(world, SENDGRID, there, webhookPublicKey=there.public_key)
        await called(world)
        [mail] = there.taken
        assert mail["personalizations"][0]["to"] == [{"email": "anna@example.com"}]
        assert mail["headers"]["List-Unsubscribe"].startswith("<https://queue.example/")
        event = {"event": "delivered", "sg_message_id": there.ids[0], "response": "250 OK"}
        await report(world, provider, there.events(address_of(provider), event))
    row = await one(world, EMAIL)
    assert (row.status, row.provider_message_id) == (DELIVERED, there.ids[0])


async def test_ses_bounces_and_says_so(world: World) -> None:
    async with standing_in(Amazon()) as there:
        provider = await chosen(world, SES, there, topicBaseUrl=there.base)
        await called(world)
        assert [str(mail["To"]) for mail in there.mails] == ["anna@example.com"]
        await report(world, provider, there.confirmation(address_of(provider)))
        assert there.confirmed == ["confirm-1"]
        bounced = {"emailAddress": "anna@example.com", "diagnosticCode": "550 5.1.1 <anna@example.com> unknown"}
        bounce = {"bounceType": "Permanent", "bouncedRecipients": [bounced], "timestamp": "2026-11-21T12:00:00Z"}
        said = {"eventType": "Bounce", "mail": {"messageId": there.ids[0]}, "bounce": bounce}
        await report(world, provider, there.notification(address_of(provider), said))
    row = await one(world, EMAIL)
    assert (row.status, row.error) == (FAILED, "It bounced (Permanent): 550 5.1.1 <…> unknown")
