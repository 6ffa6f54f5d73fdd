"""Feeds of a server in another process, over a socket or an event stream, that come back whenever they are cut off.

What a front-end's wiring does, in Python; the wiring itself is tested in frontend-contract.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import httpx

from app.replay.client import Client, SessionToken
from tests.support.sse_client import EVENT_STREAM, EventParser
from tests.support.waiting import eventually

Transport = Literal["socket", "stream"]
_PAUSE_SECONDS = 0.1


class Follower:
    """The items of one subscription, over as many connections as it takes."""

    def __init__(self, url: str, transport: Transport, document: str, variables: Mapping[str, Any], token: str) -> None:
        self.items: list[Any] = []
        self.breaks = 0
        self._variables = dict(variables)
        self._client = Client(url)
        feed = self._over_socket(document, token) if transport == "socket" else self._over_stream(url, document, token)
        self._reader = asyncio.create_task(self._read(feed))

    @property
    def last(self) -> Any:
        """The newest item."""
        return self.items[-1]

    async def shows(self, wanted: Mapping[str, Any]) -> None:
        """Wait until the newest item has these values."""

        def holds() -> bool:
            if self._reader.done():
                self._reader.result()
            return bool(self.items) and all(self.last[name] == value for name, value in wanted.items())

        await eventually(holds)

    async def stop(self) -> None:
        """Read no more."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self, feed: AsyncGenerator[Mapping[str, Any]]) -> None:
        async for data in feed:
            (item,) = data.values()
            self.items.append(item)
            if "after" in self._variables:
                self._variables["after"] = item["revision"]

    async def _over_socket(self, document: str, token: str) -> AsyncGenerator[Mapping[str, Any]]:
        async with self._client:
            async for data in self._client.watch(document, lambda: self._variables, SessionToken(token)):
                self.breaks = self._client.traffic.reconnects
                yield data

    async def _over_stream(self, url: str, document: str, token: str) -> AsyncGenerator[Mapping[str, Any]]:
        headers = {**EVENT_STREAM, "authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(30, read=None), trust_env=False) as http:
            while True:
                with suppress(httpx.HTTPError):
                    body = {"query": document, "variables": self._variables}
                    async with http.stream("POST", url, json=body) as answer:
                        parser = EventParser()
                        if answer.status_code == 200:
                            async for chunk in answer.aiter_bytes():
                                for event, data in parser.feed(chunk):
                                    if event == "complete":
                                        return
                                    if event == "next":
                                        payload = json.loads(data)
                                        assert "errors" not in payload, payload
                                        yield payload["data"]
                        else:
                            assert answer.status_code == 503, await answer.aread()
                self.breaks += 1
                await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def following(
    url: str, token: str, *feeds: tuple[Transport, tuple[str, Mapping[str, Any]]]
) -> AsyncIterator[list[Follower]]:
    """Several followers; entered once each has its first item."""
    followers = [Follower(url, transport, document, variables, token) for transport, (document, variables) in feeds]
    try:
        for follower in followers:
            await follower.shows({})
        yield followers
    finally:
        for follower in followers:
            await follower.stop()
