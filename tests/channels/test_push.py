"""Messages to browsers, which decrypt them and check who has signed, and to apps."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt
import pytest

from app.notifications.channels.fcm import AppAddress, Fcm, FcmCredentials, FcmOptions
from app.notifications.channels.interface import Accepted, InDoubt, Message, Refused, Surroundings, TryLater
from app.notifications.channels.webpush import (
    BrowserAddress,
    PushKeys,
    WebPush,
    WebPushCredentials,
    WebPushOptions,
    application_server_key,
    shown,
)
from app.notifications.devices.keys import public_push_key, push_key
from app.notifications.models import NotificationChannel
from tests.channels.messages import MAIL
from tests.support.stand_ins import google
from tests.support.stand_ins.frame import AROUND, Asked, HangUp, Reply, Silence, StandIn, standing_in
from tests.support.stand_ins.google import ACCOUNT, KEY_ID, PRIVATE_KEY, PROJECT, Google
from tests.support.stand_ins.push_service import AROUND as NEAR_BY
from tests.support.stand_ins.push_service import PushService, push_service

KEY = push_key("an installation's secret", UUID(int=7))
MESSAGE = replace(MAIL, channel=NotificationChannel.PUSH, link="https://queue.example", unsubscribe_url=None)
APP = "a-token-of-an-app:APA91b"


@pytest.fixture(scope="module")
async def browsers() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


def web_push(key: str = KEY, around: Surroundings = NEAR_BY, seconds: float = 5) -> WebPush:
    options = WebPushOptions(contact="push@shop.example", timeout_seconds=seconds)
    return WebPush(options, WebPushCredentials(private_key=key), around)


def to(subscription: dict[str, Any]) -> Message:
    keys = PushKeys(**subscription["keys"])
    return replace(MESSAGE, to=BrowserAddress(endpoint=subscription["endpoint"], keys=keys).model_dump_json())


async def test_a_browser_reads_what_was_sent_to_it(browsers: PushService) -> None:
    browser = await browsers.subscribe(application_server_key(KEY))
    assert isinstance(await web_push().send(to(browser)), Accepted)
    [said] = await browsers.messages(browser)
    assert json.loads(said) == {
        "title": MESSAGE.subject,
        "body": MESSAGE.body.strip(),
        "tag": MESSAGE.key,
        "lang": "de",
        "kind": "CALLED",
        "url": "https://queue.example",
    }


async def test_only_the_key_it_has_subscribed_with_is_let_in(browsers: PushService) -> None:
    browser = await browsers.subscribe(application_server_key(KEY))
    outcome = await web_push(push_key("another secret", UUID(int=7))).send(to(browser))
    assert isinstance(outcome, Refused)
    assert await browsers.messages(browser) == []


async def test_a_browser_that_has_unsubscribed_is_gone(browsers: PushService) -> None:
    browser = await browsers.subscribe(application_server_key(KEY))
    await browsers.unsubscribe(browser)
    outcome = await web_push().send(to(browser))
    assert isinstance(outcome, Refused)
    assert outcome.is_gone


async def test_a_long_text_fits_and_letters_stay_whole(browsers: PushService) -> None:
    browser = await browsers.subscribe(application_server_key(KEY))
    long = replace(to(browser), body="é" * 9_000, subject="Ü" * 200)
    assert isinstance(await web_push().send(long), Accepted)
    [said] = await browsers.messages(browser)
    assert len(said.encode()) <= 3_600
    assert set(json.loads(said)["body"]) == {"é", "…"}


class _Service(StandIn):
    async def take(self, asked: Asked) -> Reply:
        return Reply(201, b"", {"Location": f"{self.base}/m/1"})


async def test_what_a_push_service_is_told_besides(browsers: PushService) -> None:
    browser = await browsers.subscribe(application_server_key(KEY))
    async with standing_in(_Service()) as there:
        near = to(browser | {"endpoint": f"{there.base}/send/secret"})
        assert await web_push().send(near) == Accepted("1")
        assert await web_push().send(near) == Accepted("1")
        there.orders = [Reply(429, b"", {"Retry-After": "60"}), Reply(500), HangUp(), Reply(413, b"secret"), Reply(403)]
        found = [await web_push().send(near) for _ in range(5)]
        there.orders = [Silence()]
        assert isinstance(await web_push(seconds=0.2).send(near), InDoubt)
        assert isinstance(await web_push(around=Surroundings()).send(near), TryLater)
    assert [type(each) for each in found] == [TryLater, TryLater, InDoubt, Refused, TryLater]
    assert "secret" not in str(found)
    first, second = there.asked[:2]
    assert (first.headers["ttl"], first.headers["urgency"]) == ("3600", "high")
    # The same message takes the other's place while it waits.
    assert first.headers["topic"] == second.headers["topic"]
    assert len(first.headers["topic"]) == 32
    assert first.body != second.body
    token = first.headers["authorization"].split("t=")[1].split(",")[0]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == ("mailto:push@shop.example", "http://127.0.0.1")


def test_each_business_has_a_key_of_its_own_which_is_always_the_same() -> None:
    first, other = UUID(int=1), UUID(int=2)
    assert public_push_key("s", first) == public_push_key("s", first)
    assert len({public_push_key("s", first), public_push_key("s", other), public_push_key("t", first)}) == 3


@pytest.mark.parametrize("key", ["", "x", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", PRIVATE_KEY])
def test_a_key_has_to_be_one_of_the_curve(key: str) -> None:
    with pytest.raises(ValueError, match="private_key"):
        WebPushCredentials(private_key=key)


def fcm(base: str, key: str = PRIVATE_KEY) -> Fcm:
    options = FcmOptions(project_id=PROJECT, base_url=base, token_url=f"{base}/token", timeout_seconds=5)
    return Fcm(options, FcmCredentials(client_email=ACCOUNT, private_key_id=KEY_ID, private_key=key), AROUND)


def app(token: str = APP) -> Message:
    return replace(MESSAGE, to=AppAddress(token=token).model_dump_json())


async def test_an_app_is_shown_a_message_once_however_often_it_is_sent() -> None:
    async with standing_in(Google()) as there:
        there.apps.add(APP)
        outcomes = [await fcm(there.base).send(app()) for _ in range(2)]
    assert there.refused == []
    assert outcomes == [Accepted(id) for id in there.ids]
    assert there.shown == {(APP, MESSAGE.key): MESSAGE.subject}
    # Signed in once for both.
    assert [each.path for each in there.asked].count("/token") == 1


async def test_an_app_that_was_uninstalled_is_gone() -> None:
    async with standing_in(Google()) as there:
        outcome = await fcm(there.base).send(app())
    assert isinstance(outcome, Refused)
    assert outcome.is_gone


async def test_another_key_does_not_sign_in() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    async with standing_in(Google()) as there:
        outcome = await fcm(there.base, other.decode()).send(app())
    assert there.refused == ["assertion"]
    assert isinstance(outcome, TryLater)
    assert outcome.is_ours


async def test_an_access_token_that_is_not_believed_any_more_is_replaced() -> None:
    async with standing_in(Google()) as there:
        there.apps.add(APP)
        assert isinstance(await fcm(there.base).send(app()), Accepted)
        there.tokens.clear()
        refused = await fcm(there.base).send(app())
        assert isinstance(refused, TryLater)
        assert refused.is_ours
        assert isinstance(await fcm(there.base).send(app()), Accepted)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (google.error(429, "RESOURCE_EXHAUSTED", "Quota", "QUOTA_EXCEEDED"), TryLater),
        (google.error(503, "UNAVAILABLE", "Overloaded", "UNAVAILABLE"), TryLater),
        (google.error(401, "UNAUTHENTICATED", "APNs key", "THIRD_PARTY_AUTH_ERROR"), TryLater),
        (google.error(400, "INVALID_ARGUMENT", f"Bad token {APP}", "INVALID_ARGUMENT"), Refused),
        (google.error(403, "PERMISSION_DENIED", "Other sender", "SENDER_ID_MISMATCH"), Refused),
        (HangUp(after_taking=True), InDoubt),
    ],
)
async def test_what_its_answers_mean(reply: Reply | HangUp, outcome: type) -> None:
    async with standing_in(Google()) as there:
        there.apps.add(APP)
        assert isinstance(await fcm(there.base).send(app()), Accepted)
        there.orders = [reply]
        found = await fcm(there.base).send(app())
    assert isinstance(found, outcome)
    assert APP not in str(found)


async def test_a_device_is_asked_by_those_only_who_can_reach_it() -> None:
    keys = PushKeys(p256dh=application_server_key(KEY), auth="tBHItJI5svbpez7KI4CCXg")
    browser = replace(MESSAGE, to=BrowserAddress(endpoint="https://push.example/x", keys=keys).model_dump_json())
    both = (web_push(), fcm("https://fcm.example"))
    assert [each.carries(browser) for each in both] == [True, False]
    assert [each.carries(app()) for each in both] == [False, True]
    assert [each.carries(replace(MESSAGE, to="{}")) for each in both] == [False, False]
    assert len(json.dumps(shown(browser))) < 3_600
    assert await asyncio.gather(*(each.send(replace(MESSAGE, to="nobody")) for each in both)) == [
        Refused("The device is no browser."),
        Refused("The device is no app."),
    ]
