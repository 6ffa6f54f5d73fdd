"""A real mail server that keeps what it gets, and can be told to refuse, to be slow and to hang up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Received:
    """A mail the server has taken."""

    recipient: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def body(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class Sink:
    """The server. `answers` are given to RCPT or DATA before it takes anything; an event stands for "wait for it"."""

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    answers: dict[str, list[str | asyncio.Event]] = field(default_factory=lambda: {"RCPT": [], "DATA": []})
    reached: dict[str, asyncio.Event] = field(
        default_factory=lambda: {"RCPT": asyncio.Event(), "DATA": asyncio.Event()}
    )

    # While it is set, the answer to everything.
    refusing: str | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := await self._answer("RCPT")) is not None:
            return answer.replace("{recipient}", address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if (answer := await self._answer("DATA")) is not None:
            return answer
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        self.mails += [Received(recipient, message) for recipient in envelope.rcpt_tos]
        return "250 2.0.0 queued"

    async def _answer(self, step: str) -> str | None:
        self.reached[step].set()
        if self.refusing is not None:
            return self.refusing
        while self.answers[step]:
            answer = self.answers[step].pop(0)
            if isinstance(answer, str):
                return answer
            await answer.wait()
        return None


class _Hanging(SMTP):
    """Hangs up when a message's text begins."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        assert self.transport is not None
        self.transport.close()


@asynccontextmanager
async def sink(*, hangs_up: bool = False) -> AsyncIterator[Sink]:
    """A running server in the test's loop."""
    opened = Sink()
    kind: Callable[..., SMTP] = _Hanging if hangs_up else SMTP
    server = await asyncio.get_running_loop().create_server(
        lambda: kind(opened, hostname="sink.example", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()
