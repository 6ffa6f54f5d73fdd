"""Runs pytest; of very few failures it says whether they fail alone, too. Everything given is pytest's.

Eight thousand tests kill servers and race each other on a machine of unknown speed. Whatever fails is run once more, by
itself and one after the other: what fails again fails the run, and so do more than two. What passes is named as
unsteady, for somebody to look at, because it is a defect of the test or of the product.
"""

import json
import subprocess
import sys
from pathlib import Path

MOST_UNSTEADY = 2
_FAILED = 1
_NOTED = Path(".pytest_cache/v/cache/lastfailed")


def main(arguments: list[str]) -> int:
    """Run."""
    code = _pytest("--cache-clear", *arguments)
    if code != _FAILED or not _NOTED.exists():
        return code
    failed = list(json.loads(_NOTED.read_text(encoding="utf-8")))
    if not 0 < len(failed) <= MOST_UNSTEADY:
        return code
    print(f"\nOnce more, each alone: {', '.join(failed)}", flush=True)
    # One process for each: a test that only fails behind another one shows it.
    if any(_pytest("-q", one) != 0 for one in failed):
        return code
    print(f"\nUNSTEADY, passed alone, somebody has to look at it: {', '.join(failed)}", flush=True)
    return 0


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
