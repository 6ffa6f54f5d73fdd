"""A fence around code that is not ours and may be told by others where to go: no internal address, no file, no process.

It stands in Python itself (an audit hook, PEP 578), around one block and whatever runs in its context, so that no
library has to be trusted to ask. It is no jail for hostile code: it is for honest code with hostile addresses.
"""

import os
import site
import socket
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

from app.core.outbound.ranges import Network, is_public

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NEVER = frozenset(
    {
        "socket.sendto",
        "socket.sendmsg",
        "subprocess.Popen",
        "ctypes.dlopen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "pty.spawn",
        "os.chmod",
        "os.chown",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "os.truncate",
        "os.putenv",
        "os.unsetenv",
    }
)


class OutsideFence(PermissionError):
    """What was asked for lies outside. An `OSError`, so that libraries take it for a connection or file refused."""


@dataclass(slots=True)
class Fence:
    """What may be connected to inside (public addresses, and these), and what was: whether a connection began, and
    what was refused first.

    A thread cannot be stopped. `close` takes its connections away: who drips answers for ever holds nobody, and once
    it is closed without a connection there will be none.
    """

    allowed: Sequence[Network] = ()
    has_connected: bool = False
    refused: str | None = None
    _is_closed: bool = False
    # Of our own, because libraries put others in the place of theirs (TLS).
    _connections: list[socket.socket] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def close(self) -> None:
        """End what is connected, and let nothing connect any more. From any thread; more than once."""
        with self._lock:
            self._is_closed = True
            for connection in self._connections:
                with suppress(OSError):  # the other side may have ended it
                    connection.shutdown(socket.SHUT_RDWR)

    def connect(self, connection: socket.socket) -> None:
        """Note that a connection begins, or let it fail."""
        with self._lock:
            if self._is_closed:
                raise OutsideFence("It is over.")
            self.has_connected = True
            kept = os.dup(connection.fileno())
            self._connections.append(socket.socket(connection.family, connection.type, connection.proto, fileno=kept))

    def leave(self) -> None:
        """Nothing is connected any more."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def refuse(self, what: str) -> None:
        """Note it, and let it fail."""
        if self.refused is None:
            self.refused = what
        raise OutsideFence(what)


_fence: ContextVar[Fence | None] = ContextVar("fence", default=None)


@contextmanager
def fenced(fence: Fence) -> Iterator[None]:
    """Inside the block, and whatever is run in its context, only what the fence allows is done."""
    _put_up()
    before = _fence.set(fence)
    try:
        yield
    finally:
        _fence.reset(before)
        fence.leave()


@cache
def _put_up() -> None:
    # Hooks stay for the life of a process: it is put up by the first who needs it, and only there.
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    fence = _fence.get()
    if fence is None:
        return
    if event == "socket.connect":
        address = arguments[1]
        if not isinstance(address, tuple) or not is_public(str(address[0]), fence.allowed):
            fence.refuse("The address leads into an internal network, which is not asked.")
        fence.connect(arguments[0])
    elif event == "open":
        path, _, flags = arguments
        if not isinstance(path, int) and (flags & _WRITING or not _is_library(os.fsdecode(path))):
            # Libraries look for files they can do without (.netrc): not worth a word.
            raise OutsideFence("a file")
    elif event in _NEVER or event.startswith("shutil."):
        fence.refuse(f"This does more than asking an address ({event}), which is not done here.")


@cache
def _roots() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    named = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")] + site.getsitepackages()
    return tuple({os.path.realpath(each) + os.sep for each in named})


def _is_library(path: str) -> bool:
    return os.path.realpath(path).startswith(_roots())
