"""Network addresses, kept so that they can be compared and not read. Nothing here knows where an address comes from.

Visitors share what counts as one place in the network: an IPv4 address, or the /64 an IPv6 address is one of, because
a device changes the rest at will. Its hash is keyed, for there are few enough addresses to try them all.
"""

import hmac
from base64 import urlsafe_b64encode
from ipaddress import IPv6Address, IPv6Network, ip_address
from uuid import UUID

from app.core.crypto import derive_key


def network_of(address: str) -> str | None:
    """What counts as one place: `203.0.113.7`, or `2001:db8::/64`. None for what is no address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, 64), strict=False))


def address_key(secret: str, tenant_id: UUID) -> bytes:
    """A tenant's key: who has it can recognise the addresses of the tenant's visitors, and nobody else's."""
    return derive_key(secret, f"addresses of {tenant_id}")


def address_hash(key: bytes, address: str | None) -> str | None:
    """The keyed hash of where an address is, 43 letters (HMAC-SHA256, base64url). None without an address."""
    network = None if address is None else network_of(address)
    if network is None:
        return None
    return urlsafe_b64encode(hmac.digest(key, network.encode(), "sha256")).rstrip(b"=").decode()
