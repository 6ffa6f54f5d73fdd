"""Runs a script with PostgreSQL's own pgbench, as the role the product serves with. Makes no scripts itself."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.db.urls import APP_ROLE, role_password
from bench.stage import Stage

_DONE = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")
_LATENCY = re.compile(r"latency average = ([\d.]+) ms")
_RATE = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")


@dataclass(frozen=True, slots=True)
class Transactions:
    """What a run has done."""

    count: int
    per_second: float
    mean_ms: float


async def pgbench(
    stage: Stage,
    script: Path,
    *,
    clients: int,
    constants: Mapping[str, object],
    seconds: float | None = None,
    per_client: int | None = None,
) -> Transactions:
    """Run for so many seconds (pgbench knows whole ones only), or so many transactions of each client."""
    postgres = stage.cluster.postgres
    assert postgres is not None
    limit = ["-t", str(per_client)] if seconds is None else ["-T", str(max(1, round(seconds)))]
    arguments: Sequence[str | Path] = [
        "-n",
        *("-M", "prepared"),
        *("-c", str(clients)),
        *("-j", str(min(clients, 2))),
        *limit,
        *("-f", script),
        *(part for name, value in constants.items() for part in ("-D", f"{name}={value}")),
    ]
    environment = {
        "PGHOST": str(postgres.home.sockets),
        "PGUSER": APP_ROLE,
        "PGPASSWORD": role_password(stage.settings, APP_ROLE),
        "PGDATABASE": "vq",
        "LC_ALL": "C",
    }
    process = await asyncio.create_subprocess_exec(
        postgres.binaries.directory / "pgbench",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    output = (await process.communicate())[0].decode()
    done, rate, latency = _DONE.search(output), _RATE.search(output), _LATENCY.search(output)
    failed = _FAILED.search(output)
    if process.returncode != 0 or not (done and rate and latency) or (failed and int(failed[1])):
        raise RuntimeError(f"pgbench failed: {output[-2000:]}")
    return Transactions(int(done[1]), float(rate[1]), float(latency[1]))
