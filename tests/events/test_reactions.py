"""What is owed for a series of events."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.core.events.reactions import Fact, each, jobs_owed, latest
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job

QUEUE_A, QUEUE_B, TENANT = uuid4(), uuid4(), uuid4()


@job("test.tell")
async def tell(_: JobContext) -> None: ...


@job("test.look")
async def look(_: JobContext) -> None: ...


REACTIONS = {"CALLED": [each(tell), latest(look)], "CANCELLED": [latest(look)]}


def fact(type: str, queue_id: UUID, revision: int) -> Fact:
    data = '{"session": {"id": "ä"}}'
    return Fact(uuid4(), TENANT, "queue", queue_id, revision, datetime(2026, 11, 21, tzinfo=UTC), type, data, "request")


def test_each_event_owes_its_own_job_and_several_of_a_queue_owe_one_look_at_it() -> None:
    facts = [
        fact("CALLED", QUEUE_A, 7),
        fact("JOINED", QUEUE_A, 8),
        fact("CANCELLED", QUEUE_A, 9),
        fact("CALLED", QUEUE_B, 1),
    ]
    owed = {(owed.name, owed.dedupe_key): owed for owed in jobs_owed(REACTIONS, facts)}
    assert set(owed) == {
        ("test.tell", f"test.tell:{facts[0].id}"),
        ("test.tell", f"test.tell:{facts[3].id}"),
        ("test.look", f"test.look:{facts[2].id}"),
        ("test.look", f"test.look:{facts[3].id}"),
    }
    assert {job.request_id for job in owed.values()} == {"request"}


def test_the_same_events_owe_the_same_jobs_again() -> None:
    facts = [fact("CALLED", QUEUE_A, 7), fact("CANCELLED", QUEUE_A, 9)]
    first, second = ([owed.dedupe_key for owed in jobs_owed(REACTIONS, facts)] for _ in range(2))
    assert first == second


def test_a_fact_survives_the_way_through_a_jobs_arguments() -> None:
    [owed, _] = jobs_owed(REACTIONS, [fact("CALLED", QUEUE_A, 7)])
    read = Fact.of(owed.args)
    assert (read.type, read.aggregate_id, read.revision, read.data) == ("CALLED", QUEUE_A, 7, {"session": {"id": "ä"}})
    assert read.as_args() == owed.args
