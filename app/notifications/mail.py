"""The old place of `channels/mail.py` and `channels/smtp.py`, for who has not moved yet. Goes with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.notifications.channels.mail import Mail, MailFailure, MailInDoubt, compose, message_id_for, parse_address
from app.notifications.channels.smtp import Conversation, Server
from app.notifications.channels.smtp import conversation as with_server

__all__ = ["Conversation", "Mail", "MailFailure", "MailInDoubt", "compose", "conversation", "message_id_for"]
__all__ += ["parse_address"]


@asynccontextmanager
async def conversation(smtp_url: str, mail: Mail) -> AsyncIterator[Conversation]:
    """With the server of VQ_SMTP_URL."""
    async with with_server(Server.of_url(smtp_url), mail) as ready:
        yield ready
