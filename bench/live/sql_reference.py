"""The bare SQL of a join and of a call, one transaction each, by pgbench: what the database gives one by one.

The scripts are written by hand (`sql/`), so that they stay the same reference when the product's own statements change.
"""

from pathlib import Path

import orjson

from bench.business import Business, Queue
from bench.pgbench import Transactions, pgbench
from bench.stage import Stage

SQL = "the bare SQL by pgbench, one by one"
_SCRIPTS = Path(__file__).parent / "sql"
# As many connections as a busy installation gives one role; more only wait for the row.
_MOST_CONNECTIONS = 64
# As long as an event of the product: the row's size is part of the work.
_DATA = orjson.dumps({"line": {"status": "ACTIVE", "filler": "x" * 100}, "session": {"filler": "x" * 500}}).decode()


async def join_by_sql(stage: Stage, business: Business, queue: Queue, clients: int, seconds: float) -> Transactions:
    """Joins of so many connections for so long (whole seconds)."""
    return await pgbench(
        stage,
        _SCRIPTS / "join.sql",
        clients=min(clients, _MOST_CONNECTIONS),
        seconds=seconds,
        constants=_constants(business, queue),
    )


async def call_by_sql(stage: Stage, business: Business, queue: Queue, clients: int, per_client: int) -> Transactions:
    """Calls of so many connections, each to `per_client` counters of its own."""
    return await pgbench(
        stage,
        _SCRIPTS / "call.sql",
        clients=clients,
        per_client=per_client,
        constants=_constants(business, queue) | {"per_client": per_client, "turn": 0},
    )


def _constants(business: Business, queue: Queue) -> dict[str, object]:
    return {"tenant": business.tenant_id, "queue": queue.id, "data": _DATA}
