"""The compiled path and the executed one side by side: the same bytes, document by document, move by move."""

from dataclasses import dataclass
from datetime import UTC
from random import Random
from typing import Any

import pytest

from app.core.actor import Actor, ActorKind
from app.core.ids import decode, new_id
from app.identity.permissions import Permission
from app.sessions.waits.expected import ANYBODY
from app.sessions.waits.fold import Learner, Stored
from tests.fanout.documents import operation_ids, subscription
from tests.fanout.hosts import SCHEMA, Host, Ordinary, tenant_of, visitor
from tests.support.api import Api, Business, Joined
from tests.support.desk import Desk, open_desk
from tests.support.waiting import eventually
from tests.waits.logs import day

DOCUMENTS = 40
SEEDS = 12
# Two are released from the metered one, and nobody knows how long they stay; later ones are not.
KINDS: dict[str, dict[str, Any]] = {
    "served": {},
    "learned": {},
    "new": {},
    "metered": {"mode": "METERED", "maxConcurrentUsers": 2, "graceSeconds": None, "phoneGraceSeconds": None},
}
"""Some four hundred documents in all."""


@dataclass
class Line:
    """A queue with people in front who can go, and one at the end who is watched."""

    desk: Desk
    ahead: list[Joined]
    watched: Joined
    staff: Actor

    async def move(self) -> None:
        await self.desk.do("sessionCancel", self.ahead.pop(0))


async def _line(business: Business, kind: str) -> Line:
    desk = await open_desk(business, **KINDS[kind])
    if kind in ("served", "learned"):
        served = await desk.join()
        await desk.call()
        await business.serve(served.id)
    ahead = [await desk.join() for _ in range(2 * SEEDS)]
    watched = await desk.join(
        partySize=3,
        locale="pt-BR",
        userIdentifier='Ada "%b" 🎫\u2028',
        contact={"email": "ada@example.com"},
        metadata={"%b": ["null", 7, None, {"position": 1, "\\": "%d"}]},
    )
    if kind == "learned":
        await _teach(business.api, desk)
    staff = Actor(ActorKind.USER, tenant_of(desk.queue), new_id(), frozenset(Permission))
    return Line(desk, ahead, watched, staff)


async def _teach(api: Api, desk: Desk) -> None:
    """Let its line know what another has learned: P50 and P90 are shown."""
    learner = Learner.at_rest(0, Stored(), UTC)
    learner.learn(day(seed=1, events=900), {})
    line = (await api.runtime.lines.get(*decode("Queue", desk.queue))).line
    line.take_up(learner.memory, 1)
    await desk.join()
    assert line.expected.of(0, ANYBODY).p90_seconds is not None


@pytest.fixture(scope="module")
async def lines(api: Api) -> list[Line]:
    """Where means are known, P50 and P90 too, where nothing is, and where it is for whoever is near the head."""
    business = await api.new_business()
    return [await _line(business, kind) for kind in KINDS]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_hundreds_of_documents_give_the_same_bytes_on_both_paths(api: Api, lines: list[Line], seed: int) -> None:
    random = Random(seed)
    line = lines[seed // 3 % len(lines)]
    actor = line.staff if seed % 3 == 0 else visitor(line.watched)
    documents = [subscription(random, line.watched.id) for _ in range(DOCUMENTS)]
    ids = operation_ids(random, DOCUMENTS)
    rendering, executing = Host(api, actor), Host(api, actor, Ordinary(SCHEMA))
    hosts = rendering, executing
    try:
        for host in hosts:
            for id, document in zip(ids, documents, strict=True):
                host.subscribe(document.query, document.variables, id)
        for host in hosts:
            await eventually(lambda host=host: len(host.outlet.messages) == DOCUMENTS)
        looking_up = sum(document.looks_up for document in documents)
        await eventually(lambda: rendering.running <= looking_up)
        for moves in (1, 2):
            await line.move()
            for host in hosts:
                await eventually(lambda host=host, moves=moves: len(host.outlet.messages) == DOCUMENTS * (1 + moves))
        for id in ids:
            assert rendering.messages(id) == executing.messages(id)
        assert any(len(set(rendering.messages(id))) == 3 for id in ids), "they have moved, twice"
    finally:
        for host in hosts:
            await host.close()
