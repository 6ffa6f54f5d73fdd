"""Who is asked through a proxy: address and scheme as the proxy tells them, if it is one of ours. Else nobody's word.

uvicorn's own middleware, with the networks of `VQ_TRUSTED_PROXIES` and nothing it would assume by itself.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_address, ip_network

from starlette.types import Message, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class Proxies:
    """Our own proxies, by their networks: their `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        # It would hand the scope on; here it only changes it, so that no socket keeps a layer more for all its life.
        self._middleware = ProxyHeadersMiddleware(_nothing, list(_spelled(networks))) if networks else None

    async def look_behind(self, scope: Scope) -> None:
        """Put client and scheme into the scope as the proxy tells them, if it was one of ours."""
        if self._middleware is None or scope["type"] == "lifespan":
            return
        await self._middleware(scope, _receive, _send)  # type: ignore[arg-type] # uvicorn's types, of the same shape
        if not _is_address(scope):
            # Something made up was passed on: they are counted with all others who have no address.
            scope["client"] = None


async def _nothing(scope: object, receive: object, send: object) -> None:
    pass


async def _receive() -> Message:
    raise AssertionError("nobody receives here")


async def _send(message: Message) -> None:
    raise AssertionError("nobody sends here")


def _spelled(networks: Sequence[str]) -> Iterator[str]:
    for text in networks:
        network = ip_network(text)
        yield str(network)
        if isinstance(network, IPv4Network):
            # As a server that listens on `::` sees it.
            yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"


def _is_address(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and bool(ip_address(client[0].partition("%")[0]))
    except ValueError:
        return False
