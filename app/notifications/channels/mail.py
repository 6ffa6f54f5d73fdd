"""An e-mail as it is written down: addresses that are exactly one, headers nobody can smuggle anything into.

How it travels is the business of `smtp.py`, `ses.py` and `sendgrid.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Annotated

from pydantic import AfterValidator, Field

from app.notifications.channels.interface import Attachment


class MailFailure(Exception):
    """The message was not taken. The text is the server's, or names the cause.

    - `permanent`: it never will be; `is_gone`: because nobody has this address
    - `is_ours`: somebody has to put something right, the password, say
    """

    def __init__(self, reason: str, *, permanent: bool, is_gone: bool = False, is_ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.is_gone = is_gone
        self.is_ours = is_ours


class MailInDoubt(Exception):
    """The connection was lost while the message was being handed over: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What to send. `message_id` stays the same however often it is tried."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    body: str
    language: str
    written_at: datetime
    unsubscribe_url: str | None = None
    attachments: Sequence[Attachment] = ()

    def __repr__(self) -> str:
        return f"Mail({self.message_id})"


def message_id_for(sender: str, unique: str) -> str:
    """An RFC 5322 Message-ID in the sender's domain."""
    return f"<{unique}@{_ascii(_sender(sender)).domain}>"


def parse_address(text: str) -> Address:
    """An address, with or without a name. `MailFailure` if it is none."""
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = text
        header = message["To"]
        addresses: tuple[Address, ...] = header.addresses
        # Letters beyond ASCII are a defect only to servers that cannot take them: those are asked.
        defects = [defect for defect in header.defects if not isinstance(defect, NonASCIILocalPartDefect)]
    except (ValueError, IndexError, HeaderParseError, AttributeError):
        raise not_an_address() from None
    if len(addresses) != 1 or not addresses[0].username or not addresses[0].domain or defects:
        raise not_an_address()
    return addresses[0]


def plain_address(text: str) -> Address:
    """`parse_address`, with the domain as the domain name system has it."""
    return _ascii(parse_address(text))


def _is_sender(value: str) -> str:
    try:
        plain_address(value)
    except MailFailure:
        raise ValueError("is not an e-mail address; write `Name <address>`") from None
    return value


SenderAddress = Annotated[str, AfterValidator(_is_sender), Field(max_length=320)]
"""Whom a tenant's mails come from, as an option: `Name <address>`."""


def notice_headers(language: str, unsubscribe_url: str | None) -> dict[str, str]:
    """What says that a machine has written it, in which language, and how to be written to no more."""
    headers = {
        # RFC 3834: vacation responders and ticket systems leave it alone.
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Language": language,
    }
    if unsubscribe_url is not None:
        # RFC 8058: the mail program asks this address itself when its button is pressed.
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def compose(mail: Mail) -> EmailMessage:
    """The message. The header classes refuse values with line breaks, so no header can be smuggled in.

    `MailFailure` if the recipient is no address; `ValueError` if the message cannot be written down.
    """
    recipient = parse_address(mail.recipient)
    message = EmailMessage(policy=SMTP if recipient.username.isascii() else SMTPUTF8)
    message["From"] = _ascii(_sender(mail.sender))
    message["To"] = _ascii(recipient)
    message["Subject"] = mail.subject
    message["Date"] = mail.written_at
    message["Message-ID"] = mail.message_id
    message.set_content(mail.body, cte="quoted-printable")
    for each in mail.attachments:
        main, _, sub = each.media_type.partition("/")
        message.add_attachment(each.content, maintype=main, subtype=sub, filename=each.name)
    for name, value in notice_headers(mail.language, mail.unsubscribe_url).items():
        message[name] = value
    return message


def not_an_address() -> MailFailure:
    """What a recipient is refused with whom no server could be told of."""
    return MailFailure("This is not an address mail can be sent to.", permanent=True, is_gone=True)


def _ascii(address: Address) -> Address:
    try:
        domain = address.domain if address.domain.isascii() else address.domain.encode("idna").decode()
        return Address(address.display_name, address.username, domain)
    except (UnicodeError, ValueError):
        raise not_an_address() from None


def _sender(text: str) -> Address:
    try:
        return parse_address(text)
    except MailFailure:
        # Not this message's fault, and soon put right.
        reason = "VQ_SMTP_FROM is not an e-mail address: write `Name <address>`, and restart the worker."
        raise MailFailure(reason, permanent=False, is_ours=True) from None
