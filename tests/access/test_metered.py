"""Lists and codes in metered queues: first in line, and never past the cap."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.access import service as access
from app.access.codes import CodeSigner
from app.access.errors import InvitationRequired
from app.access.models import AccessCodeKind, AccessList
from app.access.service import CodeConfig
from app.sessions import service
from app.sessions.service import JoinRequest
from app.settings import Settings
from tests.metered.world import Opened, World, open_worlds
from tests.support.queue_logs import disagreements


@pytest.fixture
async def opened(migrated_settings: Settings) -> AsyncIterator[Opened]:
    """Makes worlds, of one tenant; their connections end with the test."""
    worlds = await open_worlds(migrated_settings)
    yield worlds
    for db in worlds.databases:
        await db.dispose()


async def code(world: World, kind: AccessCodeKind, **given: Any) -> int:
    """The serial number of a new code."""
    (made,) = await world.do(access.create_codes, world.queue.id, CodeConfig(kind, **given))
    return int(made.serial)


async def sound(world: World) -> None:
    assert disagreements(await world.stored()) == []


async def test_the_bypassed_wait_for_a_free_place_and_get_the_next(opened: Opened) -> None:
    """Nobody goes past the cap, whatever they bring: the cap is full, so everybody waits."""
    world = await opened.world(max_concurrent_users=2, release_rate_per_minute=600, claim_seconds=60)
    await world.do(access.add_entries, world.queue.id, AccessList.BYPASS, ["ada"])
    inside = await world.crowd(2)
    await world.after(5)
    waiting = await world.crowd(3)
    bypassing = await code(world, AccessCodeKind.BYPASS)
    privileged = await code(world, AccessCodeKind.PRIORITY, priority=9)
    coded = await world.join(code=privileged)
    ada = await world.join(user_identifier="ada")
    brought = await world.join(code=bypassing)
    await world.after(5)
    assert await world.statuses([*inside, ada, brought, coded, *waiting]) == ["CALLED"] * 2 + ["WAITING"] * 6
    for expected in ([ada], [ada, brought], [ada, brought, coded], [ada, brought, coded, waiting[0]]):
        left = inside.pop(0) if inside else expected[-3]
        await world.enter(left)
        await world.leave(left)
        await world.after(1)
        statuses = await world.statuses([ada, brought, coded, *waiting])
        assert statuses.count("WAITING") == 6 - len(expected), "one for one"
        assert "WAITING" not in await world.statuses(expected), "in this order"
        line = (await world.stored()).line
        assert line.called_count + line.serving_count <= 2
    await sound(world)


async def test_a_code_brought_while_waiting_releases_nobody(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=1, claim_seconds=60)
    (inside,) = await world.crowd(1)
    first, second = await world.crowd(2)
    (made,) = await world.do(access.create_codes, world.queue.id, CodeConfig(AccessCodeKind.BYPASS))
    signer = CodeSigner(opened.settings.secret)
    await world.do(service.use_code, second.id, signer, signer.text(*world.queue, made.serial))
    await world.after(5)
    assert await world.statuses([inside, first, second]) == ["CALLED", "WAITING", "WAITING"]
    await world.enter(inside)
    await world.leave(inside)
    assert await world.statuses([inside, first, second]) == ["COMPLETED", "WAITING", "CALLED"]
    await sound(world)


async def test_the_invited_are_let_straight_in_where_there_is_a_place(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=2, claim_seconds=60, invited_only=True)
    await world.do(access.add_entries, world.queue.id, AccessList.INVITE, ["ada"])
    refused = await world.do(service.join, JoinRequest(world.queue.id))
    assert isinstance(refused, InvitationRequired)
    ada = await world.join(user_identifier="ada")
    assert await world.statuses([ada]) == ["CALLED"]
    await sound(world)
