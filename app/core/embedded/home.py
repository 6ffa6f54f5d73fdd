"""Where the servers' files lie in a data directory, and where they go when that place cannot hold them.

Two things force a detour: PostgreSQL's account may not enter root's home, and socket paths have about 100 bytes.
"""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded.account import Account, server_account
from app.core.embedded.binaries import shared_directory
from app.core.embedded.errors import EmbeddedError

# sun_path is 104 bytes on macOS and 108 on Linux, with the terminating zero.
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock--"


@dataclass(frozen=True)
class Home:
    """The servers' directory: everything in it belongs to `account`."""

    directory: Path
    sockets: Path
    logs: Path
    account: Account

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.directory / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's working directory."""
        return self.directory / "valkey"


def open_home(data_dir: Path) -> Home:
    """Create what is missing and return the layout. Call with the data directory's lock held."""
    data_dir = data_dir.resolve()
    try:
        # Others may pass through (the servers' account has to), not look.
        data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        directory, account = _servers_directory(data_dir)
        directory.mkdir(mode=0o700, exist_ok=True)
        valkey = directory / "valkey"
        valkey.mkdir(mode=0o700, exist_ok=True)
        account.own(directory, valkey)
        logs = data_dir / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        return Home(directory, _sockets_directory(directory, account), logs, account)
    except PermissionError as problem:
        raise EmbeddedError(
            f"{problem.filename} belongs to another user: set VQ_DATA_DIR to a directory of your own, "
            "or run as the user who created it."
        ) from problem
    except OSError as problem:
        raise EmbeddedError(
            f"{data_dir} cannot be used ({problem}): set VQ_DATA_DIR to another directory."
        ) from problem


def _servers_directory(data_dir: Path) -> tuple[Path, Account]:
    link = data_dir / "servers"
    account = server_account(link)
    if link.is_symlink():
        # Where it once went is where the data is. A dangling link must not look like an empty installation.
        if not link.exists():
            raise EmbeddedError(f"{link} points to {link.readlink()}, which is gone: restore it, or remove the link.")
        return link.resolve(), account
    if link.exists() or account.may(data_dir, stat.S_IXOTH):
        return link, account
    elsewhere = Path(tempfile.mkdtemp(dir=shared_directory(account), prefix="servers-"))
    account.own(elsewhere)
    link.symlink_to(elsewhere)
    return elsewhere, account


def _sockets_directory(directory: Path, account: Account) -> Path:
    sockets = directory / "run"
    if len(os.fsencode(sockets / _LONGEST_SOCKET_NAME)) > _SOCKET_PATH_BYTES:
        name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        sockets = Path("/tmp", f"vq-{account.uid}-{name}")
    try:
        sockets.mkdir(mode=0o700)
        account.own(sockets)
    except FileExistsError:
        status = sockets.lstat()
        # In a directory all may write to, the name could have been taken by somebody who wants our traffic.
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or status.st_mode & 0o077:
            raise EmbeddedError(
                f"{sockets} is not a private directory of the servers' account: remove it, "
                "or set VQ_DATA_DIR to a directory with a shorter path."
            ) from None
    return sockets
