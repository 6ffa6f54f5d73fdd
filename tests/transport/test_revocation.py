"""Sockets of people who are no longer welcome, over a real bus."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from app.api import sockets as sockets_module
from app.api.sockets import Sockets
from app.core.actor import Actor
from app.core.errors import Forbidden, TokenExpired, Unauthenticated
from app.core.live.bus import Bus
from tests.live.servers import Valkey
from tests.live.test_bus import FAST
from tests.support.waiting import eventually
from tests.support.ws_client import WsClient, ws_client
from tests.transport.toy import TENANT, Toy, toy_app


@pytest.fixture(scope="module")
async def valkey() -> AsyncIterator[Valkey]:
    server = Valkey()
    await server.start()
    yield server
    server.close()


@pytest.fixture
async def bus(valkey: Valkey) -> AsyncIterator[Bus]:
    bus = Bus(valkey.url, timing=FAST)
    await bus.start()
    yield bus
    await bus.stop()


class Judge:
    """Stands for the authenticator: says what it is told of each actor."""

    def __init__(self) -> None:
        self.verdicts: dict[Actor, Actor | Exception] = {}
        self.asked: list[Actor] = []

    async def __call__(self, actor: Actor) -> Actor:
        self.asked.append(actor)
        verdict = self.verdicts.get(actor, actor)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


async def watching(bus: Bus, topic: str) -> None:
    """Wait until this process listens to a topic."""
    await eventually(lambda: f"vq:{topic}" in bus._backend._active)


async def test_a_message_on_the_tenants_topic_closes_who_is_no_longer_good(bus: Bus, the_toy: Toy) -> None:
    judge = Judge()
    stale: list[UUID] = []
    sockets = Sockets(bus=bus, reauthenticate=judge, on_change=stale.append)
    app = toy_app(sockets=sockets)
    revoked, expired, changed, fine = (the_toy.actor(name) for name in ("revoked", "expired2", "changed", "fine"))
    async with (
        ws_client(app, "revoked") as first,
        ws_client(app, "expired2") as second,
        ws_client(app, "changed") as third,
        ws_client(app, "fine") as fourth,
    ):
        await watching(bus, f"tenant:{TENANT}")
        await eventually(lambda: stale == [TENANT])  # looked at once, when the topic was watched
        judge.verdicts = {
            revoked: Unauthenticated("Signed out."),
            expired: TokenExpired(),
            changed: replace(changed, permissions=frozenset()),
            fine: replace(fine),
        }
        await bus.publish(f"tenant:{TENANT}", "{}")
        assert (await first.closed()).code == 4401
        assert (await second.closed()).code == 4403
        assert (await third.closed()).code == 4403
        assert await (await fourth.subscribe("{ hello }")).item() == "hello world"
        assert sockets.count == 1
        assert stale == [TENANT, TENANT]
    await sockets.stop()


async def test_other_tenants_and_strangers_are_left_alone(bus: Bus, the_toy: Toy) -> None:
    judge = Judge()
    sockets = Sockets(bus=bus, reauthenticate=judge)
    app = toy_app(sockets=sockets)
    other = uuid4()
    the_toy.actor("theirs", tenant_id=other)
    mine = the_toy.actor("mine")
    async with ws_client(app, "theirs") as theirs, ws_client(app) as stranger, ws_client(app, "mine") as own:
        await watching(bus, f"tenant:{TENANT}")
        await watching(bus, f"tenant:{other}")
        # Each was looked at again once their tenant's topic was watched.
        await eventually(lambda: len(judge.asked) == 2)
        judge.asked.clear()
        judge.verdicts = {mine: Forbidden("Suspended.")}
        await bus.publish(f"tenant:{TENANT}", "{}")
        assert (await own.closed()).code == 4401
        assert judge.asked == [mine]
        for client in (theirs, stranger):
            assert await (await client.subscribe("{ hello }")).item() == "hello world"
    await sockets.stop()


async def test_a_gap_in_the_bus_counts_as_a_message(bus: Bus, valkey: Valkey, the_toy: Toy) -> None:
    judge = Judge()
    sockets = Sockets(bus=bus, reauthenticate=judge)
    revoked = the_toy.actor("revoked")
    async with ws_client(toy_app(sockets=sockets), "revoked") as client:
        await watching(bus, f"tenant:{TENANT}")
        await eventually(lambda: judge.asked == [revoked])
        judge.verdicts = {revoked: Unauthenticated("Signed out.")}
        valkey.kill()
        await valkey.start()
        assert (await client.closed()).code == 4401
    await sockets.stop()


async def test_who_was_let_in_by_what_was_remembered_is_judged_again_at_once(bus: Bus, the_toy: Toy) -> None:
    judge = Judge()
    sockets = Sockets(bus=bus, reauthenticate=judge)
    judge.verdicts = {the_toy.actor("late"): Unauthenticated("Signed out.")}
    async with ws_client(toy_app(sockets=sockets), "late") as client:
        assert (await client.closed()).code == 4401  # nothing was published
    await sockets.stop()


class Door:
    """Stands for `ensure_tenant_open`."""

    def __init__(self) -> None:
        self.closed: set[UUID] = set()
        self.asked: list[UUID] = []

    async def __call__(self, tenant_id: UUID) -> None:
        self.asked.append(tenant_id)
        if tenant_id in self.closed:
            raise Forbidden("Not serving at the moment.")


async def visit(client: WsClient, tenant_id: UUID) -> bool:
    """Look at something of a tenant; whether that was new."""
    document = "query($tenant: UUID!) { visit(tenant: $tenant) }"
    return bool(await (await client.subscribe(document, {"tenant": str(tenant_id)})).item())


async def test_a_tenant_that_closes_closes_the_sockets_of_all_who_look_at_it(bus: Bus, the_toy: Toy) -> None:
    door, other, third = Door(), uuid4(), uuid4()
    sockets = Sockets(bus=bus, reauthenticate=Judge(), ensure_open=door)
    app = toy_app(sockets=sockets)
    the_toy.actor("theirs", tenant_id=other)
    the_toy.actor("own", tenant_id=TENANT)
    async with (
        ws_client(app) as stranger,
        ws_client(app, "theirs") as theirs,
        ws_client(app, "own") as own,
        ws_client(app) as bystander,
    ):
        assert await visit(stranger, other)
        assert await visit(stranger, TENANT)
        assert not await visit(stranger, TENANT)
        assert await visit(theirs, TENANT)
        assert not await visit(own, TENANT)  # that one is authenticated again
        assert await visit(bystander, third)
        for tenant_id in (TENANT, other, third):
            await watching(bus, f"tenant:{tenant_id}")
        door.closed.add(TENANT)
        for tenant_id in (other, third, TENANT):
            await bus.publish(f"tenant:{tenant_id}", "{}")
        for client in (stranger, theirs):
            closed = await client.closed()
            assert (closed.code, closed.reason) == (4403, "Not serving at the moment.")
        for client in (own, bystander):
            assert await (await client.subscribe("{ hello }")).item() == "hello world"
    await eventually(lambda: not {f"vq:tenant:{id}" for id in (TENANT, other, third)} & set(bus._backend._active))
    await sockets.stop()


async def test_a_tenant_that_closed_before_its_topic_was_watched_closes_them_too(bus: Bus, the_toy: Toy) -> None:
    door = Door()
    sockets = Sockets(bus=bus, reauthenticate=Judge(), ensure_open=door)
    async with ws_client(toy_app(sockets=sockets)) as stranger:
        door.closed.add(TENANT)
        assert await visit(stranger, TENANT)
        assert (await stranger.closed()).code == 4403
    await sockets.stop()


async def test_a_tenant_that_cannot_be_looked_up_is_looked_up_again(
    bus: Bus, the_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets_module, "_RETRY_SECONDS", 0.02)
    asked: list[UUID] = []

    async def away(tenant_id: UUID) -> None:
        asked.append(tenant_id)
        if len(asked) < 3:
            raise ConnectionError("database away")
        raise Forbidden("Not serving at the moment.")

    sockets = Sockets(bus=bus, reauthenticate=Judge(), ensure_open=away)
    async with ws_client(toy_app(sockets=sockets)) as stranger:
        assert await visit(stranger, TENANT)
        assert (await stranger.closed()).code == 4403
    assert asked == [TENANT] * 3
    await sockets.stop()


async def test_who_cannot_be_judged_now_is_judged_again(
    bus: Bus, the_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets_module, "_RETRY_SECONDS", 0.02)
    judge = Judge()
    sockets = Sockets(bus=bus, reauthenticate=judge)
    actor = the_toy.actor("unlucky")
    judge.verdicts = {actor: ConnectionError("database away")}
    async with ws_client(toy_app(sockets=sockets), "unlucky") as client:
        await watching(bus, f"tenant:{TENANT}")
        await bus.publish(f"tenant:{TENANT}", "{}")
        await eventually(lambda: len(judge.asked) >= 3)
        assert await (await client.subscribe("{ hello }")).item() == "hello world"
        judge.verdicts = {actor: Unauthenticated("Signed out.")}
        assert (await client.closed()).code == 4401
    await sockets.stop()


async def test_the_watch_ends_with_the_tenants_last_socket(bus: Bus, the_toy: Toy) -> None:
    sockets = Sockets(bus=bus, reauthenticate=Judge())
    app = toy_app(sockets=sockets)
    the_toy.actor("a")
    the_toy.actor("b")
    before = asyncio.all_tasks()
    async with ws_client(app, "a"):
        async with ws_client(app, "b"):
            await watching(bus, f"tenant:{TENANT}")
        assert f"vq:tenant:{TENANT}" in bus._backend._active
    await eventually(lambda: f"vq:tenant:{TENANT}" not in bus._backend._active)
    await eventually(lambda: asyncio.all_tasks() <= before)
    await sockets.stop()


async def test_one_actors_sockets_are_closed_at_once_without_the_bus(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets)
    gone = the_toy.actor("gone")
    the_toy.actor("stays")
    async with ws_client(app, "gone") as one, ws_client(app, "gone") as two, ws_client(app, "stays") as other:
        await sockets.on_revoked(gone)
        assert [(await one.closed()).code, (await two.closed()).code] == [4401, 4401]
        assert await (await other.subscribe("{ hello }")).item() == "hello world"
    await sockets.stop()
