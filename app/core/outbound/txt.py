"""Asking the DNS for TXT records. Whose they are meant to be, and what they have to say, is the asker's business."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

# What is shown and compared of one name: who publishes more has published enough.
MAX_RECORDS = 50


class NoDns(Exception):
    """No server could be asked, or none answered in time: nothing is known of the name."""


async def txt_records(name: str, *, servers: Sequence[str] = (), timeout_seconds: float = 5.0) -> list[str]:
    """The TXT records of a name, each in one piece, at most 50; none where there is no such name.

    Asks the system's servers unless others are given (`10.0.0.2`, `10.0.0.2:5353`, `[::1]:53`). Raises `NoDns`.
    """
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            resolver.nameservers = [_server(server) for server in servers]
        # Absolute: the system's search list has no say in names of others.
        answer = await resolver.resolve(
            dns.name.from_text(name), "TXT", lifetime=timeout_seconds, raise_on_no_answer=False, search=False
        )
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError) as problem:
        raise NoDns from problem
    if answer.rrset is None:
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in list(answer.rrset)[:MAX_RECORDS]]


def _server(text: str) -> dns.nameserver.Nameserver:
    parts = urlsplit(f"//{text}")
    return dns.nameserver.Do53Nameserver(parts.hostname or "", parts.port or 53)
