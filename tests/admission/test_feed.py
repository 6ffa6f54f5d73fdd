"""`admissionChanged`: the state as it is, then every step with its token, and no move of the line."""

from typing import Any

import pytest

from app.admission import service
from app.admission.service import Bearer
from tests.admission.gate import ADMISSION, Gate, open_gate
from tests.support.api import Business, Caller, Joined, key_of
from tests.support.feeds import watching
from tests.support.verbs import ask, done
from tests.support.waiting import eventually
from tests.support.ws_client import OperationFailed


def feed(joined: Joined) -> tuple[str, dict[str, Any]]:
    """The subscription."""
    return f"subscription($id: ID!) {{ admissionChanged(sessionId: $id) {{ {ADMISSION} }} }}", {"id": joined.id}


def steps(items: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """State and end of each item."""
    return [(item["state"], item["end"]) for item in items]


async def test_from_the_line_to_the_end(gate: Gate) -> None:
    _, first = await gate.inside()
    await gate.inside()
    ahead, joined = await gate.join(), await gate.join()
    async with watching(joined.visitor, feed(joined)) as (watched,):
        await watched.started()
        assert watched.items[0]["state"] == "WAITING"
        assert (watched.items[0]["token"], watched.items[0]["releasedAt"]) == (None, None)
        # A move, a change of the queue, and somebody else's release are nothing of this admission.
        await gate.business.act("sessionCancel", ahead.id, ahead.visitor)
        await ask(gate.business.admin, "queueUpdate", queueId=gate.queue, announcement="soon")
        await gate.done("admissionLeave", token=first)
        await watched.shows(state="RELEASED")
        assert watched.last == await gate.admission(joined)
        entered = await gate.done("admissionEnter", token=watched.last["token"])
        await watched.shows(state="INSIDE")
        assert watched.last["token"] == entered["token"]
        await done(gate.business.admin, "sessionAddNote", sessionId=joined.id, text="nothing to see")
        gate.clock.advance(seconds=120)
        renewed = await gate.done("admissionRenew", token=entered["token"])
        await eventually(lambda: watched.last["token"] == renewed["token"])
        await gate.tick(seconds=601)
        await eventually(lambda: watched.over)
    assert steps(watched.items) == [
        ("WAITING", None),
        ("RELEASED", None),
        ("INSIDE", None),
        ("INSIDE", None),
        ("ENDED", "STAY_OVER"),
    ]
    revisions = [item["revision"] for item in watched.items]
    assert revisions == sorted(set(revisions))


async def test_what_happens_between_two_looks_is_told_in_order(gate: Gate) -> None:
    joined = await gate.join()
    bearer = Bearer(gate.ref.tenant_id, key_of("Session", joined.id))
    async with watching(joined.visitor, feed(joined)) as (watched,):
        await watched.started()
        # One commit: both steps are there at once.
        async with gate.api.runtime.dbs.app.write(gate.ref.tenant_id, bearer.actor) as tx:
            await service.enter(tx, bearer)
            await service.leave(tx, bearer)
        await eventually(lambda: watched.over)
    assert steps(watched.items) == [("RELEASED", None), ("INSIDE", None), ("ENDED", "LEFT")]
    assert watched.items[1]["token"] is not None


async def test_of_an_ended_one_the_end_is_all_there_is(gate: Gate) -> None:
    joined, token = await gate.inside()
    await gate.done("admissionLeave", token=token)
    async with watching(joined.visitor, feed(joined)) as (watched,):
        await watched.started()
        await eventually(lambda: watched.over)
    assert steps(watched.items) == [("ENDED", "LEFT")]


async def test_it_follows_to_another_queue(gate: Gate) -> None:
    elsewhere = await open_gate(gate.business, gate.clock)
    joined, _ = await gate.inside()
    async with watching(joined.visitor, feed(joined)) as (watched,):
        await watched.started()
        await gate.business.act("sessionTransfer", joined.id, toQueueId=elsewhere.queue)
        await watched.shows(state="RELEASED", queueId=elsewhere.queue)
        await elsewhere.done("admissionEnter", token=watched.last["token"])
        await watched.shows(state="INSIDE", queueId=elsewhere.queue)
        assert watched.last == await gate.admission(joined)


async def test_staff_sees_the_steps_and_no_token(gate: Gate) -> None:
    joined = await gate.join()
    async with watching(gate.business.admin, feed(joined)) as (watched,):
        await watched.started()
        await ask(joined.visitor, "admissionEnter")
        await watched.shows(state="INSIDE")
    assert [item["token"] for item in watched.items] == [None, None]


async def test_nobody_else_looks(gate: Gate, other: Business) -> None:
    joined, neighbour = await gate.join(), await gate.join()
    callers: list[tuple[Caller, str]] = [
        (gate.site, "UNAUTHENTICATED"),
        (neighbour.visitor, "NOT_FOUND"),
        (other.admin, "NOT_FOUND"),
    ]
    for caller, code in callers:
        async with caller.socket() as socket:
            with pytest.raises(OperationFailed) as refusal:
                await (await socket.subscribe(*feed(joined))).payload()
            assert refusal.value.errors[0]["extensions"]["code"] == code


async def test_the_session_feed_shows_it_too(gate: Gate) -> None:
    """The waiting page needs one feed: position while waiting, the token when it comes. Parked while it waits."""
    _, token = await gate.inside()
    await gate.inside()
    joined = await gate.join()
    document = "subscription($id: ID!) { sessionChanged(sessionId: $id) { position admission { state token } } }"
    async with watching(joined.visitor, (document, {"id": joined.id})) as (watched,):
        await watched.started()
        assert watched.items == [{"position": 1, "admission": None}]
        await gate.done("admissionLeave", token=token)
        await eventually(lambda: watched.last["admission"] is not None)
        assert watched.last["admission"] == {"state": "RELEASED", "token": await gate.token(joined)}


async def test_nothing_is_left_behind(gate: Gate) -> None:
    joined = await gate.join()
    live = await gate.api.runtime.lines.get(gate.ref.tenant_id, gate.ref.id)
    async with watching(joined.visitor, feed(joined)) as (watched,):
        await watched.started()
        assert live.watching
    await eventually(lambda: not live.watching)
