"""A test that is killed leaves no site, API or browser behind."""

import subprocess
import sys

import psutil
import pytest

from tests.commands.runs import until

_TEST = """
import subprocess, sys, time
from tests.support.leash import leashed
print(subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, preexec_fn=leashed).pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_what_a_killed_test_started_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", _TEST], stdout=subprocess.PIPE) as test:
        assert test.stdout is not None
        child = psutil.Process(int(test.stdout.readline()))
        assert child.is_running()
        test.kill()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5, "the end of what it started")
