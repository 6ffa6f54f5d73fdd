"""A browser and its push service: the npm package `web-push-testing`, which checks the signature and decrypts."""

import asyncio
import socket
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.core.outbound import network
from app.notifications.channels.interface import Surroundings
from tests.connectors.serving import needed, needed_package
from tests.support.waiting import PATIENCE

# It calls itself `localhost`.
AROUND = Surroundings(allowed=(network("127.0.0.0/8"), network("::1/128")))


@dataclass(frozen=True)
class PushService:
    """The server, and the browsers that subscribe at it."""

    client: httpx.AsyncClient

    async def subscribe(self, key: str) -> dict[str, Any]:
        """What `PushManager.subscribe` answers a browser, and `clientHash`."""
        given = {"userVisibleOnly": "true", "applicationServerKey": key}
        return dict((await self._post("/subscribe", given))["data"])

    async def messages(self, subscription: dict[str, Any]) -> list[str]:
        """What the browser has been shown, decrypted."""
        found = await self._post("/get-notifications", {"clientHash": subscription["clientHash"]})
        return list(found["data"]["messages"])

    async def unsubscribe(self, subscription: dict[str, Any]) -> None:
        """From now on the push service says that it is gone."""
        await self.client.post(f"/expire-subscription/{subscription['clientHash']}")

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """A running one."""
    node, server_js = needed("node", "push"), needed_package("web-push-testing") / "src/bin/server.js"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = await create_subprocess_exec(node, str(server_js), str(port), stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False) as client:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        await client.post("/status")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.02)
            yield PushService(client)
    finally:
        server.kill()
        await server.wait()
