"""E-mail: a message with safe headers, and the conversation with the mail server in two halves. Decides nothing.

`Conversation` stops between RCPT and DATA, so that the caller can write down that the message is about to be handed
over: up to there a lost connection means that nothing was sent, after it nobody can tell.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib.errors import (
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

_STEP_SECONDS = 20.0
_QUIT_SECONDS = 1.0
_HAND_OVER_SECONDS = 120.0
"""A server may think about a message (spam, viruses) for a while; giving up too early leaves it in doubt."""


class MailFailure(Exception):
    """The message was not taken. `permanent`: it never will be. The text is the server's, or names the cause."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


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
        raise _not_an_address() from None
    if len(addresses) != 1 or not addresses[0].username or not addresses[0].domain or defects:
        raise _not_an_address()
    return addresses[0]


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
    # RFC 3834: vacation responders and ticket systems leave it alone. There is no List-Unsubscribe: the message is an
    # answer to the visitor's own join and comes once.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.body, cte="quoted-printable")
    message["Content-Language"] = mail.language
    return message


class Conversation:
    """A connection on which sender and recipient have been accepted."""

    def __init__(self, smtp: aiosmtplib.SMTP, content: bytes) -> None:
        self._smtp = smtp
        self._content = content

    async def hand_over(self) -> str:
        """DATA: the server's answer. `MailFailure` if it refuses, `MailInDoubt` if it does not answer."""
        try:
            answer = await self._smtp.data(self._content, timeout=_HAND_OVER_SECONDS)
        except SMTPResponseException as refused:
            # A refusal is an answer: it has not been taken, whether it came before the text or after it.
            raise _failure(refused) from None
        except (SMTPException, OSError, TimeoutError) as problem:
            raise MailInDoubt(type(problem).__name__) from None
        return answer.message


@asynccontextmanager
async def conversation(smtp_url: str, mail: Mail) -> AsyncIterator[Conversation]:
    """Connect, EHLO, TLS, AUTH, MAIL, RCPT. `MailFailure` if any of it does not work."""
    try:
        message = compose(mail)
        content = message.as_bytes()
    except ValueError:
        raise MailFailure("The message cannot be written as an e-mail.", permanent=True) from None
    [sender], [recipient] = message["From"].addresses, message["To"].addresses
    is_utf8 = not recipient.username.isascii()
    smtp = await _client(smtp_url)
    try:
        try:
            await smtp.connect()
            await smtp.ehlo()
            options = ["SMTPUTF8"] if is_utf8 else []
            if is_utf8 and not smtp.supports_extension("smtputf8"):
                raise MailFailure("The mail server takes no addresses with letters beyond ASCII.", permanent=True)
            encoding = "utf-8" if is_utf8 else "ascii"
            await smtp.mail(sender.addr_spec, options=options, encoding=encoding)
            await smtp.rcpt(recipient.addr_spec, encoding=encoding)
        except ValueError:
            raise _not_an_address() from None
        except (SMTPException, OSError, TimeoutError) as problem:
            raise _failure(problem) from None
        yield Conversation(smtp, content)
        with suppress(SMTPException, OSError, TimeoutError):  # whatever the server thinks of QUIT changes nothing
            await smtp.quit(timeout=_QUIT_SECONDS)
    finally:
        smtp.close()


async def _client(smtp_url: str) -> aiosmtplib.SMTP:
    url = urlsplit(smtp_url)
    username, password = (None if part is None else unquote(part) for part in (url.username, url.password))
    implicit, required = url.scheme == "smtps", url.scheme == "smtp+starttls"
    context = ssl.create_default_context()
    if not (implicit or required or username):
        # smtp:// without a password encrypts if the server offers it, as mail servers do among themselves: without
        # looking at certificates, because the alternative is plain text, not safety.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return aiosmtplib.SMTP(
        hostname=url.hostname or "localhost",
        port=url.port or (465 if implicit else 587 if required else 25),
        username=username or None,
        password=password or None,
        use_tls=implicit,
        start_tls=True if required else False if implicit else None,
        tls_context=context,
        timeout=_STEP_SECONDS,
        local_hostname=await asyncio.to_thread(_own_name),
    )


@lru_cache(maxsize=1)
def _own_name() -> str:
    # Asks the resolver, which may take seconds: once per process.
    name = socket.getfqdn()
    return name if name.isascii() and "." in name else "localhost.localdomain"


def _ascii(address: Address) -> Address:
    """With the domain as the domain name system has it."""
    try:
        domain = address.domain if address.domain.isascii() else address.domain.encode("idna").decode()
        return Address(address.display_name, address.username, domain)
    except (UnicodeError, ValueError):
        raise _not_an_address() from None


def _sender(text: str) -> Address:
    try:
        return parse_address(text)
    except MailFailure:
        # Not this message's fault, and soon put right.
        reason = "VQ_SMTP_FROM is not an e-mail address: write `Name <address>`, and restart the worker."
        raise MailFailure(reason, permanent=False) from None


def _not_an_address() -> MailFailure:
    return MailFailure("This is not an address mail can be sent to.", permanent=True)


def _failure(problem: Exception) -> MailFailure:
    match problem:
        case SMTPRecipientRefused():
            return _refusal("the recipient", problem)
        case SMTPSenderRefused():
            return _refusal("the sender", problem)
        case SMTPDataError():
            return _refusal("the message", problem)
        case SMTPResponseException(code=code, message=text):
            # Greeting, EHLO, TLS or password: something to be put right with the server, not with this message.
            return MailFailure(f"The mail server answered {code} {_one_line(text)}", permanent=False)
        case SMTPConnectError(__cause__=ssl.SSLError(reason=str(reason))):
            return MailFailure(f"No encrypted connection to the mail server: {reason}.", permanent=False)
        case SMTPException(message=text) if not isinstance(problem, (OSError, TimeoutError)):
            return MailFailure(f"The server cannot do what VQ_SMTP_URL asks for: {_one_line(text)}", permanent=False)
        case _:
            return MailFailure(f"The mail server cannot be reached ({type(problem).__name__}).", permanent=False)


def _refusal(what: str, answer: SMTPResponseException) -> MailFailure:
    reason = f"The mail server refused {what}: {answer.code} {_one_line(answer.message)}"
    return MailFailure(reason, permanent=answer.code >= 500)


def _one_line(text: str) -> str:
    return " ".join(text.split())
