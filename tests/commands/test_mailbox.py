"""The mailbox of `vq up`: a real mail server that keeps what it gets, and `vq mail`, which shows it."""

import asyncio
import mailbox
import socket
import stat
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from app.cli import main
from app.core import mailbox as ours
from app.core.mailbox import Mailbox, kept


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[int]:
    """A mailbox that takes mail; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(Mailbox(tmp_path / "mail").serve(listener))
    yield listener.getsockname()[1]
    serving.cancel()
    await asyncio.wait([serving])


async def send(port: int, to: str, subject: str, body: str = "Hello\n") -> None:
    """A mail, by SMTP."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", to, subject
    message["Date"] = "Sat, 21 Nov 2026 10:00:00 +0000"
    message.set_content(body)
    await aiosmtplib.send(message, hostname="127.0.0.1", port=port, start_tls=False)


async def test_what_is_sent_is_kept_as_it_was(server: int, tmp_path: Path) -> None:
    await send(server, "anna@example.com", "Grüße", "First [bold]line[/bold]\nZweite Zeile äöü\n")
    [found] = kept(tmp_path / "mail")
    assert (found.to, found.subject) == ("anna@example.com", "Grüße")
    assert found.body == "First [bold]line[/bold]\nZweite Zeile äöü\n"
    assert found.sent_at.isoformat() == "2026-11-21T10:00:00+00:00"
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
    # It is what mail programs know.
    assert len(mailbox.Maildir(tmp_path / "mail", create=False)) == 1


async def test_whoever_empties_it_by_removing_it_gets_the_next_mail(server: int, tmp_path: Path) -> None:
    await send(server, "anna@example.com", "One")
    (tmp_path / "mail").rename(tmp_path / "away")
    assert kept(tmp_path / "mail") == []
    await send(server, "anna@example.com", "Two")
    assert [found.subject for found in kept(tmp_path / "mail")] == ["Two"]


async def test_older_ones_make_room(server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "MOST_KEPT", 3)
    monkeypatch.setattr(ours, "_PRUNE_EVERY", 2)
    for number in range(9):
        await send(server, "anna@example.com", str(number))
    assert [found.subject for found in kept(tmp_path / "mail")] == ["6", "7", "8"]


async def test_vq_mail_lists_and_prints(
    server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    assert await asyncio.to_thread(main, ["mail"]) == 1
    assert "No mail in" in capsys.readouterr().err
    await send(server, "anna@example.com", "For Anna", "Your code is 123456.\n")
    await send(server, "+4930901820@sms.localhost", "For Max", "[red]654321[/red]\n")
    assert await asyncio.to_thread(main, ["mail"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "For" in line] == ["1", "2"]
    assert lines.index(next(line for line in lines if "For Max" in line)) == 1, "the newest is the first"
    assert await asyncio.to_thread(main, ["mail", "1", "--to", "ANNA"]) == 0
    assert "Your code is 123456." in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["mail", "1"]) == 0
    assert "[red]654321[/red]" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["mail", "3"]) == 1
    assert "There are 2 messages" in capsys.readouterr().err


async def test_vq_mail_waits_for_a_message(
    server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VQ_DATA_DIR", str(tmp_path))
    waiting = asyncio.create_task(asyncio.to_thread(main, ["mail", "1", "--to", "anna", "--wait", "30"]))
    await send(server, "anna@example.com", "Here it is")
    assert await waiting == 0
    assert "Here it is" in capsys.readouterr().out
