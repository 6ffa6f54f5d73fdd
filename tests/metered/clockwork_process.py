"""A clockwork in a process of its own, which can be killed. Works until it is."""

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson

from app.sessions.metered.clockwork import run_clockwork
from app.settings import Settings, load_settings


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """One more."""
    given = {name: str(getattr(settings, name)) for name in ("database_url", "redis_url", "secret_key", "data_dir")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.metered.clockwork_process", orjson.dumps(given).decode()],
        cwd=Path(__file__).resolve().parents[2],
    )


if __name__ == "__main__":
    asyncio.run(run_clockwork(load_settings(**orjson.loads(sys.argv[1]))))
