"""Runs `vq` and samples what it is doing, every few milliseconds of CPU time, into a file of collapsed stacks.

For profiles, never for figures. Sampled by the kernel's timer of CPU time: a server that waits is not looked at.
"""

import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from app.cli import main

_SAMPLE_SECONDS = 0.002
_WRITE_SECONDS = 0.25


class Samples:
    """Stacks and how often each was seen."""

    def __init__(self) -> None:
        self._stacks: Counter[tuple[str, ...]] = Counter()

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler of the timer's signal."""
        stack = []
        while frame is not None:
            stack.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename})")
            frame = frame.f_back
        self._stacks[tuple(reversed(stack))] += 1

    def write_for_ever(self, file: Path) -> None:
        """Keep the file current: outermost frame first, then the count."""
        while True:
            time.sleep(_WRITE_SECONDS)
            partial = file.with_suffix(".part")
            partial.write_text("".join(f"{';'.join(stack)} {count}\n" for stack, count in self._stacks.copy().items()))
            partial.replace(file)


if __name__ == "__main__":
    samples, path = Samples(), Path(sys.argv.pop(1).removeprefix("--samples="))
    threading.Thread(target=samples.write_for_ever, args=[path], name="samples", daemon=True).start()
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, _SAMPLE_SECONDS, _SAMPLE_SECONDS)
    sys.exit(main())
