"""A tenant's own mail server, for real: signing in, TLS, refusals, hanging up; and never one inside our network."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.outbound import network
from app.notifications.channels import smtp
from app.notifications.channels.installation import installed
from app.notifications.channels.interface import Accepted, InDoubt, Outcome, Provider, Refused, Surroundings, TryLater
from app.notifications.channels.registry import PROVIDERS
from app.notifications.models import NotificationChannel
from app.settings import load_settings
from tests.channels.messages import MAIL, SMS
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.support.stand_ins.frame import AROUND
from tests.support.stand_ins.mail_server import PASSWORD, USERNAME, certificate, mail_server


def tenants(
    port: int, around: Surroundings = AROUND, password: str | None = None, **options: Any
) -> Provider[Any, Any]:
    """The adapter, as a tenant has configured it: from JSON. Unencrypted unless it says otherwise."""
    kind = PROVIDERS["SMTP"]
    given = {"host": "127.0.0.1", "port": port, "security": "IF_OFFERED", "sender": "Bäckerei <info@shop.example>"}
    credentials = kind.Credentials.model_validate({} if password is None else {"password": password})
    return kind(kind.Options.model_validate({**given, **options}), credentials, around)


@pytest.fixture
async def plain() -> AsyncIterator[Sink]:
    async with open_sink() as opened:
        yield opened


async def test_a_mail_arrives_with_a_way_out_and_keeps_its_id(plain: Sink) -> None:
    outcomes = [
        await tenants(plain.port).send(message) for message in (MAIL, MAIL, replace(MAIL, unsubscribe_url=None))
    ]
    id = f"<{MAIL.key}@shop.example>"
    assert outcomes == [Accepted(id)] * 3
    first, again, without = plain.mails
    assert (first.recipient, first.subject, first.body) == (MAIL.to, MAIL.subject, MAIL.body)
    assert first.message["From"] == "Bäckerei <info@shop.example>"
    assert first.message["Message-ID"] == again.message["Message-ID"] == id
    assert "".join(str(first.message["List-Unsubscribe"]).split()) == f"<{MAIL.unsubscribe_url}>"
    assert first.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (without.message["List-Unsubscribe"], without.message["List-Unsubscribe-Post"]) == (None, None)


@pytest.mark.parametrize("security", ["TLS", "STARTTLS"])
async def test_signing_in_is_encrypted_and_the_name_is_checked(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with certificate(tmp_path, "localhost") as (context, trusted):
        async with mail_server(context, is_encrypted_at_once=security == "TLS") as there:
            chosen = {"security": security, "username": USERNAME, "host": "localhost"}
            # Both of localhost's addresses are allowed; the server has one of them.
            around = Surroundings(allowed=(network("127.0.0.0/8"), network("::1/128")))
            provider = tenants(there.port, around, PASSWORD, **chosen)
            untrusted = await provider.send(MAIL)
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            assert isinstance(await provider.send(MAIL), Accepted)
            wrong = await tenants(there.port, around, "another", **chosen).send(MAIL)
            nobody = await tenants(there.port, around, **{**chosen, "username": None}).send(MAIL)
            assert len(there.mails) == 1
    for outcome in (untrusted, wrong, nobody):
        assert isinstance(outcome, TryLater)
        assert outcome.is_ours
    assert "CERTIFICATE_VERIFY_FAILED" in str(untrusted)
    assert "535" in str(wrong)


async def test_a_certificate_of_another_name_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with certificate(tmp_path, "mail.example") as (context, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        async with mail_server(context, is_encrypted_at_once=True) as there:
            around = Surroundings(allowed=(network("127.0.0.0/8"), network("::1/128")))
            chosen = {"security": "TLS", "username": USERNAME, "host": "localhost"}
            outcome = await tenants(there.port, around, PASSWORD, **chosen).send(MAIL)
            assert there.mails == []
    assert isinstance(outcome, TryLater)
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason


async def test_what_is_encrypted_only_if_offered_looks_at_no_certificate(tmp_path: Path) -> None:
    with certificate(tmp_path, "mail.example") as (context, _):
        async with mail_server(context, is_open=True) as there:
            assert isinstance(await tenants(there.port).send(MAIL), Accepted)
            assert len(there.mails) == 1


async def test_getting_ready_may_take_less_than_the_text(monkeypatch: pytest.MonkeyPatch, plain: Sink) -> None:
    monkeypatch.setattr(smtp, "_CONNECT_SECONDS", 2.0)
    answer = asyncio.Event()
    plain.answers["DATA"] = [answer]
    asyncio.get_running_loop().call_later(2.5, answer.set)
    assert isinstance(await tenants(plain.port).send(MAIL), Accepted)


async def test_starttls_that_is_asked_for_is_not_done_without(plain: Sink) -> None:
    outcome = await tenants(plain.port, security="STARTTLS").send(MAIL)
    assert isinstance(outcome, TryLater)
    assert (outcome.is_ours, "its provider's options" in outcome.reason, plain.mails) == (True, True, [])


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (
            {"RCPT": ["550 5.1.1 <{recipient}>: no such user"]},
            Refused("The mail server refused the recipient: 550 5.1.1 <…>: no such user", is_gone=True),
        ),
        (
            {"RCPT": ["550 5.7.1 relaying denied"]},
            Refused("The mail server refused the recipient: 550 5.7.1 relaying denied"),
        ),
        (
            {"RCPT": ["451 4.7.1 <{recipient}>: greylisted"]},
            TryLater("The mail server refused the recipient: 451 4.7.1 <…>: greylisted"),
        ),
        (
            {"RCPT": [], "DATA": ["554 5.7.1 spam for anna@example.com"]},
            Refused("The mail server refused the message: 554 5.7.1 spam for …"),
        ),
        # Of whom it is said, only an answer to RCPT says for sure.
        ({"DATA": ["550 5.1.1 unknown"]}, Refused("The mail server refused the message: 550 5.1.1 unknown")),
        (
            {"RCPT": [], "DATA": ["452 4.3.1 no space"]},
            TryLater("The mail server refused the message: 452 4.3.1 no space"),
        ),
    ],
)
async def test_what_a_refusal_means(plain: Sink, answers: dict[str, list[Any]], outcome: Outcome) -> None:
    plain.answers.update(answers)
    plain.answers.setdefault("DATA", [])
    assert await tenants(plain.port).send(MAIL) == outcome
    assert plain.mails == []


async def test_a_server_that_hangs_up_in_the_text_leaves_doubt() -> None:
    async with open_sink(hangs_up=True) as rude:
        outcome = await tenants(rude.port).send(MAIL)
    assert isinstance(outcome, InDoubt)


async def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch, plain: Sink) -> None:
    monkeypatch.setattr(smtp, "_CONNECT_SECONDS", 0.3)
    plain.answers["RCPT"] = [asyncio.Event()]
    outcome = await tenants(plain.port).send(MAIL)
    assert outcome == TryLater("The mail server did not get ready within 0.3 s.")
    is_left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        is_left.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        outcome = await tenants(server.sockets[0].getsockname()[1]).send(MAIL)
        assert isinstance(outcome, TryLater)
        async with asyncio.timeout(20):
            await is_left.wait()


async def test_the_text_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch, plain: Sink) -> None:
    monkeypatch.setattr(smtp, "_TEXT_SECONDS", 0.3)
    plain.answers["DATA"] = [asyncio.Event()]
    assert isinstance(await tenants(plain.port).send(MAIL), InDoubt)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "::1", "::ffff:127.0.0.1"])
async def test_no_server_in_our_own_network_is_asked(host: str, plain: Sink) -> None:
    outcome = await tenants(plain.port, Surroundings(), host=host).send(MAIL)
    assert outcome == TryLater(
        "The mail server: The address leads into an internal network, which is not asked.", is_ours=True
    )
    assert not plain.reached["RCPT"].is_set()


async def test_a_name_there_is_not_and_a_server_that_is_away() -> None:
    unknown = await tenants(25, host="mail.invalid").send(MAIL)
    assert unknown == TryLater("The mail server: The name cannot be resolved.", is_ours=True)
    away = await tenants(9).send(MAIL)
    assert away == TryLater("The mail server cannot be reached (ConnectionRefusedError).")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"username": "shop", "security": "IF_OFFERED"}, "passwords are encrypted"),
        ({"sender": "nobody"}, "is not an e-mail address"),
        ({"sender": "a@shop.example, b@shop.example"}, "is not an e-mail address"),
        ({"host": "user@mail.example"}, "pattern"),
        ({"host": "mail.example/x"}, "pattern"),
        ({"port": 0}, "greater"),
    ],
)
def test_options_are_checked_when_they_are_given(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tenants(**{"port": 25, **options})


async def test_neither_recipient_nor_text_nor_password_is_said(plain: Sink, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plain.answers["RCPT"] = ["451 <{recipient}>", "550 <{recipient}>"]
    provider = tenants(plain.port)
    said = [await provider.send(MAIL) for _ in range(3)]
    said.append(await tenants(9, password=PASSWORD).send(MAIL))
    ours = [record for record in caplog.records if record.name.startswith(("app", "aiosmtplib"))]
    text = f"{said} {MAIL!r} {provider!r} " + " ".join(f"{each.getMessage()} {each.__dict__}" for each in ours)
    assert len(plain.mails) == 1
    for secret in (MAIL.to, MAIL.body.strip(), PASSWORD):
        assert secret not in text


async def test_the_installations_server_may_be_on_this_machine_and_be_a_gateway(plain: Sink) -> None:
    settings = load_settings(
        smtp_url=plain.url, smtp_from="Queue <q@queue.example>", sms_url="mailto:{phone}@sms.example"
    )
    by_mail, by_sms = (installed(settings, each) for each in (NotificationChannel.EMAIL, NotificationChannel.SMS))
    assert by_mail is not None
    assert by_sms is not None
    assert await by_mail.send(MAIL) == Accepted(f"<{MAIL.key}@queue.example>")
    assert await by_sms.send(SMS) == Accepted(f"<{SMS.key}@queue.example>")
    assert [mail.recipient for mail in plain.mails] == [MAIL.to, f"{SMS.to}@sms.example"]
    assert (by_mail.name, by_sms.name) == ("SMTP", "SMS_GATEWAY")


async def test_a_sender_of_the_installation_that_is_none_is_named(plain: Sink) -> None:
    provider = installed(load_settings(smtp_url=plain.url, smtp_from="nobody"), NotificationChannel.EMAIL)
    assert provider is not None
    outcome = await provider.send(MAIL)
    assert isinstance(outcome, TryLater)
    assert (outcome.is_ours, "VQ_SMTP_FROM" in outcome.reason) == (True, True)
