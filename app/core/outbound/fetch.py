"""One request to an address that somebody else has given us. Follows no redirect, and believes no name.

The name is resolved once, every address it has is checked, and the connection goes to one of those that were: a name
that answers differently the second time gains nothing. Time and size are bounded.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import httpcore

from app.core.outbound.ranges import Network, is_public

# A name whose servers are silent holds its thread for as long as the system's resolver has patience, whoever has given
# up waiting meanwhile. The loop's own threads are not for that: jobs are sent in them.
_resolvers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


class NoAnswer(Exception):
    """Nothing usable came; the reason is a sentence without names or addresses, so that it may be shown.

    `may_have_arrived`: the request was on its way, so that whoever was asked may have done what it asks for.
    """

    def __init__(self, reason: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, as far as it was read. The headers' names are in small letters."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)


async def fetch(url: str, *, timeout_seconds: float, body_bytes: int, allowed: Sequence[Network] = ()) -> Answer:
    """The answer to a GET; `NoAnswer` where there is none in time, or where the address is not to be asked."""
    headers = {"Accept": "application/health+json, application/json, */*;q=0.5"}
    return await send("GET", url, headers, b"", timeout_seconds=timeout_seconds, body_bytes=body_bytes, allowed=allowed)


async def send(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_seconds: float,
    body_bytes: int,
    allowed: Sequence[Network] = (),
) -> Answer:
    """The answer to a request, its body read no further than that; `NoAnswer` as `fetch`."""
    progress = _Progress()
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _send(method, url, headers, body, body_bytes, allowed, progress)
    except TimeoutError:
        raise NoAnswer(f"No answer within {timeout_seconds:g} s.", may_have_arrived=progress.is_sent) from None
    except httpcore.UnsupportedProtocol:
        raise NoAnswer("The address starts with neither https:// nor http://.") from None
    except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException, OSError) as problem:
        # What TLS finds wrong with an answer comes as the OSError it is: the request has gone out all the same.
        if not progress.is_sent and isinstance(problem, httpcore.ConnectError | OSError):
            raise NoAnswer(_connecting(problem)) from None
        reason = "The connection broke, or what came was no HTTP."
        raise NoAnswer(reason, may_have_arrived=progress.is_sent) from None
    except (ValueError, TypeError):
        raise NoAnswer("The address cannot be read.") from None


async def _send(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    body_bytes: int,
    allowed: Sequence[Network],
    progress: "_Progress",
) -> Answer:
    sent = [("User-Agent", "virtual-queue"), *headers.items()]
    # A pool of its own: a connection that was kept would go to an address that was checked some time ago.
    async with (
        httpcore.AsyncConnectionPool(network_backend=_CheckedBackend(allowed), max_connections=1) as pool,
        pool.stream(method, url, headers=sent, content=body or None, extensions={"trace": progress.trace}) as response,
    ):
        read = bytearray()
        async for chunk in response.aiter_stream():
            read += chunk
            if len(read) >= body_bytes:
                break
        types = [value for name, value in response.headers if name.lower() == b"content-type"]
        content_type = types[0].decode("latin-1") if types else ""
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        seconds = time.monotonic() - progress.began
        return Answer(response.status, content_type, bytes(read[:body_bytes]), seconds, named)


class _Progress:
    """How far a request is."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.is_sent = False

    async def trace(self, event: str, _: object) -> None:
        """As the library tells what it does. Up to its body a request is not whole, and nobody acts on it."""
        if event.endswith(".send_request_body.started"):
            self.is_sent = True


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. Names reach it as they stand in the URL; TLS goes on using the name."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the name's addresses that answers; none if one of them is internal."""
        problem: Exception = NoAnswer("The name has no address.")
        for address in await checked_addresses(host, port, self._allowed):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                problem = failed
        raise problem

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: what listens there is ours."""
        raise NoAnswer("The address leads into an internal network, which is not asked.")

    async def sleep(self, seconds: float) -> None:
        """As the library needs it between tries, of which there is one."""
        await self._backend.sleep(seconds)


async def checked_addresses(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """What a name stands for, for who connects to one of these and not to the name. `NoAnswer` as `fetch`."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(_resolvers, look_up)
    except OSError:
        raise NoAnswer("The name cannot be resolved.") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    # All of them: one that is ours among others that are not is no accident.
    if not all(is_public(address, allowed) for address in addresses):
        raise NoAnswer("The address leads into an internal network, which is not asked.")
    return addresses


def _connecting(problem: Exception) -> str:
    if isinstance(problem.__cause__ or problem.__context__, ssl.SSLError):
        return "The connection could not be secured: its certificate is not valid."
    return "Nobody answers at the address."
