"""`python -m bench.deliveries`: the tests of faults, with 200 deliveries and outages of up to a minute. Some 5 minutes.

What is asserted is in `tests/notifications/test_faults.py`; this runs it long and shows the figures.
"""

import os
import subprocess
import sys


def main() -> int:
    """Run."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", "tests/notifications/test_faults.py"]
    return subprocess.run([*command, *sys.argv[1:]], env=os.environ | {"FAULTS": "full"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
