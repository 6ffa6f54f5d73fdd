"""The agents' waiting: nobody is left sleeping while somebody waits, and nobody asks in circles."""

import asyncio

from app.replay.floor import Floor

NEVER = 30.0


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def idle(floor: Floor, count: int) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(floor.until_somebody_waits(NEVER)) for _ in range(count)]
    await settle()
    assert floor.idle == count
    return tasks


async def test_as_many_are_woken_as_people_wait_the_longest_idle_first() -> None:
    floor = Floor()
    agents = await idle(floor, 3)
    floor.update(waiting=2, revision=1)
    await settle()
    assert [agent.done() for agent in agents] == [True, True, False]
    floor.update(waiting=2, revision=2)
    await settle()
    assert not agents[2].done()
    floor.close()
    assert [await agent for agent in agents] == [True, True, False]


async def test_who_comes_while_somebody_waits_asks_at_once() -> None:
    floor = Floor(waiting=1, revision=1)
    assert await floor.until_somebody_waits(NEVER)
    (second,) = await idle(floor, 1)
    await settle()
    assert not second.done()
    floor.close()
    await second


async def test_a_call_the_feed_has_not_brought_yet_counts() -> None:
    floor = Floor(waiting=1, revision=5)
    assert await floor.until_somebody_waits(NEVER)
    floor.asked(5, 6)
    assert floor.waiting == 0
    floor.update(waiting=0, revision=6)
    assert floor.waiting == 0


async def test_a_call_the_feed_has_already_brought_is_not_counted_twice() -> None:
    floor = Floor(waiting=2, revision=5)
    assert await floor.until_somebody_waits(NEVER)
    floor.update(waiting=1, revision=6)
    floor.asked(5, 6)
    assert floor.waiting == 1
    assert await floor.until_somebody_waits(NEVER)


async def test_nobody_waiting_is_believed_until_there_is_news() -> None:
    floor = Floor(waiting=1, revision=5)
    assert await floor.until_somebody_waits(NEVER)
    floor.asked(5, None)
    (agent,) = await idle(floor, 1)
    await settle()
    assert not agent.done()
    floor.update(waiting=1, revision=6)
    assert await agent


async def test_news_that_came_while_asking_is_not_forgotten() -> None:
    floor = Floor(waiting=1, revision=5)
    assert await floor.until_somebody_waits(NEVER)
    floor.update(waiting=1, revision=6)
    floor.asked(5, None)
    assert await floor.until_somebody_waits(NEVER)


async def test_an_older_state_changes_nothing() -> None:
    floor = Floor(waiting=0, revision=9)
    floor.update(waiting=4, revision=8)
    assert (floor.waiting, floor.revision) == (0, 9)


async def test_time_out_gives_the_agent_back_and_leaves_no_place_behind() -> None:
    floor = Floor()
    assert not await floor.until_somebody_waits(0.0)
    assert floor.idle == 0
    floor.update(waiting=1, revision=1)
    assert await floor.until_somebody_waits(NEVER)


async def test_an_agent_who_is_sent_away_after_being_woken_passes_the_turn_on() -> None:
    floor = Floor()
    first, second = await idle(floor, 2)
    floor.update(waiting=1, revision=1)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert await second


async def test_a_closed_floor_keeps_nobody() -> None:
    floor = Floor()
    agents = await idle(floor, 2)
    floor.close()
    assert [await agent for agent in agents] == [False, False]
    assert not await floor.until_somebody_waits(NEVER)
