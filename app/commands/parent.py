"""Whether the `make` that started us was told to end. Knows no other parent: shells tell their children themselves.

After SIGINT make waits for its command to end, taking for granted that the terminal sent the signal to both. Sent to
make alone, as scripts do, both would wait for ever; and a make that was killed would leave us behind.
"""

import os
import signal
from pathlib import Path

_PROC = Path("/proc")
_MAKES = ("make", "gmake", "bmake")


class MakeWatch:
    """Looks at our parent, if that is make and there is a /proc to look into."""

    def __init__(self) -> None:
        parent = os.getppid()
        self._parent = parent if _field(parent, "Name") in _MAKES else None

    def told_to_end(self) -> bool:
        """Whether make is gone, or in its handler of SIGINT, where it blocks the signal."""
        if self._parent is None:
            return False
        if os.getppid() != self._parent:
            return True
        blocked = _field(self._parent, "SigBlk")
        return blocked is not None and bool(int(blocked, 16) & 1 << signal.SIGINT - 1)


def _field(pid: int, name: str) -> str | None:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:")), None)
