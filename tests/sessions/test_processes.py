"""Staff as processes with their own connections, killed with -9 in the middle: nothing is done by half."""

from random import Random

import pytest
from sqlalchemy import text

from app.core.db.urls import APP_ROLE, role_url
from app.core.ids import decode
from tests.support.api import Api, Business, key_of
from tests.support.contenders import Hall, kill, start_process
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, revision_of
from tests.support.waiting import eventually


@pytest.mark.processes
async def test_killed_processes_leave_no_half_state(api: Api, business: Business) -> None:
    queue_ids = [await business.queue(capacity=40) for _ in range(2)]
    counter_ids = [await business.counter(*queue_ids) for _ in range(2)]
    for number in range(30):
        await business.join(queue_ids[number % 2])
    tenant_id = decode("Queue", queue_ids[0]).tenant_id
    hall = Hall(
        role_url(api.runtime.settings, APP_ROLE),
        api.runtime.settings.secret,
        tenant_id,
        [key_of("Queue", id) for id in queue_ids],
        [key_of("Counter", id) for id in counter_ids],
    )
    random = Random(11)
    processes = [start_process(hall, id, seed) for seed, id in enumerate(hall.counter_ids)]
    try:
        for turn in range(2):
            before = sum([await revision_of(api, id) for id in queue_ids])

            async def has_moved(by: int, since: int = before) -> bool:
                return sum([await revision_of(api, id) for id in queue_ids]) >= since + by

            await eventually(lambda: has_moved(random.randrange(15, 60)), within=30)
            victim = turn % len(processes)
            kill(processes[victim])
            # The counter may still hold somebody: whoever takes over goes on from there.
            held = await business.admin(
                "query($id: ID!) { node(id: $id) { ... on Counter { currentSession { id } } } }", id=counter_ids[victim]
            )
            if held["currentSession"] is not None:
                back = await business.act("sessionReturnToQueue", held["currentSession"]["id"])
                assert back["__typename"] == "SessionReturnToQueueSuccess"
            processes[victim] = start_process(hall, hall.counter_ids[victim], 100 + turn)
    finally:
        for process in processes:
            kill(process)
    await eventually(lambda: _no_transaction_is_open(api))
    await assert_sound(api, *queue_ids, expected={id: Expected(capacity=40) for id in queue_ids})
    assert sum([await revision_of(api, id) for id in queue_ids]) > 60


async def _no_transaction_is_open(api: Api) -> bool:
    """A killed client's transaction ends when its server notices; until then it may still commit."""
    async with api.runtime.dbs.system.read(None) as tx:
        found = await tx.exec(  # type: ignore[call-overload]
            text(
                "select count(*) from pg_stat_activity"
                " where application_name = 'contender' and datname = current_database()"
            )
        )
        return bool(found.scalar_one() == 0)
