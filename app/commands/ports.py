"""Taking the API's port: before anything else is started, and kept while the API process comes and goes."""

import errno
import ipaddress
import socket

from app.commands.errors import CommandError
from app.settings import Settings, SettingsError

_BACKLOG = 2048
_TRIED = 50


def listen(settings: Settings) -> socket.socket:
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
        raise _explained(problem, host, port) from None
    return listener


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _explained(problem: OSError, host: str, port: int) -> Exception:
    if problem.errno == errno.EADDRINUSE:
        free = _free_port(host, port)
        return CommandError(
            f"Port {port} on {host} is used by another program: stop it, or set VQ_PORT, e.g. VQ_PORT={free}."
        )
    if problem.errno == errno.EACCES:
        return SettingsError(f"VQ_PORT: {port} needs more rights than we have; set one above 1023, e.g. VQ_PORT=8000.")
    if problem.errno == errno.EADDRNOTAVAIL:
        return SettingsError(
            f"VQ_HOST: {host!r} is not an address of this machine; 127.0.0.1 is, and 0.0.0.0 means all of them."
        )
    return CommandError(f"Cannot listen on {host} port {port}: {problem.strerror}. Set VQ_HOST and VQ_PORT.")


def _free_port(host: str, port: int) -> int:
    for candidate in [*range(port + 1, min(port + _TRIED, 65535)), 0]:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 8080
