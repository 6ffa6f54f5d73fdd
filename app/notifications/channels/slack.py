"""Incoming hooks as Slack has them, which Mattermost, Rocket.Chat and Discord (`…/slack`) understand too. For staff.

The hook's address is the key to the room: whoever knows it can write there. It is a credential, and in no reason.
"""

from typing import ClassVar

import orjson
from pydantic import Field

from app.core.outbound import Answer
from app.notifications.channels.http import BaseUrl, HttpOptions, ask, refusal
from app.notifications.channels.interface import Accepted, Message, Outcome, Provider, Refused, Settings
from app.notifications.models import NotificationChannel

# Slack cuts off at 40,000 and asks for less than 4,000.
_LONGEST = 3_900


class SlackOptions(HttpOptions):
    """What can be chosen."""

    username: str | None = Field(
        default=None, max_length=80, description="Under which name it is written; older hooks and Mattermost only."
    )


class SlackCredentials(Settings):
    """What it takes to write in the room."""

    url: BaseUrl = Field(description="The hook's address, e.g. https://hooks.slack.com/services/T…/B…/….")


class Slack(Provider[SlackOptions, SlackCredentials]):
    """Writes into one room. What was written cannot be told apart from what is written twice."""

    name: ClassVar = "SLACK"
    title: ClassVar = "Slack and alike (incoming hook)"
    channels: ClassVar = frozenset({NotificationChannel.CHAT})
    Options: ClassVar = SlackOptions
    Credentials: ClassVar = SlackCredentials

    async def send(self, message: Message) -> Outcome:
        """Write it down there."""
        said = {"text": _text(message)}
        if self.options.username is not None:
            said["username"] = self.options.username
        answer = await ask(
            self.around,
            self.credentials.url,
            {"Content-Type": "application/json; charset=utf-8"},
            orjson.dumps(said),
            timeout_seconds=self.options.timeout_seconds,
        )
        if not isinstance(answer, Answer):
            return answer
        if 200 <= answer.status < 300:
            return Accepted()
        words = answer.body.decode("utf-8", "replace")
        if answer.status in (404, 410):
            # The hook was taken back, or its room archived: nothing will ever be written there.
            return Refused(f"The hook answered {answer.status}: its room is gone.")
        return refusal(answer, words, self.credentials.url, message.body, message.subject, who="The hook")


def _text(message: Message) -> str:
    """The subject in bold over the text. What would be a command there (`<!channel>`, a link) stays text."""
    subject, body = (_escaped(part.strip()) for part in (message.subject, message.body))
    bold = subject.replace("*", "")
    text = f"*{bold}*\n{body}" if bold and bold != body else body
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
