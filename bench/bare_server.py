"""The reference of the fan-out: uvicorn with the product's websocket library and options, sending ready-made frames.

Speaks just enough of graphql-transport-ws for the same client to subscribe; there is no GraphQL and no database.
"""

import argparse
import gc
import socket
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

_ACK = {"type": "websocket.send", "text": '{"type":"connection_ack"}'}
_HEAD, _TAIL = '{"id":"1","type":"next","payload":{"data":{"sessionChanged":{"position":0,"id":"', '"}}}}'


class BareServer:
    """Keeps the `send` of every subscribed socket; `POST /wave?bytes=n` sends one frame of n bytes to all of them."""

    def __init__(self) -> None:
        self._subscribed: dict[int, Send] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, send)

    async def _socket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        try:
            while (message := await receive())["type"] == "websocket.receive":
                match orjson.loads(message["text"])["type"]:
                    case "connection_init":
                        await send(_ACK)
                    case "subscribe":
                        self._subscribed[id(send)] = send
                        await send(_frame(200))
        finally:
            self._subscribed.pop(id(send), None)

    async def _http(self, scope: Scope, send: Send) -> None:
        if scope["path"] == "/wave":
            message = _frame(int(parse_qs(scope["query_string"].decode())["bytes"][0]))
            for each in self._subscribed.values():
                await each(message)
        headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


def _frame(size: int) -> dict[str, Any]:
    filler = "x" * max(0, size - len(_HEAD) - len(_TAIL))
    return {"type": "websocket.send", "text": f"{_HEAD}{filler}{_TAIL}"}


def main() -> None:
    """Serve on an inherited socket, configured as `vq serve` is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    config = uvicorn.Config(
        BareServer(),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=30.0,
        ws_ping_timeout=30.0,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=parser.parse_args().fd)])


if __name__ == "__main__":
    main()
