"""Under make: a signal that make got alone reaches what it runs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("make") is None, reason="needs make, and a /proc"),
]

RECIPE = """
import time
from app.commands.parent import MakeWatch
make = MakeWatch()
assert not make.told_to_end()
print("started", flush=True)
while not make.told_to_end():
    time.sleep(0.02)
print("told", flush=True)
"""


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """Whoever runs the tests in the background has them ignore SIGINT, and so would the make they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_make_alone_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "recipe.py").write_text(RECIPE)
    (tmp_path / "Makefile").write_text(f"up:\n\t@exec {sys.executable} {tmp_path / 'recipe.py'}\n")
    # Perhaps we run under make ourselves, which would have it announce where it works.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    with subprocess.Popen(
        ["make", "-f", tmp_path / "Makefile", "up"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as make:
        assert make.stdout is not None
        assert make.stdout.readline() == "started\n"
        make.send_signal(number)
        assert make.stdout.readline() == "told\n"
        assert make.wait(10) == -number


def test_another_parent_is_none_of_our_business() -> None:
    told = "from app.commands.parent import MakeWatch; print(MakeWatch().told_to_end())"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "False\n"
