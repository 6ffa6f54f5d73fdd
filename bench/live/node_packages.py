"""The reference servers in Node: packages in the pinned versions, installed on first use. Starts no server.

They are kept in the user's cache, in a directory named after the lock file: another version is another directory.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "node"
_FILES = ("package.json", "package-lock.json", ".npmrc")
_INSTALL_SECONDS = 180.0
# Written last: a directory without it was not finished.
_DONE = ".installed"


class NodeMissing(Exception):
    """There is no Node here, so its servers cannot be compared with."""


def install() -> Path:
    """The directory `node_modules`, installed with `npm ci` unless it is there already; `NodeMissing` without Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NodeMissing("node and npm are needed for the reference servers")
    home = _cache() / hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    if not (home / _DONE).exists():
        home.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            shutil.copy(SOURCES / name, home / name)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        (home / _DONE).touch()
    return home / "node_modules"


def versions() -> dict[str, str]:
    """Of the packages named in package.json, as the lock file has them."""
    lock = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    return {name: lock[f"node_modules/{name}"]["version"] for name in lock[""]["dependencies"]}


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "virtual-queue-bench"
