"""The reference of a line's memory: the same values as plain tuples in a list, in a process of their own."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psutil


def main() -> None:
    """Print how many bytes the process grew by."""
    size = int(sys.argv[1])
    process, start = psutil.Process(), datetime.now(UTC)
    before = process.memory_full_info().uss
    line = [(0, start + timedelta(seconds=n), n, uuid4(), f"A{n:05d}") for n in range(size)]
    print(process.memory_full_info().uss - before)
    assert len(line) == size


if __name__ == "__main__":
    main()
