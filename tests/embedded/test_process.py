"""A supervised process: ends when asked, when killed, and with the one who started it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.core.embedded import EmbeddedError
from app.core.embedded.process import Daemon, end_processes, processes_in

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
OBEDIENT = "import signal; print('ready', flush=True); signal.pause()"

PARENT = f"""
import sys, signal
from app.core.embedded.process import Daemon
child = Daemon("child", [sys.executable, "-c", {OBEDIENT!r}], stop_steps=())
child.spawn()
print(child.pid, flush=True)
signal.pause()
"""


def started(program: str, log: Path) -> Daemon:
    daemon = Daemon("child", [sys.executable, "-c", program], stop_steps=((signal.SIGTERM, 0.2),), log=log)
    daemon.spawn()
    daemon.wait_until(lambda: "ready" in log.read_text(), 10)
    return daemon


def test_stop_asks_first(tmp_path: Path) -> None:
    daemon = started(OBEDIENT, tmp_path / "log")
    process = daemon.process
    assert process is not None
    daemon.stop()
    assert process.returncode == -signal.SIGTERM
    assert daemon.pid is None


def test_stop_kills_who_does_not_listen(tmp_path: Path) -> None:
    daemon = started(STUBBORN, tmp_path / "log")
    process = daemon.process
    assert process is not None
    daemon.stop()
    assert process.returncode == -signal.SIGKILL


def test_an_end_is_noticed_with_its_reason(tmp_path: Path) -> None:
    daemon = Daemon("child", [sys.executable, "-c", "raise SystemExit('no luck')"], (), log=tmp_path / "log")
    daemon.spawn()
    with pytest.raises(EmbeddedError, match=r"child ended while starting(.|\n)*no luck"):
        daemon.wait_until(lambda: False, 10)
    assert daemon.exit_code == 1


def test_a_start_has_a_deadline(tmp_path: Path) -> None:
    daemon = started(OBEDIENT, tmp_path / "log")
    with pytest.raises(EmbeddedError, match="not ready after"):
        daemon.wait_until(lambda: False, 0.05)
    daemon.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_a_child_does_not_outlive_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []


def test_processes_are_found_by_where_they_work(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here = subprocess.Popen([sys.executable, "-c", STUBBORN], cwd=tmp_path / "here", stdout=subprocess.PIPE)
    elsewhere = subprocess.Popen([sys.executable, "-c", OBEDIENT], cwd=tmp_path, stdout=subprocess.PIPE)
    for process in (here, elsewhere):
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()
    name = psutil.Process(here.pid).name()
    found = processes_in(tmp_path / "here", [name])
    assert [process.pid for process in found] == [here.pid]
    assert processes_in(tmp_path / "here", ["another"]) == []
    end_processes(found, signal.SIGTERM, 0.1)
    assert not psutil.pid_exists(here.pid)
    here.wait(10)
    assert elsewhere.poll() is None
    elsewhere.terminate()
    elsewhere.wait(10)


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"x" * 5_000_001)
    daemon = started(OBEDIENT, log)
    daemon.stop()
    assert log.read_text() == "ready\n"
    assert (tmp_path / "child.log.1").stat().st_size == 5_000_001
