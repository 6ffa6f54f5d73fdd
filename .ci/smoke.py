"""`make up` in a fresh clone, as somebody who just found the project: `smoke.py [--user NAME] [--python PATH]`.

Clones the committed state, starts it, pastes the banner's request, presses Ctrl-C, and looks for what is left.
"""

import argparse
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 300
STOP_SECONDS = 5.0


class SmokeError(Exception):
    """What did not work."""


def main() -> int:
    """Start twice, the second time on the data of the first; once as another account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", help="the account to do it as (needs root)")
    parser.add_argument("--python", help="the Python to give to make")
    arguments = parser.parse_args()
    # Whoever starts us in the background has us ignore Ctrl-C, and so would make.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Short and open: another account has to get in, and no secret of ours is in a clone.
    place = Path(tempfile.mkdtemp(prefix="vq-smoke-"))
    place.chmod(0o755)
    try:
        clone = place / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        identity: dict[str, int | list[int]] = {}
        if arguments.user:
            account = pwd.getpwnam(arguments.user)
            subprocess.run(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", str(place)], check=True)
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        # Another account has to get it running; what it finds the second time is the same for everybody.
        for attempt in ("first", "second") if not arguments.user else ("first",):
            _start_and_stop(clone, attempt, identity, arguments.python)
    except SmokeError as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


def _start_and_stop(clone: Path, attempt: str, identity: Mapping[str, int | list[int]], python: str | None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VQ_", "MAKE", "MFLAGS"))}
    environment |= {"VQ_PORT": str(port), "HOME": str(clone.parent)}
    output = clone.parent / f"{attempt}.log"
    began = time.monotonic()
    with output.open("w") as log:
        # A session of its own: what a terminal does with Ctrl-C is a signal to the whole group.
        make = subprocess.Popen(  # type: ignore[call-overload]
            ["make", "up", *([f"PYTHON={python}"] if python else [])],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **identity,
        )
    try:
        request = _wait_for_request(make, output)
        started = time.monotonic() - began
        answer = json.loads(subprocess.run(["sh", "-c", request], check=True, capture_output=True, timeout=30).stdout)
        if not answer["data"]["userLogin"].get("accessToken"):
            raise SmokeError(f"The banner's request was answered with {answer}")
        began = time.monotonic()
        if attempt == "first":
            os.killpg(make.pid, signal.SIGINT)
        else:
            make.send_signal(signal.SIGINT)  # as a script does it, to make alone
        make.wait(60)
        stopped = time.monotonic() - began
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGKILL)
            make.wait()
    left = _processes_of(clone)
    if left:
        raise SmokeError(f"After Ctrl-C there are left: {left}")
    if stopped > STOP_SECONDS:
        raise SmokeError(f"Stopping took {stopped:.1f} s.")
    print(f"{attempt} make up: ready after {started:.1f} s, gone {stopped:.1f} s after Ctrl-C")


def _wait_for_request(make: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and make.poll() is None:
        for line in output.read_text().splitlines():
            if line.startswith("curl "):
                return line
        time.sleep(0.1)
    raise SmokeError(f"make up did not get ready. It said:\n{output.read_text()}")


def _processes_of(clone: Path) -> list[str]:
    """Command lines of processes that mention the clone or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            directory = (entry / "cwd").readlink()
        except OSError:
            continue
        if str(clone) in command or directory.is_relative_to(clone):
            found.append(command.strip())
    return found


if __name__ == "__main__":
    sys.exit(main())
