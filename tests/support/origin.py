"""A protected site as far as anybody asks it how it is: a real server on this machine, with any answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SiteAnswer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def ok(body: bytes = b"{}", status: bytes = b"200 OK") -> bytes:
    """An answer."""
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body


WELL = ok()


@dataclass
class Site:
    """A server on this machine, what it answers, and what it was asked."""

    answer: SiteAnswer
    port: int = 0
    asked: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}/health"


@asynccontextmanager
async def serving(answer: SiteAnswer = WELL, secured: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """A site that is there for as long as the block."""
    site = Site(answer)
    answering: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answering.add(task)
        task.add_done_callback(answering.discard)
        try:
            site.asked.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(site.answer, bytes):
                writer.write(site.answer)
            else:
                await site.answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked is gone, or the site is
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured)
    site.port = listening.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        listening.close()
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering)
