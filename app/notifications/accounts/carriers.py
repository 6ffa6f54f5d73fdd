"""Who carries a message: the mail server, an SMS provider, or a gateway from e-mail to SMS. Decides nothing.

As with mail (`app/notifications/mail.py`), sending has two halves: up to `hand_over` nothing was sent; what goes wrong
in it may have been sent, unless it says otherwise.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from app.identity.accounts.codes import Recipient
from app.identity.accounts.models import MessageChannel
from app.notifications.mail import Mail, MailFailure, MailInDoubt, conversation, message_id_for
from app.notifications.texts import Text
from app.settings import Settings

HandOver = Callable[[], Awaitable[object]]

NO_MAIL = "VQ_SMTP_URL is not set, so e-mail is off: set it, and restart the worker."
NO_SMS = "VQ_SMS_URL is not set, so SMS are off: set it, and restart the worker."
_CONNECT_SECONDS = 20.0
_ANSWER_SECONDS = 60.0
# Wrong credentials, too fast: put right by somebody, or by time. Not this message's fault.
_NOT_FOR_GOOD = frozenset({401, 403, 404, 408, 429})


@dataclass(frozen=True, slots=True)
class Letter:
    """What to carry to whom. Not to be logged."""

    unique: str
    to: Recipient
    text: Text
    language: str
    written_at: datetime

    def __repr__(self) -> str:
        return f"Letter({self.unique})"


def carried(settings: Settings, letter: Letter) -> AbstractAsyncContextManager[HandOver]:
    """The way to its recipient, ready to hand it over. `MailFailure` if there is none."""
    if letter.to.channel is MessageChannel.EMAIL:
        return _by_mail(settings, letter, letter.to.address)
    if settings.sms_url is None:
        raise MailFailure(NO_SMS, permanent=True)
    url = urlsplit(settings.sms_url)
    if url.scheme == "mailto":
        return _by_mail(settings, letter, url.path.replace("{phone}", letter.to.address))
    return _by_twilio(settings.sms_url, letter)


@asynccontextmanager
async def _by_mail(settings: Settings, letter: Letter, address: str) -> AsyncIterator[HandOver]:
    if settings.smtp_url is None:
        raise MailFailure(NO_MAIL, permanent=True)
    mail = Mail(
        message_id=message_id_for(settings.smtp_from, letter.unique),
        sender=settings.smtp_from,
        recipient=address,
        subject=letter.text.subject,
        body=letter.text.body,
        language=letter.language,
        written_at=letter.written_at,
    )
    async with conversation(settings.smtp_url, mail) as server:
        yield server.hand_over


@asynccontextmanager
async def _by_twilio(sms_url: str, letter: Letter) -> AsyncIterator[HandOver]:
    url = urlsplit(sms_url)
    account, secret = unquote(url.username or ""), unquote(url.password or "")
    host = url.netloc.rpartition("@")[2]
    [sender] = parse_qs(url.query)["from"]
    scheme = "http" if url.scheme == "twilio+http" else "https"
    address = f"{scheme}://{host}{url.path.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
    form = {"To": letter.to.address, "Body": letter.text.body.strip()}
    # A pool of senders of theirs, or one number.
    form["MessagingServiceSid" if sender.startswith("MG") else "From"] = sender
    timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
    # What is between us and the provider is the operator's: no proxy of the environment is asked, no redirect followed.
    async with httpx.AsyncClient(auth=(account, secret), timeout=timeout, trust_env=False) as client:

        async def hand_over() -> None:
            try:
                answer = await client.post(address, data=form)
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                reason = f"The SMS provider cannot be reached ({type(problem).__name__})."
                raise MailFailure(reason, permanent=False) from None
            except httpx.HTTPError as problem:
                raise MailInDoubt(type(problem).__name__) from None
            if not answer.is_success:
                raise _refusal(answer)

        yield hand_over


def _refusal(answer: httpx.Response) -> MailFailure:
    try:
        said = answer.json()
        words = f"{said['code']} {said['message']}"
    except (ValueError, KeyError, TypeError):
        words = ""
    status = answer.status_code
    permanent = 400 <= status < 500 and status not in _NOT_FOR_GOOD
    return MailFailure(f"The SMS provider answered {status} {words}".strip(), permanent=permanent)
