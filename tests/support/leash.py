"""Programs of a test that end with the process that runs it, however that ends: for `preexec_fn`."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def leashed() -> None:
    """Ask the kernel for SIGKILL when our parent's thread is gone. Elsewhere than on Linux nothing."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
