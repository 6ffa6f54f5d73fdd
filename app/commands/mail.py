"""`vq mail`: shows what the mailbox of `vq up` holds, one-time codes and SMS included. Sends and deletes nothing."""

import argparse
import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands.errors import CommandError
from app.commands.mailbox import folder_of
from app.core.mailbox import Kept, kept
from app.settings import load_settings

_SHOWN = 20
_LOOK_EVERY_SECONDS = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("number", nargs="?", type=int, help="print this message; 1 is the newest")
    parser.add_argument("--to", help="only messages to this address, or a part of it")
    parser.add_argument(
        "--wait", type=float, metavar="SECONDS", default=0.0, help="wait so long for a message if there is none"
    )


def run(arguments: argparse.Namespace) -> int:
    """List the newest messages, or print one."""
    folder = folder_of(load_settings())
    deadline = time.monotonic() + arguments.wait
    while not (found := _newest_first(kept(folder), arguments.to)) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_SECONDS)
    if not found:
        raise CommandError(f"No mail in {folder}. Is VQ_SMTP_URL set? Then it went to that server.")
    if arguments.number is None:
        _list(Console(), found)
        return 0
    if not 1 <= arguments.number <= len(found):
        raise CommandError(f"There are {len(found)} messages: give a number from 1 (the newest) to {len(found)}.")
    _print(Console(), found[arguments.number - 1])
    return 0


def _newest_first(messages: list[Kept], to: str | None) -> list[Kept]:
    return [message for message in reversed(messages) if to is None or to.lower() in message.to.lower()]


def _list(console: Console, messages: list[Kept]) -> None:
    table = Table("", "when", "to", "subject", box=None, pad_edge=False)
    for number, message in enumerate(messages[:_SHOWN], start=1):
        when = message.sent_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        # Texts, so that nothing a stranger has written is taken for markup.
        table.add_row(str(number), when, Text(message.to), Text(message.subject))
    console.print(table)
    if len(messages) > _SHOWN:
        console.print(f"and {len(messages) - _SHOWN} older ones")
    console.print("\n`vq mail 1` prints the newest.", markup=False, highlight=False)


def _print(console: Console, message: Kept) -> None:
    when = message.sent_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    for line in (f"To: {message.to}", f"Date: {when}", f"Subject: {message.subject}", "", message.body):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
