"""Run a command beside a server of its own: `with_server.py <command> …`, with VQ_URL in its environment.

The server is a whole `vq up` in a temporary directory, on a free port; it is gone when the command has ended.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.commands.health import ask  # noqa: E402

OWN = ("VQ_DATABASE_URL", "VQ_DATABASE_APP_URL", "VQ_DATABASE_SYSTEM_URL", "VQ_REDIS_URL", "VQ_SECRET_KEY")
READY_SECONDS = 120
STOP_SECONDS = 10


def main(command: list[str]) -> int:
    """Returns the command's exit code."""
    directory = Path(tempfile.mkdtemp(prefix="vq-server-"))
    # As root the servers run under another account, which has to get through.
    directory.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Settings that are given are the server's too, but for where it lives: a command may want short tokens.
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment |= {"VQ_DATA_DIR": str(directory / "data"), "VQ_HOST": "127.0.0.1", "VQ_PORT": str(port)}
    log = directory / "up.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + READY_SECONDS
        while (answer := ask(f"{url}/health/ready")) is not None:
            if server.poll() is not None or time.monotonic() > deadline:
                print(f"The server did not start: {answer}\n{log.read_text()}", file=sys.stderr)
                return 1
            time.sleep(0.1)
        done = subprocess.run(command, env=os.environ | {"VQ_URL": url}, check=False)
        if done.returncode != 0:
            print(f"The server said:\n{log.read_text()}", file=sys.stderr)
            for part in ("api", "relay", "worker"):
                print(f"--- {part}\n{(directory / 'data/logs' / f'{part}.log').read_text()[-4000:]}", file=sys.stderr)
        return done.returncode
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
