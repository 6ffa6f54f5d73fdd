"""Remove a data directory of `vq up` for good, with what root keeps elsewhere for it: `reset.py <directory>`."""

import shutil
import sys
from pathlib import Path

from app.core.embedded.lock import is_held


def main(data_dir: Path) -> int:
    """Refuses while something runs in it, and anything that is not such a directory."""
    if not data_dir.exists():
        print(f"There is no {data_dir}.")
        return 0
    if not (data_dir / "lock").exists():
        print(f"{data_dir} is not a data directory of `vq up`: nothing was removed.", file=sys.stderr)
        return 1
    if is_held(data_dir):
        print(f"`vq up` is running in {data_dir}: stop it first.", file=sys.stderr)
        return 1
    servers = data_dir / "servers"
    if servers.is_symlink() and servers.exists():
        shutil.rmtree(servers.resolve())
    shutil.rmtree(data_dir)
    print(f"Removed {data_dir}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
