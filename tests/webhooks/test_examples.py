"""The receivers of the documentation, as processes: they verify, refuse what was tampered with, and tell doubles."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.core.clock import SystemClock
from app.core.events import EventRow
from app.core.ids import new_id
from app.webhooks.payload import body, message_id
from app.webhooks.signing import new_secret, signed_headers
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
RECEIVERS = {
    "python": (ROOT, [sys.executable, "docs/examples/webhook_receiver.py"]),
    "node": (ROOT / "frontend-contract", ["node", "--import", "tsx", "examples/webhook-receiver.ts"]),
}


@asynccontextmanager
async def running(where: Path, command: Sequence[str], secret: str) -> AsyncIterator[tuple[asyncio.StreamReader, str]]:
    """A receiver's output, and its address."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=where, env={**os.environ, "WEBHOOK_SECRET": secret, "PORT": "0"}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            first = (await process.stdout.readline()).decode()
        yield process.stdout, first.rpartition(" ")[2].strip()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("name", RECEIVERS)
async def test_the_example_verifies_and_does_nothing_twice(name: str) -> None:
    if name == "node" and not (ROOT / "frontend-contract/node_modules").exists():
        pytest.skip("npm ci was not run")
    secret, now = new_secret(), SystemClock().now()
    event = EventRow(
        tenant_id=new_id(),
        aggregate_type="queue",
        aggregate_id=new_id(),
        revision=7,
        occurred_at=now,
        type="SESSION_CALLED",
        data={"line": {"status": "ACTIVE", "waiting_count": 3}, "session": {"ticket_number": "A042"}},
        actor="SYSTEM",
    )
    sent, id = body(event), message_id(new_id())
    # As in an overlap: by a secret the receiver does not know yet, and by its own.
    headers = signed_headers(id, now, sent, [new_secret(), secret])
    tampered = sent.replace(b"A042", b"A043")
    other = signed_headers(message_id(new_id()), now, sent, [new_secret()])
    where, command = RECEIVERS[name]
    async with running(where, command, secret) as (told, url), httpx.AsyncClient() as client:
        answers = [
            (await client.post(url, content=content, headers=given)).status_code
            for content, given in (
                (sent, other),
                (tampered, headers),
                (sent, headers),
                (sent, headers),
            )
        ]
        assert answers == [401, 401, 204, 204]
        last = signed_headers(message_id(new_id()), now, sent, [secret])
        assert (await client.post(url, content=sent, headers=last)).status_code == 204
        async with asyncio.timeout(PATIENCE):
            lines = [(await told.readline()).decode().strip() for _ in range(2)]
        # The double was taken and not done again: the second line is the last message's.
        assert lines == ["SESSION_CALLED A042 3 waiting"] * 2
        assert (await client.post(url, content=sent, headers=headers)).status_code == 204
