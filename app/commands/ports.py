"""Taking the API's port: before anything else is started, and kept while API processes come and go.

Several processes share a port by `SO_REUSEPORT`, each with a socket of its own: the kernel deals connections out
evenly, and only to those that listen. From one inherited socket whoever wakes first takes most of them (of 1,000 that
came one by one, 206 and 794; with a socket each, 492 and 508), and a websocket stays where it was taken.
"""

import errno
import ipaddress
import socket
import sys
from contextlib import suppress

from app.commands.errors import CommandError
from app.settings import Settings, SettingsError

_BACKLOG = 2048
_TRIED = 50
_LAST_PORT = 65_535
# Elsewhere it means something else: macOS gives everything to the last that came.
_CAN_SHARE = sys.platform == "linux"


def listen(settings: Settings, *, port_name: str = "VQ_PORT") -> socket.socket:
    """A listening socket on VQ_HOST and VQ_PORT; the error names the variable to change."""
    host, port = settings.host, settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        raise SettingsError(f"VQ_HOST: {host!r} is not an address or name of this machine; 127.0.0.1 is.") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # What a stopped server leaves in TIME_WAIT is no reason to refuse.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listening at once makes the claim exclusive; who connects now is answered when the API is there.
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise _explained(problem, host, port, port_name) from None
    return listener


def listen_near(settings: Settings) -> socket.socket:
    """A listening socket for the demo's site: on VQ_DEMO_SITE_PORT, else on the first free port after VQ_PORT."""
    there = settings.model_copy(update={"port": settings.site_port})
    if settings.demo_site_port is None and settings.site_port <= _LAST_PORT - _TRIED:
        for port in range(settings.site_port, settings.site_port + _TRIED):
            with suppress(CommandError):
                return listen(there.model_copy(update={"port": port}))
    return listen(there, port_name="VQ_DEMO_SITE_PORT")


def claim(settings: Settings) -> socket.socket:
    """VQ_HOST and VQ_PORT taken for several processes; each gets its own socket by `share`. Errors as of `listen`."""
    listener = listen(settings)
    if not _CAN_SHARE:
        return listener
    # It was free for us alone. Two that may share a port would not notice each other.
    with listener:
        address = listener.getsockname()
    return _sharing(listener.family, address)


def share(claimed: socket.socket) -> socket.socket:
    """A socket of this process's own on a claimed port: bound, and deaf until its server listens."""
    return _sharing(claimed.family, claimed.getsockname()) if _CAN_SHARE else claimed


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sharing(family: int, address: tuple[str, int]) -> socket.socket:
    sharing = socket.socket(family, socket.SOCK_STREAM)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        sharing.setsockopt(socket.SOL_SOCKET, option, 1)
    sharing.bind(address)
    return sharing


def _explained(problem: OSError, host: str, port: int, name: str) -> Exception:
    if problem.errno == errno.EADDRINUSE:
        free = _free_port(host, port)
        return CommandError(
            f"Port {port} on {host} is used by another program: stop it, or set {name}, e.g. {name}={free}."
        )
    if problem.errno == errno.EACCES:
        return SettingsError(f"{name}: {port} needs more rights than we have; set one above 1023, e.g. {name}=8000.")
    if problem.errno == errno.EADDRNOTAVAIL:
        return SettingsError(
            f"VQ_HOST: {host!r} is not an address of this machine; 127.0.0.1 is, and 0.0.0.0 means all of them."
        )
    return CommandError(f"Cannot listen on {host} port {port}: {problem.strerror}. Set VQ_HOST and {name}.")


def _free_port(host: str, port: int) -> int:
    for candidate in [*range(port + 1, min(port + _TRIED, _LAST_PORT)), 0]:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 8080
