"""Many at once: one enters with a token, one consumes it, and who is too late is too late."""

import asyncio
from collections import Counter
from typing import Any

from app.admission import service
from app.admission.service import Bearer
from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from tests.admission.gate import Gate, open_gate
from tests.support.api import Business, key_of
from tests.support.verbs import ask

CONTENDERS = 12


async def answers(gate: Gate, verb: str, count: int = CONTENDERS, **given: Any) -> Counter[str]:
    """What so many get who ask at once."""
    found = await asyncio.gather(*[gate.ask(verb, **given) for _ in range(count)])
    return Counter(answer["__typename"] for answer in found)


async def test_one_of_many_enters_with_a_token(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    assert await answers(gate, "admissionEnter", token=token) == {
        "AdmissionEnterSuccess": 1,
        "AdmissionUsedError": CONTENDERS - 1,
    }
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 0, "servingCount": 1}


async def test_one_of_many_consumes_a_token(gate: Gate) -> None:
    _, token = await gate.inside()
    assert await answers(gate, "admissionVerify", token=token, consume=True) == {
        "AdmissionVerifySuccess": 1,
        "AdmissionUsedError": CONTENDERS - 1,
    }


async def test_tries_of_one_key_are_one_try(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    assert await answers(gate, "admissionEnter", token=token, idempotencyKey="once") == {
        "AdmissionEnterSuccess": CONTENDERS
    }
    assert (await gate.events()).count("SESSION_ENTERED") == 1


async def test_tabs_that_renew_at_once_are_one_renewal(gate: Gate) -> None:
    _, token = await gate.inside()
    gate.clock.advance(seconds=300)
    found = await asyncio.gather(*[gate.done("admissionRenew", token=token) for _ in range(CONTENDERS)])
    assert len({one["token"] for one in found}) == 1
    assert (await gate.events()).count("SESSION_RENEWED") == 1


async def test_leaving_and_revoking_at_once_frees_one_place(gate: Gate) -> None:
    joined, token = await gate.inside()
    left, revoked = await asyncio.gather(
        gate.ask("admissionLeave", token=token),
        ask(gate.business.admin, "admissionRevoke", sessionId=joined.id),
    )
    assert sorted([left["__typename"].endswith("Success"), revoked["__typename"].endswith("Success")]) == [False, True]
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 0, "servingCount": 0}


async def test_entering_while_the_clockwork_ends_the_window(gate: Gate) -> None:
    """Whoever holds the line first decides, and both say the same: the window is over."""
    joined = await gate.join()
    token = await gate.token(joined)
    gate.clock.advance(seconds=61)
    refusal, _ = await asyncio.gather(gate.refused("admissionEnter", token=token), gate.tick())
    assert refusal["end"] == "CLAIM_OVER"
    assert (await gate.admission(joined))["state"] == "ENDED"


async def test_a_crowd_that_comes_and_goes_never_exceeds_the_cap(shop: Business, gate: Gate) -> None:
    """Everybody gets in once, with a token of their own; the log shows who was inside at any time."""
    small = await open_gate(shop, gate.clock, maxConcurrentUsers=3)
    waiting = [await small.join() for _ in range(20)]
    tokens: list[str] = []

    async def visit(token: str) -> None:
        entered = await small.done("admissionEnter", token=token)
        tokens.extend((token, entered["token"]))
        await small.done("admissionLeave", token=entered["token"])

    while waiting:
        admissions = {joined: await small.admission(joined) for joined in waiting}
        released = {joined: admission["token"] for joined, admission in admissions.items() if admission is not None}
        assert 1 <= len(released) <= 3, "a place that is free is somebody's"
        await asyncio.gather(*map(visit, released.values()))
        waiting = [joined for joined in waiting if joined not in released]
    assert len(set(tokens)) == 40
    async with small.api.runtime.dbs.app.read(small.ref.tenant_id) as tx:
        lines = await tx.rows(
            "select data->'line' as line from events where aggregate_id = $1 order by revision", small.ref.id
        )
    inside = [line["called_count"] + line["serving_count"] for (line,) in lines]
    assert max(inside) == 3
    assert inside[-1] == 0


async def test_a_process_that_dies_in_the_middle_lets_nobody_in(gate: Gate) -> None:
    """Before the commit nothing has happened; after it the token follows from the row, whoever signs it."""
    joined = await gate.join()
    token = await gate.token(joined)
    settings = gate.api.runtime.settings
    dying = Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=1, clock=gate.clock)
    bearer = Bearer(gate.ref.tenant_id, key_of("Session", joined.id))
    entering = asyncio.Event()

    async def enter_and_hang() -> None:
        async with dying.write(gate.ref.tenant_id, bearer.actor) as tx:
            await service.enter(tx, bearer)
            entering.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(enter_and_hang())
    await entering.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await dying.dispose()
    assert await gate.token(joined) == token
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 1, "servingCount": 0}
    # Committed, and dead before the answer: whoever asks next is given what the answer would have held.
    async with gate.api.runtime.dbs.app.write(gate.ref.tenant_id, bearer.actor) as tx:
        await service.enter(tx, bearer)
    inside = await gate.token(joined)
    assert (await gate.done("admissionRenew", token=inside))["token"] == inside
    assert (await gate.refused("admissionEnter", token=token))["__typename"] == "AdmissionUsedError"
