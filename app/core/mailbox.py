"""A mail server for one machine: takes every message and keeps it in a Maildir. It sends nothing anywhere.

It stands in for a real one where none is set, so that what people would be sent can be read.
"""

import asyncio
import mailbox
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from email import message_from_binary_file
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

# A message of ours is a few kilobytes.
_MOST_BYTES = 1_048_576
# Older ones make room: it is a place to look, not an archive.
MOST_KEPT = 1_000
_PRUNE_EVERY = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was kept."""

    path: Path
    message: EmailMessage

    @property
    def to(self) -> str:
        """Whom it was handed over for: the envelope's word."""
        return str(self.message["X-Envelope-To"] or self.message["To"])

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"] or "")

    @property
    def body(self) -> str:
        """Its text."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")

    @property
    def sent_at(self) -> datetime:
        """When it was written."""
        return parsedate_to_datetime(str(self.message["Date"]))


class Mailbox:
    """A Maildir and who fills it: aiosmtpd's handler."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._make()
        self._box = mailbox.Maildir(folder, create=False)
        self._taken = 0

    async def serve(self, listener: socket.socket) -> None:
        """Take mail on a listening socket, for ever."""
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=_MOST_BYTES), sock=listener
        )
        async with server:
            await server.serve_forever()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        assert isinstance(envelope.content, bytes)
        head = "".join(f"X-Envelope-To: {address}\r\n" for address in envelope.rcpt_tos)
        self._keep(head.encode() + envelope.content)
        return "250 2.0.0 kept"

    def _make(self) -> None:
        for part in (self._folder, *(self._folder / name for name in ("tmp", "new", "cur"))):
            # Codes are in it: nobody else's to read.
            part.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _keep(self, content: bytes) -> None:
        # Each time, because people empty it by removing it.
        self._make()
        self._box.add(content)
        self._taken += 1
        if self._taken % _PRUNE_EVERY == 1:
            for path in _files(self._folder)[:-MOST_KEPT]:
                path.unlink(missing_ok=True)


def kept(folder: Path) -> list[Kept]:
    """What was kept, oldest first."""
    found = []
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                message = message_from_binary_file(file, policy=default)
        except FileNotFoundError:
            continue  # just made room
        assert isinstance(message, EmailMessage)
        found.append(Kept(path, message))
    return found


def _files(folder: Path) -> list[Path]:
    parts = [folder / part for part in ("new", "cur") if (folder / part).is_dir()]
    files = [entry for part in parts for entry in os.scandir(part)]
    return [Path(entry.path) for entry in sorted(files, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]
