"""E-mail by SMTP: a tenant's own mail server, and the installation's. Decides nothing.

`Conversation` stops between RCPT and DATA: up to there a lost connection means that nothing was sent, after it nobody
can tell. A server that a tenant has named is looked up once, and connected to at an address that was checked.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self
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
from pydantic import Field, model_validator

from app.core.outbound import Network, NoAnswer, checked_addresses
from app.notifications.channels.http import masked
from app.notifications.channels.interface import (
    Accepted,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    Surroundings,
    TryLater,
)
from app.notifications.channels.mail import (
    Mail,
    MailFailure,
    MailInDoubt,
    SenderAddress,
    compose,
    message_id_for,
    not_an_address,
)
from app.notifications.models import NotificationChannel

_CONNECT_SECONDS = 10.0
_TEXT_SECONDS = 18.0
_QUIT_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0
"""A server may think about a message (spam, viruses) for a while; giving up too early leaves it in doubt."""

# Authentication or encryption required (RFC 4954): nothing is wrong with the message.
_SIGN_IN_FIRST = frozenset({530, 534, 535, 538})
# "Bad destination mailbox", "… system", "moved", and "null MX" (RFC 3463, RFC 7505).
_NOBODY_THERE = re.compile(r"^(?:\S+ )?5\.1\.(?:1|2|6|10)\b")


class Security(StrEnum):
    """How a connection to a mail server is encrypted."""

    TLS = "TLS"
    STARTTLS = "STARTTLS"
    IF_OFFERED = "IF_OFFERED"


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and who names it. `allowed`: which internal networks it may be in; None: it is the operator's."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    allowed: Sequence[Network] | None = None
    named_by: str = "VQ_SMTP_URL"

    @classmethod
    def of_url(cls, text: str) -> Self:
        """The server of VQ_SMTP_URL."""
        url = urlsplit(text)
        username, password = (None if part is None else unquote(part) for part in (url.username, url.password))
        security = {"smtps": Security.TLS, "smtp+starttls": Security.STARTTLS}.get(url.scheme, Security.IF_OFFERED)
        port = {Security.TLS: 465, Security.STARTTLS: 587}.get(security, 25)
        return cls(url.hostname or "localhost", url.port or port, security, username or None, password or None)


class Conversation:
    """A connection on which sender and recipient have been accepted."""

    def __init__(self, smtp: aiosmtplib.SMTP, content: bytes) -> None:
        self._smtp = smtp
        self._content = content

    async def hand_over(self, timeout_seconds: float = _PATIENCE_SECONDS) -> str:
        """DATA: the server's answer. `MailFailure` if it refuses, `MailInDoubt` if it does not answer."""
        try:
            answer = await self._smtp.data(self._content, timeout=timeout_seconds)
        except SMTPResponseException as refused:
            # A refusal is an answer: it has not been taken, whether it came before the text or after it.
            raise _failure(refused, "") from None
        except (SMTPException, OSError, TimeoutError) as problem:
            raise MailInDoubt(type(problem).__name__) from None
        return answer.message


@asynccontextmanager
async def conversation(server: Server, mail: Mail) -> AsyncIterator[Conversation]:
    """Connect, EHLO, TLS, AUTH, MAIL, RCPT. `MailFailure` if any of it does not work."""
    try:
        message = compose(mail)
        content = message.as_bytes()
    except ValueError:
        raise MailFailure("The message cannot be written as an e-mail.", permanent=True) from None
    [sender], [recipient] = message["From"].addresses, message["To"].addresses
    is_utf8 = not recipient.username.isascii()
    smtp = await _client(server)
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
        # First: a certificate that is not believed is both to Python, and no fault of the address.
        except (SMTPException, OSError, TimeoutError) as problem:
            raise _failure(problem, server.named_by) from None
        except ValueError:
            raise not_an_address() from None
        yield Conversation(smtp, content)
        with suppress(SMTPException, OSError, TimeoutError):  # whatever the server thinks of QUIT changes nothing
            await smtp.quit(timeout=_QUIT_SECONDS)
    finally:
        smtp.close()


class SmtpOptions(Settings):
    """Which mail server, and whom the mails come from."""

    host: Annotated[str, Field(max_length=253, pattern=r"^[^\s/@]+$")] = Field(description="The mail server's name.")
    port: int = Field(default=587, ge=1, le=65_535, description="Usually 587 (STARTTLS) or 465 (TLS).")
    security: Security = Field(
        default=Security.STARTTLS,
        description="TLS: encrypted from the first byte. STARTTLS: from the first command, or nothing is sent. "
        "IF_OFFERED: as mail servers do among themselves, without a user name.",
    )
    username: str | None = Field(default=None, min_length=1, max_length=320, description="Null: without signing in.")
    sender: SenderAddress = Field(description="`Name <address>`: whom the mails come from.")

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Self:
        if self.username is not None and self.security is Security.IF_OFFERED:
            raise ValueError("`security` has to be TLS or STARTTLS where there is a user name: passwords are encrypted")
        return self


class SmtpCredentials(Settings):
    """The password of the user name."""

    password: str | None = Field(default=None, min_length=1, max_length=1_000, description="The user name's password.")


class SmtpProvider(Provider[SmtpOptions, SmtpCredentials]):
    """A tenant's own mail server. It reports nothing: what bounces later comes back to the sender as a mail."""

    name = "SMTP"
    title = "E-mail by your own mail server (SMTP)"
    channels = frozenset({NotificationChannel.EMAIL})
    Options = SmtpOptions
    Credentials = SmtpCredentials

    async def send(self, message: Message) -> Outcome:
        """Everything up to RCPT within 10 seconds, and the text within 18 more."""
        chosen = self.options
        server = Server(
            chosen.host,
            chosen.port,
            chosen.security,
            chosen.username,
            self.credentials.password,
            allowed=self.around.allowed,
            named_by="its provider's options",
        )
        return await sent(server, chosen.sender, message)


class InstalledOptions(Settings):
    """VQ_SMTP_URL and VQ_SMTP_FROM, and how an address is made of what a message is to."""

    url: str
    sender: str
    address: str = "{to}"


class NoCredentials(Settings):
    """They stand in the URL."""


class InstalledSmtp(Provider[InstalledOptions, NoCredentials]):
    """The installation's mail server, which no tenant has named: it may well be on this machine."""

    name = "SMTP"
    title = "The installation's mail server"
    channels = frozenset({NotificationChannel.EMAIL})
    Options = InstalledOptions
    Credentials = NoCredentials

    def __init__(self, url: str, sender: str, *, gateway: str = "{to}") -> None:
        super().__init__(InstalledOptions(url=url, sender=sender, address=gateway), NoCredentials(), Surroundings())

    async def send(self, message: Message) -> Outcome:
        """As a tenant's own. A gateway to SMS is sent to at the address that it has for the number."""
        address = self.options.address.replace("{to}", message.to)
        return await sent(Server.of_url(self.options.url), self.options.sender, message, address)


async def sent(server: Server, sender: str, message: Message, address: str | None = None) -> Outcome:
    """How sending a message through a server ended."""
    to = address or message.to
    preparing = asyncio.timeout(_CONNECT_SECONDS)
    try:
        message_id = message_id_for(sender, message.key)
        mail = Mail(
            message_id,
            sender,
            to,
            message.subject,
            message.body,
            message.language,
            message.written_at,
            message.unsubscribe_url,
            message.attachments,
        )
        async with preparing, conversation(server, mail) as ready:
            # The deadline was for getting here; the text has one of its own.
            preparing.reschedule(None)
            await ready.hand_over(timeout_seconds=_TEXT_SECONDS)
    except MailInDoubt as doubt:
        return InDoubt(f"The connection to the mail server was lost ({doubt}) while it was handed over.")
    except TimeoutError:
        return TryLater(f"The mail server did not get ready within {_CONNECT_SECONDS:g} s.")
    except MailFailure as failure:
        reason = masked(failure.reason, to, message.to)
        if failure.permanent:
            return Refused(reason, is_gone=failure.is_gone)
        return TryLater(reason, is_ours=failure.is_ours)
    return Accepted(message_id)


async def _client(server: Server) -> aiosmtplib.SMTP:
    context = ssl.create_default_context()
    if server.security is Security.IF_OFFERED and not server.username:
        # Encrypts if the server offers it, as mail servers do among themselves: without looking at certificates,
        # because the alternative is plain text, not safety.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    own_name = await asyncio.to_thread(_own_name)
    connection = None if server.allowed is None else await _connected(server.host, server.port, server.allowed)
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port if connection is None else None,
        sock=connection,
        username=server.username,
        password=server.password,
        use_tls=server.security is Security.TLS,
        start_tls={Security.TLS: False, Security.STARTTLS: True, Security.IF_OFFERED: None}[server.security],
        tls_context=context,
        timeout=_CONNECT_SECONDS,
        local_hostname=own_name,
    )


async def _connected(host: str, port: int, allowed: Sequence[Network]) -> socket.socket:
    """A connection to one of a name's addresses, all of which were checked: TLS goes on using the name."""
    try:
        addresses = await checked_addresses(host, port, allowed)
    except NoAnswer as problem:
        raise MailFailure(f"The mail server: {problem.reason}", permanent=False, is_ours=True) from None
    loop = asyncio.get_running_loop()
    problem_name = "no address"
    for address in addresses:
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        opened.setblocking(False)
        try:
            await loop.sock_connect(opened, (address, port))
        except OSError as refused:
            opened.close()
            problem_name = type(refused).__name__
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise _unreachable(problem_name)


@lru_cache(maxsize=1)
def _own_name() -> str:
    # Asks the resolver, which may take seconds: once per process.
    name = socket.getfqdn()
    return name if name.isascii() and "." in name else "localhost.localdomain"


def _unreachable(why: str) -> MailFailure:
    return MailFailure(f"The mail server cannot be reached ({why}).", permanent=False)


def _failure(problem: Exception, named_by: str) -> MailFailure:
    match problem:
        case SMTPRecipientRefused():
            return _refusal("the recipient", problem)
        case SMTPSenderRefused():
            return _refusal("the sender", problem)
        case SMTPDataError():
            return _refusal("the message", problem)
        case SMTPResponseException(code=code, message=text):
            # Greeting, EHLO, TLS or password: something to be put right with the server, not with this message.
            reason = f"The mail server answered {code} {_one_line(text)}"
            return MailFailure(reason, permanent=False, is_ours=code >= 500)
        case SMTPConnectError(__cause__=ssl.SSLError(reason=str(reason))) | ssl.SSLError(reason=str(reason)):
            reason = f"No encrypted connection to the mail server: {reason}."
            return MailFailure(reason, permanent=False, is_ours=True)
        case SMTPException(message=text) if not isinstance(problem, (OSError, TimeoutError)):
            reason = f"The server cannot do what {named_by} asks for: {_one_line(text)}"
            return MailFailure(reason, permanent=False, is_ours=True)
        case _:
            return _unreachable(type(problem).__name__)


def _refusal(what: str, answer: SMTPResponseException) -> MailFailure:
    said = _one_line(answer.message)
    reason = f"The mail server refused {what}: {answer.code} {said}"
    is_gone = isinstance(answer, SMTPRecipientRefused) and _NOBODY_THERE.match(said) is not None
    is_ours = answer.code in _SIGN_IN_FIRST
    return MailFailure(reason, permanent=answer.code >= 500 and not is_ours, is_gone=is_gone, is_ours=is_ours)


def _one_line(text: str) -> str:
    return " ".join(text.split())
