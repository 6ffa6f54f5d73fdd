"""Who carries a message: the mail server, an SMS provider, or a gateway from e-mail to SMS. Decides nothing.

As with mail (`channels/smtp.py`), sending has two halves: up to `hand_over` nothing was sent; what goes wrong
in it may have been sent, unless it says otherwise.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.identity.accounts.codes import Recipient
from app.identity.accounts.models import MessageChannel
from app.notifications.channels.installation import NO_MAIL, NO_SMS, installed_twilio
from app.notifications.channels.interface import InDoubt, Refused, TryLater
from app.notifications.channels.mail import Mail, MailFailure, MailInDoubt, message_id_for
from app.notifications.channels.smtp import Server, conversation
from app.notifications.texts import Text
from app.settings import Settings

HandOver = Callable[[], Awaitable[object]]


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
    async with conversation(Server.of_url(settings.smtp_url), mail) as server:
        yield server.hand_over


@asynccontextmanager
async def _by_twilio(sms_url: str, letter: Letter) -> AsyncIterator[HandOver]:
    provider = installed_twilio(sms_url)

    async def hand_over() -> None:
        match await provider.send_sms(letter.to.address, letter.text.body.strip()):
            case TryLater(reason=reason):
                raise MailFailure(reason, permanent=False)
            case Refused(reason=reason):
                raise MailFailure(reason, permanent=True)
            case InDoubt(reason=reason):
                raise MailInDoubt(reason)

    yield hand_over
