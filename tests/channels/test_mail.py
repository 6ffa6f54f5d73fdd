"""The message itself: whole, and nobody's way to put headers or recipients into it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from app.notifications.channels.mail import Mail, MailFailure, compose, message_id_for, parse_address

MAIL = Mail(
    message_id="<1@shop.example>",
    sender="Empfang <no-reply@shop.example>",
    recipient="anna@example.com",
    subject="A042: Sie sind dran – jetzt",
    body="Bitte kommen Sie.\n.\nGrüße\n" + "x" * 2_000 + "\n",
    language="de",
    written_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
)


def test_a_message_has_what_receivers_expect() -> None:
    content = compose(MAIL).as_bytes()
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert content.isascii()
    read = message_from_bytes(content, policy=default)
    assert read["Subject"] == MAIL.subject
    assert (read["From"], read["To"]) == ("Empfang <no-reply@shop.example>", "anna@example.com")
    assert (read["Message-ID"], read["Content-Language"]) == (MAIL.message_id, "de")
    assert read["Date"].datetime == MAIL.written_at
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content_type() == "text/plain"
    assert read.get_content().replace("\r\n", "\n") == MAIL.body


@pytest.mark.parametrize(
    "recipient",
    [
        "anna@example.com\r\nBcc: victim@example.com",
        "anna@example.com, victim@example.com",
        "anna@example.com\nRCPT TO:<victim@example.com>",
        "friends: a@example.com, b@example.com;",
        "<anna@example.com> <victim@example.com>",
        "anna",
        "@example.com",
        "anna@",
        "",
        "anna@" + "é" * 300 + ".example",
    ],
)
def test_what_is_not_exactly_one_address_is_refused_for_good(recipient: str) -> None:
    with pytest.raises(MailFailure) as raised:
        compose(replace(MAIL, recipient=recipient))
    assert raised.value.permanent
    assert "victim" not in raised.value.reason


def test_a_subject_cannot_carry_headers() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        compose(replace(MAIL, subject="Hello\r\nBcc: victim@example.com"))


def test_domains_are_written_as_the_domain_name_system_has_them() -> None:
    message = compose(replace(MAIL, sender="info@bäcker.example", recipient="anna@müller.example"))
    assert message["To"].addresses[0].addr_spec == "anna@xn--mller-kva.example"
    assert message_id_for("info@bäcker.example", "7") == "<7@xn--bcker-gra.example>"


def test_names_and_quoted_parts_are_read() -> None:
    assert parse_address('"Tresen, 3" <"a b"@example.com>').username == "a b"


def test_a_mail_does_not_show_itself_in_logs() -> None:
    assert "anna" not in repr(MAIL)
