"""The account the servers run under: ours, or an unprivileged one when we are root, which PostgreSQL refuses.

Not a sandbox: it only drops root, and answers which paths the other account can reach.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded.errors import EmbeddedError

_NAME = "vq"


@dataclass(frozen=True)
class Account:
    """A user and its primary group; `drop` says that we are root and have to become it."""

    uid: int
    gid: int
    drop: bool

    def own(self, *paths: Path) -> None:
        """Give the paths to the account."""
        if self.drop:
            for path in paths:
                os.chown(path, self.uid, self.gid)

    def may(self, path: Path, bits: int) -> bool:
        """Whether the account has these permissions (as in `S_I?OTH`) on the path and may enter everything above it."""
        if not self.drop:
            return os.access(path, bits)
        resolved = path.resolve()
        return self._has(resolved, bits) and all(self._has(parent, stat.S_IXOTH) for parent in resolved.parents)

    def may_read_all(self, paths: Iterable[Path]) -> bool:
        """Whether the account can read and enter each of the paths."""
        return all(self.may(path, stat.S_IROTH | stat.S_IXOTH) for path in paths)

    def _has(self, path: Path, bits: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & bits == bits


def current_account() -> Account:
    """The account of this process."""
    return Account(os.geteuid(), os.getegid(), drop=False)


def server_account(existing: Path) -> Account:
    """Who runs the servers whose files are, or will be, at `existing`: we, or their owner if we are root."""
    if os.geteuid() != 0:
        return current_account()
    if existing.exists() and (status := existing.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid, drop=True)
    entry = _find(_NAME) or _create(_NAME) or _find("postgres") or _find("nobody")
    if entry is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root and no other account could be created: "
            "run as an ordinary user, or set VQ_DATABASE_URL and VQ_REDIS_URL to servers of your own."
        )
    return Account(entry.pw_uid, entry.pw_gid, drop=True)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd | None:
    if (useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")) is None:
        return None
    # The outcome is read back below: another process may have created the account at the same time.
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/false"]
    subprocess.run([useradd, *options, name], check=False, capture_output=True)
    return _find(name)
