"""One run per data directory: a lock that ends with the process that holds it, however that ends."""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded.errors import EmbeddedError

# `attach` takes the lock for an instant to see whether anybody holds it.
_PATIENCE_SECONDS = 1.0


@dataclass
class DirectoryLock:
    """Held until `release`, or until this process ends."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Let the next run in."""
        os.close(self.descriptor)


def acquire(data_dir: Path, purpose: str) -> DirectoryLock:
    """Take the lock; `EmbeddedError` names the holder if there is one."""
    path = data_dir / "lock"
    try:
        data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as problem:
        raise EmbeddedError(
            f"{problem.filename} belongs to another user: set VQ_DATA_DIR to a directory of your own, "
            "or run as the user who created it."
        ) from problem
    except OSError as problem:
        raise EmbeddedError(
            f"{data_dir} cannot be used ({problem}): set VQ_DATA_DIR to another directory."
        ) from problem
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _try(descriptor):
        if time.monotonic() > deadline:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise EmbeddedError(
                f"{holder} already uses {data_dir}: stop it first, or set VQ_DATA_DIR (and VQ_PORT) for a second one."
            )
        time.sleep(0.05)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), 0)
    return DirectoryLock(path, descriptor)


def is_held(data_dir: Path) -> bool:
    """Whether a run holds the lock right now."""
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    try:
        entry = json.loads(os.pread(descriptor, 200, 0))
        return f"`{entry['purpose']}` (process {entry['pid']})"
    except (ValueError, KeyError, TypeError):
        return "Another process"
