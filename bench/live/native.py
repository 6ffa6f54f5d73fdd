"""Builds the C programs of the benchmarks (the limit's server, the crowd) with the machine's compiler, if it has one.

The sources are small and stand beside this file in `native/`; what is built lives in the run's temporary directory.
"""

import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).parent / "native"
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror")


def compiler() -> str | None:
    """The compiler, or None."""
    return next((found for name in _COMPILERS if (found := shutil.which(name))), None)


def build(name: str, directory: Path) -> Path | None:
    """Build `native/<name>.c`; the program, or None where there is no compiler. Raises when it does not compile."""
    if (found := compiler()) is None:
        return None
    program = directory / name
    if not program.exists():
        command = [found, *_FLAGS, "-o", str(program), str(_SOURCES / f"{name}.c")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return program
