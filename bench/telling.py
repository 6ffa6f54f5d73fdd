"""`python -m bench.telling`: a hundred thousand wait, one is called; how soon exactly the right visitors are told.

Real processes: an API, a relay and a worker. Three rules look at places 3, 1,000 and 10,000 of the line; who must be
told is asked of the table before each call, and afterwards nobody else may have been.
"""

import asyncio
import sys
import time
from statistics import median
from uuid import UUID

import asyncpg

from bench.business import Business, Queue
from bench.http import Connection
from bench.stage import Stage, forget_environment, open_stage

WAITING = 100_000
PLACES = (3, 1_000, 10_000)
CALLS = 10
PATIENCE_SECONDS = 30.0
MOST_SECONDS = 2.0

_RULE = """mutation($input: MessageRuleCreateInput!) { messageRuleCreate(input: $input) {
  __typename ... on MessageRuleCreateSuccess { messageRule { id } } ... on UserError { message }
} }"""
_AT = (
    "select id from sessions where queue_id = $1 and status = 'WAITING'"
    " order by rank_class, rank_time, rank_sequence offset $2 limit 1"
)
_SENT = "select session_id from notifications where kind = 'PEOPLE_AHEAD' and status = 'SENT'"


def main() -> int:
    """Run."""
    forget_environment()
    with open_stage() as stage, stage.relay(), stage.worker():
        seconds = asyncio.run(_measure(stage))
    print(
        f"{WAITING:,} waiting, {CALLS} calls: the visitors at places {', '.join(f'{place:,}' for place in PLACES)} "
        f"were told, and nobody else; call to sent: median {median(seconds):.2f} s, at most {max(seconds):.2f} s"
    )
    return 0 if max(seconds) < MOST_SECONDS else 1


async def _measure(stage: Stage) -> list[float]:
    database = await stage.connect()
    with stage.api() as server:
        connection = Connection("127.0.0.1", server.port)
        business = await Business.found(connection, database, stage.settings.demo_password)
        for place in PLACES:
            given = {"kind": "PEOPLE_AHEAD", "peopleAhead": place, "channels": ["IN_APP"]}
            await connection.execute(_RULE, {"input": given}, business.token)
        queue = await business.queue(counters=1, waiting=WAITING - 1)
        await database.execute("vacuum analyze sessions")
        await business.settle()
        # Whoever joined over the API, ahead of the copies, who were there without an event: as if they had been first.
        await _call(business, queue)
        expected: list[list[UUID]] = []
        seconds: list[float] = []
        for _ in range(CALLS):
            began = time.monotonic()
            expected.append(await _call(business, queue))
            await _until_told(database, {who for each in expected for who in each})
            seconds.append(time.monotonic() - began)
        await business.settle()
        told = [row["session_id"] for row in await database.fetch(_SENT)]
        assert sorted(told) == sorted(who for each in expected for who in each), "exactly these, each once"
        await connection.close()
    await database.close()
    return seconds


async def _call(business: Business, queue: Queue) -> list[UUID]:
    """Call and serve whoever is first; who has come to one of the places by that."""
    near = [await business.database.fetchval(_AT, queue.id, place + 1) for place in PLACES]
    await business.serve(business.connection, await business.call(business.connection, queue, 1))
    return near


async def _until_told(database: asyncpg.Connection, people: set[UUID]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not people <= {row["session_id"] for row in await database.fetch(_SENT)}:
        assert time.monotonic() < deadline, "somebody has not been told"
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
