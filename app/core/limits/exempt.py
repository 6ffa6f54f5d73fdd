"""Networks whose members are not counted. Knows addresses, not who is behind them."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

THIS_MACHINE = ("127.0.0.0/8", "::1/128")

_REMEMBERED = 4_096


class Networks:
    """Some networks, and whether an address is in one of them."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(each) for each in networks]
        # Every request asks, and taking an address apart costs more than all else here.
        self._looked_up = lru_cache(_REMEMBERED)(self._look_up)

    def __contains__(self, address: str | None) -> bool:
        return bool(self._networks) and address is not None and self._looked_up(address)

    def _look_up(self, address: str) -> bool:
        try:
            found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)
