"""A name server on the loopback that knows the TXT records it is told, or says nothing at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Address = tuple[str, int]


@dataclass
class Names:
    """What is published: records by name. Names that are not there do not exist."""

    server: str = ""
    records: dict[str, list[str]] = field(default_factory=dict)
    is_silent: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, wire: bytes) -> bytes | None:
        """The answer to a question, as it goes over the line."""
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.is_silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name not in self.records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif self.records[name]:
            quoted = [" ".join(f'"{part}"' for part in _pieces(record)) for record in self.records[name]]
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *quoted))
        return response.to_wire()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if (answer := self._names.answer(data)) is not None:
            self._transport.sendto(answer, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


@asynccontextmanager
async def name_server() -> AsyncIterator[Names]:
    """One that runs; `server` is how a setting names it."""
    names = Names()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Protocol(names), local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    names.server = f"{host}:{port}"
    try:
        yield names
    finally:
        transport.close()
        await protocol.closed.wait()


def _pieces(record: str) -> list[str]:
    # A record of more than 255 characters is published in pieces.
    return [record[start : start + 255] for start in range(0, len(record), 255)] or [""]
