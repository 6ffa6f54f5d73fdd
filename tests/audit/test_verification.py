"""The log is held against its seals: whatever an intruder with the database in hands does to it is found and named."""

from uuid import UUID, uuid4

import pytest

from app.audit.verification import Finding, FindingKind, Verdict
from app.core.events.seals import sealing_key
from app.core.ids import decode
from tests.audit.conftest import Tamper, Verify
from tests.support.api import Api, Business
from tests.support.holdings import holdings


@pytest.fixture
async def tenant(business: Business) -> UUID:
    """A tenant with a log: its creation, users, a queue, people who came, a counter that called."""
    queue = await business.queue(name="Passports")
    counter = await business.counter(queue)
    await business.admin(
        "mutation($i: ShiftStartInput!) { shiftStart(input: $i) { __typename } }", i={"counterId": counter}
    )
    for _ in range(3):
        await business.join(queue)
    await business.call_next(queue, counter)
    return decode("Queue", queue).tenant_id


def kinds(verdict: Verdict) -> set[FindingKind]:
    return {finding.kind for finding in verdict.findings}


async def test_an_untouched_log_is_whole(tenant: UUID, check: Verify) -> None:
    verdict = await check(tenant)
    assert verdict.findings == []
    assert verdict.event_count >= 9
    assert verdict.erased_count == 0
    assert verdict.head.number > 0
    assert (await check(tenant, verdict.head)).findings == []


async def test_whatever_a_business_does_leaves_a_whole_log(api: Api, check: Verify) -> None:
    """No verb raises a revision without an event, or records one without raising it."""
    held = await holdings(api)
    assert (await check(held.tenant_id)).findings == []


EDITS = {
    "what happened": "type = 'SESSION_LEFT'",
    "its data": "data = jsonb_set(data, '{line,waiting_count}', '7')",
    "who": "actor = 'USER:' || gen_random_uuid()",
    "the request": "request_id = 'another'",
    "what changed": """changes = '{"name": {"before": "a", "after": "b"}}'""",
    "where from": "address = '192.0.2.1'",
    "with what": "agent = 'another'",
    "only half of where from": "address = null, agent = 'another'",
    "its id": "id = gen_random_uuid()",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
async def test_an_edited_event_is_found(tenant: UUID, check: Verify, tamper: Tamper, edit: str) -> None:
    await check(tenant)
    (row,) = await tamper(
        f"update events set {edit} where tenant_id = $1 and type = 'SESSION_CALLED' returning aggregate_id, revision",
        tenant,
    )
    (finding,) = (await check(tenant)).findings
    assert finding.kind is FindingKind.EVENT_CHANGED
    assert finding.place.startswith(f"queue {row['aggregate_id']}, revision {row['revision']}, of ")


async def test_a_deleted_event_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    await tamper("delete from events where tenant_id = $1 and type = 'QUEUE_STAFFING_CHANGED'", tenant)
    assert kinds(await check(tenant)) == {FindingKind.EVENT_MISSING, FindingKind.REVISION_MISSING}


async def test_an_event_that_was_slipped_in_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    await tamper(
        "insert into events select tenant_id, aggregate_type, gen_random_uuid(), 1, occurred_at, gen_random_uuid(),"
        " type, data, actor, request_id, now() from events where tenant_id = $1 and type = 'SESSION_CALLED'",
        tenant,
    )
    assert kinds(await check(tenant)) == {FindingKind.EVENT_ADDED}


async def test_a_double_that_the_relay_has_sealed_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    await tamper(
        "insert into events select tenant_id, aggregate_type, aggregate_id, revision, "
        " occurred_at + interval '1 second', gen_random_uuid(), type, data, actor, request_id"
        " from events where tenant_id = $1 and type = 'SESSION_CALLED'",
        tenant,
    )
    assert kinds(await check(tenant)) == {FindingKind.REVISION_MISSING}


async def test_events_that_changed_places_are_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    joins = await tamper(
        "select revision, occurred_at from events where tenant_id = $1 and type = 'SESSION_JOINED' order by revision",
        tenant,
    )
    (first, first_at), (second, second_at) = joins[0].values(), joins[1].values()
    move = "update events set revision = $3, occurred_at = $4 where tenant_id = $1 and revision = $2 and type like 'S%'"
    await tamper(move, tenant, first, -1, first_at)
    await tamper(move, tenant, second, first, first_at)
    await tamper(move, tenant, -1, second, second_at)
    verdict = await check(tenant)
    assert [finding.kind for finding in verdict.findings] == [FindingKind.EVENT_CHANGED] * 2


async def test_an_edited_seal_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    number = (await check(tenant)).head.number
    await tamper(
        "update event_seals set digests = set_byte(digests, 3, 255 - get_byte(digests, 3)) where tenant_id = $1"
        " and number = 1",
        tenant,
    )
    assert number > 1
    assert kinds(await check(tenant)) == {FindingKind.SEAL_CHANGED, FindingKind.EVENT_CHANGED}


async def test_a_deleted_seal_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    await tamper("delete from event_seals where tenant_id = $1 and number = 1", tenant)
    assert kinds(await check(tenant)) == {
        FindingKind.SEAL_MISSING,
        FindingKind.SEAL_CHANGED,
        FindingKind.EVENT_ADDED,
    }


async def test_an_end_that_was_cut_off_with_its_seals_is_found(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    whole = await check(tenant)
    (called,) = await tamper(
        "select revision, occurred_at from events where tenant_id = $1 and type = 'SESSION_CALLED'", tenant
    )
    seals = await tamper("select number, times from event_seals where tenant_id = $1 order by number", tenant)
    cut = next(seal["number"] for seal in seals if called["occurred_at"] in seal["times"])
    gone = [at for seal in seals if seal["number"] >= cut for at in seal["times"]]
    await tamper("delete from event_seals where tenant_id = $1 and number >= $2", tenant, cut)
    await tamper("delete from events where tenant_id = $1 and occurred_at = any ($2)", tenant, gone)
    assert kinds(await check(tenant)) == {FindingKind.REVISION_MISSING}
    assert kinds(await check(tenant, whole.head)) == {FindingKind.REVISION_MISSING, FindingKind.HEAD_UNKNOWN}


async def test_a_chain_made_without_the_secret_does_not_fit(tenant: UUID, check: Verify) -> None:
    verdict = await check(tenant, key=sealing_key("a secret of the intruder's own, 0123456789"))
    assert kinds(verdict) == {FindingKind.SEAL_CHANGED, FindingKind.EVENT_CHANGED}


async def test_an_erased_origin_is_counted_and_is_no_offence(tenant: UUID, check: Verify, tamper: Tamper) -> None:
    await check(tenant)
    erased = await tamper(
        "update events set address = null, agent = null where tenant_id = $1 and address is not null returning 1",
        tenant,
    )
    verdict = await check(tenant)
    assert (verdict.findings, verdict.erased_count) == ([], len(erased))
    assert erased


async def test_others_logs_are_not_looked_at(tenant: UUID, check: Verify, tamper: Tamper, api: Api) -> None:
    other = await api.new_business()
    other_tenant = decode("Queue", await other.queue()).tenant_id
    await check(other_tenant)
    await check(tenant)
    await tamper("update events set actor = 'SYSTEM' where tenant_id = $1", tenant)
    assert (await check(other_tenant)).findings == []
    assert (await check(tenant)).findings != []


async def test_a_finding_says_what_and_where() -> None:
    id = uuid4()
    assert str(Finding(FindingKind.EVENT_MISSING, f"queue {id}")) == f"a sealed event is gone: queue {id}"
