"""Enter, renew, leave: what a released visitor does, and what is refused with a reason."""

from datetime import datetime
from typing import Any

import pytest

from app.core.actor import SYSTEM
from app.tenants import service as tenants
from tests.admission.gate import Gate, open_gate
from tests.support.api import Business, GraphQLFailed
from tests.support.verbs import ask


def seconds(start: str, end: str) -> int:
    """From one time of an answer to another, to the second."""
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


async def over(gate: Gate, verb: str, **given: Any) -> str:
    """How an admission ended, by the refusal."""
    refusal = await gate.refused(verb, **given)
    assert refusal["__typename"] == "AdmissionOverError", refusal
    return str(refusal["end"])


async def test_arrive_enter_renew_leave(gate: Gate) -> None:
    joined = await gate.join()
    released = await gate.admission(joined)
    assert (released["state"], released["enteredAt"], released["end"]) == ("RELEASED", None, None)
    assert seconds(released["releasedAt"], released["expiresAt"]) == 60

    entered = await gate.done("admissionEnter", token=released["token"])
    assert (entered["state"], entered["renewedAt"]) == ("INSIDE", None)
    assert seconds(entered["enteredAt"], entered["expiresAt"]) == 600
    assert entered["token"] not in (None, released["token"])
    assert await gate.admission(joined) == {**entered, "revision": entered["revision"]}

    gate.clock.advance(seconds=300)
    renewed = await gate.done("admissionRenew", token=entered["token"])
    assert seconds(entered["expiresAt"], renewed["expiresAt"]) == 300
    assert seconds(renewed["renewedAt"], renewed["expiresAt"]) == 600

    left = await gate.done("admissionLeave", token=renewed["token"])
    assert (left["state"], left["end"], left["token"], left["expiresAt"]) == ("ENDED", "LEFT", None, None)
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 0, "servingCount": 0}
    assert (await gate.events())[1:] == [
        "SESSION_JOINED",
        "SESSION_RELEASED",
        "SESSION_ENTERED",
        "SESSION_RENEWED",
        "SESSION_COMPLETED",
    ]


async def test_who_waits_has_no_admission(gate: Gate) -> None:
    for _ in range(2):
        await gate.join()
    waiting = await gate.join()
    assert waiting.position == 1
    assert await gate.admission(waiting) is None
    refusal = await gate.refused("admissionEnter", waiting.visitor)
    assert (refusal["__typename"], refusal["sessionStatus"]) == ("IllegalTransitionError", "WAITING")


@pytest.mark.parametrize("how", ["leave", "revoke", "stay over", "claim over", "given up"])
async def test_a_place_given_back_is_the_next_ones_with_the_same_commit(gate: Gate, how: str) -> None:
    first, token = await gate.inside()
    second = await gate.join()
    waiting = await gate.join()
    if how == "leave":
        await gate.done("admissionLeave", token=token)
    elif how == "revoke":
        await ask(gate.business.admin, "admissionRevoke", sessionId=first.id)
    elif how == "given up":
        await gate.done("admissionLeave", token=await gate.token(second))
    else:
        await gate.tick(seconds=601 if how == "stay over" else 61)
    assert (await gate.admission(waiting))["state"] == "RELEASED"
    assert (await gate.counts())["waitingCount"] == 0


async def test_a_token_lets_in_once(gate: Gate) -> None:
    """Whoever was sent the link does not get in beside its visitor."""
    joined = await gate.join()
    token = await gate.token(joined)
    entered = await gate.done("admissionEnter", token=token)
    refusal = await gate.refused("admissionEnter", token=token)
    assert (refusal["__typename"], refusal["usedAt"]) == ("AdmissionUsedError", entered["enteredAt"])
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 0, "servingCount": 1}
    # The way back in, for who lost the answer: the waiting page has the token of the stay.
    again = await gate.done("admissionEnter", token=await gate.token(joined))
    assert again == entered
    assert (await gate.events()).count("SESSION_ENTERED") == 1


async def test_whoever_has_the_used_link_gets_no_other_token_for_it(gate: Gate) -> None:
    """The address a visitor came with is in logs and histories: it must not be worth the token of the stay."""
    token = await gate.token(await gate.join())
    entered = await gate.done("admissionEnter", token=token)
    for given in ({}, {"consume": True}):
        refusal = await gate.refused("admissionVerify", token=token, **given)
        assert (refusal["__typename"], refusal["usedAt"]) == ("AdmissionUsedError", entered["enteredAt"])
    assert await over(gate, "admissionRenew", token=token) == "REPLACED"
    gate.clock.advance(seconds=30)
    assert await over(gate, "admissionRenew", token=token) == "REPLACED"
    assert (await gate.events()).count("SESSION_RENEWED") == 0
    # What was found out does not cost the visitor anything.
    assert (await gate.done("admissionRenew", token=entered["token"]))["state"] == "INSIDE"


async def test_a_retry_is_not_taken_for_somebody_else(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    first = await gate.done("admissionEnter", token=token, idempotencyKey="key-1")
    assert await gate.done("admissionEnter", token=token, idempotencyKey="key-1") == first
    assert (await gate.refused("admissionEnter", token=token, idempotencyKey="key-2"))[
        "__typename"
    ] == "AdmissionUsedError"
    other = await gate.token(await gate.join())
    refusal = await gate.refused("admissionEnter", token=other, idempotencyKey="key-1")
    assert refusal["__typename"] == "IdempotencyConflictError"


async def test_too_late_to_enter_even_before_anybody_has_written_it_down(gate: Gate) -> None:
    joined = await gate.join()
    released = await gate.admission(joined)
    gate.clock.advance(seconds=60)
    refusal = await gate.refused("admissionEnter", token=released["token"])
    assert (refusal["end"], refusal["sessionStatus"]) == ("CLAIM_OVER", "CALLED")
    assert refusal["endedAt"] == released["expiresAt"]
    assert "claimSeconds" in refusal["message"]
    gate.clock.advance(seconds=1)
    # A device with the session token is told the same.
    assert (await gate.refused("admissionEnter", joined.visitor))["end"] == "CLAIM_OVER"
    await gate.tick()
    refusal = await gate.refused("admissionEnter", token=released["token"])
    assert (refusal["end"], refusal["sessionStatus"]) == ("CLAIM_OVER", "NO_SHOW")
    ended = await gate.admission(joined)
    assert (ended["state"], ended["end"], ended["token"]) == ("ENDED", "CLAIM_OVER", None)


async def test_the_last_second_of_a_stay(gate: Gate) -> None:
    _, token = await gate.inside()
    # The token says whole seconds: it is over before the stay, never after.
    gate.clock.advance(seconds=599)
    renewed = await gate.done("admissionRenew", token=token)
    gate.clock.advance(seconds=600)
    assert await over(gate, "admissionRenew", token=renewed["token"]) == "STAY_OVER"
    await gate.tick(seconds=1)
    assert await over(gate, "admissionRenew", token=renewed["token"]) == "STAY_OVER"
    assert (await gate.counts())["servingCount"] == 0


async def test_every_token_of_a_stay_will_do_until_it_is_over(gate: Gate) -> None:
    """Several tabs renew at once, and answers get lost."""
    joined, token = await gate.inside()
    gate.clock.advance(seconds=300)
    newer = await gate.done("admissionRenew", token=token)
    # Just renewed: one more tab changes nothing, and gets the token there is.
    assert await gate.done("admissionRenew", token=token) == newer
    assert (await gate.events()).count("SESSION_RENEWED") == 1
    gate.clock.advance(seconds=299)
    await gate.done("admissionRenew", token=token)
    gate.clock.advance(seconds=1)
    assert await over(gate, "admissionRenew", token=token) == "REPLACED"
    assert (await gate.admission(joined))["state"] == "INSIDE"


@pytest.mark.parametrize(("after", "renewals"), [(59, 0), (61, 1)])
async def test_a_renewal_just_after_the_last_changes_nothing(gate: Gate, after: int, renewals: int) -> None:
    _, token = await gate.inside()
    gate.clock.advance(seconds=after)
    await gate.done("admissionRenew", token=token)
    assert (await gate.events()).count("SESSION_RENEWED") == renewals


async def test_renewing_needs_to_be_inside(gate: Gate) -> None:
    refusal = await gate.refused("admissionRenew", token=await gate.token(await gate.join()))
    assert (refusal["__typename"], refusal["allowed"]) == ("IllegalTransitionError", ["SERVING"])


async def test_leaving_twice_is_leaving(gate: Gate) -> None:
    _, token = await gate.inside()
    left = await gate.done("admissionLeave", token=token)
    assert await gate.done("admissionLeave", token=token) == left
    assert (await gate.events()).count("SESSION_COMPLETED") == 1
    assert await over(gate, "admissionEnter", token=token) == "LEFT"


async def test_who_was_released_and_does_not_want_to_enter_has_cancelled(gate: Gate) -> None:
    joined = await gate.join()
    left = await gate.done("admissionLeave", token=await gate.token(joined))
    assert left["end"] == "CANCELLED"
    shown = await joined.visitor("query($id: ID!) { session(id: $id) { status cancelledBy } }", id=joined.id)
    assert shown == {"status": "CANCELLED", "cancelledBy": "VISITOR"}


async def test_the_session_token_will_do_as_well(gate: Gate) -> None:
    joined = await gate.join()
    for verb, state in (("admissionEnter", "INSIDE"), ("admissionRenew", "INSIDE"), ("admissionLeave", "ENDED")):
        answer = await ask(joined.visitor, verb)
        assert answer["admission"]["state"] == state


async def test_a_revoked_admission(gate: Gate) -> None:
    joined, token = await gate.inside()
    revoked = await ask(gate.business.admin, "admissionRevoke", sessionId=joined.id, reason="two accounts")
    assert (revoked["admission"]["end"], revoked["admission"]["token"]) == ("REVOKED", None)
    for verb in ("admissionEnter", "admissionRenew", "admissionLeave", "admissionVerify"):
        assert await over(gate, verb, token=token) == "REVOKED"
    shown = await joined.visitor(
        "query($id: ID!) { session(id: $id) { status cancelledBy cancelReason } }", id=joined.id
    )
    assert shown == {"status": "CANCELLED", "cancelledBy": "STAFF", "cancelReason": "two accounts"}
    again = await gate.refused("admissionRevoke", gate.business.admin, sessionId=joined.id)
    assert again["__typename"] == "IllegalTransitionError"
    assert (await gate.events()).count("SESSION_REVOKED") == 1


async def test_a_reason_too_long_revokes_nothing(gate: Gate) -> None:
    joined, _ = await gate.inside()
    refusal = await gate.refused("admissionRevoke", gate.business.admin, sessionId=joined.id, reason="x" * 501)
    assert (refusal["__typename"], refusal["field"]) == ("InvalidInputError", "reason")
    assert (await gate.counts())["servingCount"] == 1


async def test_back_in_the_line_the_old_tokens_are_void(gate: Gate) -> None:
    """Also when the visitor is released again: a token belongs to one place, and that one was given up."""
    joined = await gate.join()
    token = await gate.token(joined)
    await ask(gate.business.admin, "queueUpdate", queueId=gate.queue, queueAll=True)
    await gate.business.act("sessionReturnToQueue", joined.id)
    assert await over(gate, "admissionEnter", token=token) == "RETURNED"
    assert await gate.admission(joined) is None
    await ask(gate.business.admin, "queueUpdate", queueId=gate.queue, queueAll=False)
    await gate.tick()
    again = await gate.admission(joined)
    assert again["state"] == "RELEASED"
    assert await over(gate, "admissionEnter", token=token) == "RETURNED"
    assert (await gate.done("admissionEnter", token=again["token"]))["state"] == "INSIDE"


async def test_the_tokens_of_an_earlier_stay_are_void(gate: Gate) -> None:
    joined, token = await gate.inside()
    await gate.business.act("sessionReturnToQueue", joined.id)
    again = await gate.admission(joined)
    assert (again["state"], again["enteredAt"], again["renewedAt"]) == ("RELEASED", None, None)
    assert await over(gate, "admissionRenew", token=token) == "RETURNED"
    await gate.done("admissionEnter", token=again["token"])
    assert await over(gate, "admissionRenew", token=token) == "RETURNED"


async def test_transferred_to_another_site(gate: Gate) -> None:
    elsewhere = await open_gate(gate.business, gate.clock)
    joined, token = await gate.inside()
    await gate.business.act("sessionTransfer", joined.id, toQueueId=elsewhere.queue)
    assert await over(gate, "admissionRenew", token=token) == "RETURNED"
    there = await elsewhere.admission(joined)
    assert (there["state"], there["queueId"]) == ("RELEASED", elsewhere.queue)
    assert (await elsewhere.done("admissionEnter", token=there["token"]))["queueId"] == elsewhere.queue


async def test_staff_lets_somebody_in(gate: Gate) -> None:
    """The stay is the same as of those who come by themselves: it ends."""
    joined = await gate.join()
    claim = await gate.token(joined)
    await gate.business.act("sessionStart", joined.id)
    inside = await gate.admission(joined)
    assert seconds(inside["enteredAt"], inside["expiresAt"]) == 600
    assert (await gate.refused("admissionEnter", token=claim))["__typename"] == "AdmissionUsedError"
    await gate.tick(seconds=601)
    assert (await gate.admission(joined))["end"] == "STAY_OVER"


async def test_timers_changed_while_people_are_inside(gate: Gate) -> None:
    joined, token = await gate.inside()
    before = await gate.admission(joined)
    await ask(gate.business.admin, "queueUpdate", queueId=gate.queue, staySeconds=30)
    assert (await gate.admission(joined))["expiresAt"] == before["expiresAt"]
    gate.clock.advance(seconds=300)
    renewed = await gate.done("admissionRenew", token=token)
    assert seconds(renewed["renewedAt"], renewed["expiresAt"]) == 30


async def test_a_stay_without_end_has_tokens_that_end(shop: Business, gate: Gate) -> None:
    endless = await open_gate(shop, gate.clock, staySeconds=None, claimSeconds=None)
    joined, _ = await endless.inside()
    inside = await endless.admission(joined)
    assert inside["expiresAt"] is None
    assert 7 * 86_400 - 1 <= seconds(inside["enteredAt"], inside["tokenExpiresAt"]) <= 7 * 86_400


async def test_a_queue_of_counters_has_no_admissions(gate: Gate) -> None:
    queue = await gate.business.queue()
    counter = await gate.business.counter(queue)
    joined = await gate.business.join(queue)
    await gate.business.call_next(queue, counter)
    assert await gate.admission(joined) is None
    for verb in ("admissionEnter", "admissionRenew", "admissionLeave"):
        assert (await gate.refused(verb, joined.visitor))["__typename"] == "QueueNotMeteredError"
    refusal = await gate.refused("admissionRevoke", gate.business.admin, sessionId=joined.id)
    assert refusal["__typename"] == "QueueNotMeteredError"
    shown = await joined.visitor("query($id: ID!) { session(id: $id) { status } }", id=joined.id)
    assert shown == {"status": "CALLED"}


async def test_who_sees_an_admission_and_who_its_token(gate: Gate, other: Business) -> None:
    joined, token = await gate.inside()
    assert (await gate.admission(joined))["token"] == token
    seen = await gate.admission(joined, gate.business.admin)
    assert (seen["state"], seen["token"]) == ("INSIDE", None)
    for stranger in (other.admin, (await gate.join()).visitor):
        with pytest.raises(GraphQLFailed) as refusal:
            await gate.admission(joined, stranger)
        assert refusal.value.code == "NOT_FOUND"


@pytest.mark.parametrize("verb", ["admissionEnter", "admissionRenew", "admissionLeave"])
async def test_without_any_token_nobody_is_meant(gate: Gate, verb: str) -> None:
    for caller, code in ((gate.site, "UNAUTHENTICATED"), (gate.business.admin, "BAD_USER_INPUT")):
        with pytest.raises(GraphQLFailed) as refusal:
            await ask(caller, verb)
        assert refusal.value.code == code


async def test_revoking_is_for_staff_of_the_tenant(gate: Gate, other: Business) -> None:
    joined, _ = await gate.inside()
    for caller, code in (
        (gate.site, "UNAUTHENTICATED"),
        (joined.visitor, "UNAUTHENTICATED"),
        (other.admin, "NOT_FOUND"),
    ):
        with pytest.raises(GraphQLFailed) as refusal:
            await ask(caller, "admissionRevoke", sessionId=joined.id)
        assert refusal.value.code == code
    assert (await gate.admission(joined))["state"] == "INSIDE"


async def test_of_a_suspended_tenant_nobody_enters(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    async with gate.api.runtime.dbs.system.write(gate.ref.tenant_id, SYSTEM) as tx:
        await tenants.suspend(tx, gate.ref.tenant_id)
    gate.api.runtime.authenticator.forget(gate.ref.tenant_id)
    for verb in ("admissionEnter", "admissionRenew", "admissionLeave", "admissionVerify"):
        with pytest.raises(GraphQLFailed) as refusal:
            await gate.ask(verb, token=token)
        assert refusal.value.code == "FORBIDDEN"


async def test_let_straight_in_the_joins_answer_has_the_admission(gate: Gate) -> None:
    document = (
        "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { ... on QueueJoinSuccess {"
        " session { id status admission { state token expiresAt } } } } }"
    )
    answer = await gate.site(document, i={"queueId": gate.queue})
    admission = answer["session"]["admission"]
    assert (answer["session"]["status"], admission["state"]) == ("CALLED", "RELEASED")
    assert (await gate.done("admissionEnter", token=admission["token"]))["sessionId"] == answer["session"]["id"]
