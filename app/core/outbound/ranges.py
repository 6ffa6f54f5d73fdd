"""Which network addresses are the internet's, and which lead into our own network. Pure; resolves no names.

Python's `is_global` is not enough: it is true of multicast, and of IPv6 addresses in which an IPv4 address is written
that a gateway or the kernel takes out again (NAT64's 64:ff9b::7f00:1 and ::127.0.0.1 are both this very machine).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = IPv6Network("::/96")
# What is_global lets through although nobody out there can be meant.
_NEVER = (
    IPv4Network("192.88.99.0/24"),  # relays between IPv4 and IPv6, withdrawn
    IPv4Network("240.0.0.0/4"),
    IPv6Network("64:ff9b:1::/48"),  # NAT64 within one network
    IPv6Network("2001::/23"),  # Teredo and other tunnels
    IPv6Network("fec0::/10"),
    IPv6Network("100::/64"),
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def network(text: str) -> Network:
    """A network from its text, e.g. `10.0.0.0/8`; `ValueError` if it is none."""
    return ip_network(text)


def is_public(text: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address may be connected to: it is the internet's, or in a network that was allowed by name.

    One with a scope (`fe80::1%eth0`) is not: it means something on one of our own wires.
    """
    if "%" in text:
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public(address, tuple(allowed))


def _is_public(address: Address, allowed: tuple[Network, ...]) -> bool:
    inner = _written_inside(address)
    if inner is not None:
        return _is_public(inner, allowed)
    if any(address in each for each in allowed):
        return True
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return not any(address in each for each in _NEVER)


def _written_inside(address: Address) -> IPv4Address | None:
    """The IPv4 address which an IPv6 address only wraps, however that is done."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    # ::1 and :: are themselves, and not public.
    is_compatible = address in _IPV4_COMPATIBLE and number > 1
    if address in _NAT64 or is_compatible or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    return None
