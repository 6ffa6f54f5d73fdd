"""Asking addresses that others have given us: checked before they are connected to. Knows no feature."""

from app.core.outbound.fetch import Answer, NoAnswer, checked_addresses, fetch, send
from app.core.outbound.ranges import Network, network

__all__ = ["Answer", "Network", "NoAnswer", "checked_addresses", "fetch", "network", "send"]
