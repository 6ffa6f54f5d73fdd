"""Imports: a file that is sent, row by row made by the verbs of everyday, once, and nothing of what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.analytics.folding import Folding
from app.api import uploads
from app.core.ids import parse
from app.identity.models import Role
from app.transfers import files
from app.transfers.imports import bringing, service
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.feeds import Watched
from tests.transfers.conftest import Desk, Tamper, new_key

USERS = """email,first_name,role\r
jane@mail.example,Jane,STAFF\r
not an address,Joe,STAFF\r
jim@mail.example,"Jim ""J"" Doe",MANAGER\r
JANE@mail.example,Again,STAFF\r
"""


async def begun(desk: Desk, caller: Caller | None = None, **input: Any) -> dict[str, Any]:
    asked = await desk.ask("ImportCreate", caller, **({"format": "CSV"} | input))
    assert asked["__typename"] == "ImportCreateSuccess", asked
    return dict(asked["import"])


async def send(desk: Desk, row: dict[str, Any], content: str | bytes | AsyncIterator[bytes]) -> Any:
    return await desk.api.http.post(urlsplit(row["uploadUrl"]).path, content=content)


async def now(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    page = await desk.admin(operation("ImportList"), first=100)
    (found,) = [edge["node"] for edge in page["edges"] if edge["node"]["id"] == row["id"]]
    return dict(found)


async def brought(desk: Desk, content: str | bytes, caller: Caller | None = None, **input: Any) -> dict[str, Any]:
    """An import whose file was sent, and its job done."""
    row = await begun(desk, caller, **input)
    sent = await send(desk, row, content)
    assert sent.status_code == 200, sent.text
    assert sent.json() == {
        "importId": row["id"],
        "bytes": len(content.encode() if isinstance(content, str) else content),
    }
    await desk.runner.run(await desk.owed("IMPORT_UPLOADED", row["id"]))
    return await now(desk, row)


async def problems(desk: Desk, row: dict[str, Any]) -> list[tuple[int, str | None]]:
    page = await desk.admin(operation("ImportProblems"), importId=row["id"], first=100)
    assert all(edge["node"]["message"] for edge in page["edges"])
    return [(edge["node"]["line"], edge["node"]["field"]) for edge in page["edges"]]


def counts(row: dict[str, Any]) -> tuple[str, int, int, int, int]:
    return row["status"], row["doneRows"], row["madeRows"], row["knownRows"], row["refusedRows"]


async def emails(desk: Desk) -> set[str]:
    users = await desk.admin("{ users(first: 100) { edges { node { email } } } }")
    return {edge["node"]["email"] for edge in users["edges"]} - {f"admin@{desk.business.slug}.example"}


async def test_users_come_and_what_is_refused_keeps_nobody_out(desk: Desk) -> None:
    tried = await brought(desk, USERS, kind="USERS", dryRun=True)
    assert counts(tried) == ("DONE", 4, 2, 0, 2)
    assert await emails(desk) == set()
    done = await brought(desk, USERS, kind="USERS")
    assert counts(done) == ("DONE", 4, 2, 0, 2)
    for row in (tried, done):
        assert await problems(desk, row) == [(3, "email"), (5, "email")]
    assert await emails(desk) == {"jane@mail.example", "jim@mail.example"}
    again = await brought(desk, USERS, kind="USERS")
    assert counts(again) == ("DONE", 4, 0, 2, 2)
    assert (done["doneLength"], done["length"], done["uploadUrl"]) == (len(USERS), len(USERS), None)


async def test_queues_come_as_they_were_exported(desk: Desk, api: Api) -> None:
    await desk.business.queue(slug="one", name="=Eins", ticketPrefix="B", timeZone="Europe/Berlin", capacity=50)
    await desk.business.queue(slug="two", mode="METERED", releaseRatePerMinute=60, queueAll=True)
    content = await desk.content(await desk.exported(kind="QUEUES", format="CSV"))
    assert b"'=Eins" in content
    other = Desk(there := await api.new_business(), parse(await there.queue(slug="two"))[1].tenant_id, desk.runner)
    done = await brought(other, content, kind="QUEUES")
    assert counts(done) == ("DONE", 2, 1, 0, 1)
    assert await problems(other, done) == [(3, "slug")]
    queues = await other.rows(kind="QUEUES")
    assert [(each["slug"], each["name"], each["capacity"]) for each in queues if each["slug"] == "one"] == [
        ("one", "=Eins", 50)
    ]


async def test_limits_are_those_of_everyday(desk: Desk, tamper: Tamper) -> None:
    await tamper("update tenants set limits = limits || jsonb_build_object('queues', 2) where id = $1", desk.tenant_id)
    content = "".join(json.dumps({"slug": f"queue-{number}", "name": "Q"}) + "\n" for number in range(3))
    done = await brought(desk, content, kind="QUEUES", format="JSON_LINES")
    assert counts(done) == ("DONE", 3, 2, 0, 1)
    assert await problems(desk, done) == [(3, None)]


async def test_who_asks_gives_no_more_than_they_may(desk: Desk) -> None:
    key = await desk.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Importer", "scopes": ["import:write", "user:write"]},
    )
    program = Caller(desk.api, key["secret"])
    done = await brought(desk, "email,role\na@mail.example,ADMIN\nb@mail.example,CUSTOMER\n", program, kind="USERS")
    assert counts(done) == ("DONE", 2, 1, 0, 1)
    assert await emails(desk) == {"b@mail.example"}
    refused = await desk.ask("ImportCreate", program, kind="QUEUES", format="CSV")
    assert (refused["__typename"], refused["permissions"]) == ("PermissionsMissingError", ["queue:write"])


async def test_who_may_no_longer_brings_nothing_in(desk: Desk) -> None:
    admin = await desk.user(Role.ADMIN)
    row = await begun(desk, admin, kind="USERS")
    await send(desk, row, USERS)
    me = await admin("{ viewer { ... on User { id } } }")
    await desk.admin(operation("UserDeactivate"), input={"userId": me["id"]})
    await desk.runner.run(await desk.owed("IMPORT_UPLOADED", row["id"]))
    failed = await now(desk, row)
    assert (failed["status"], failed["failure"]) == ("FAILED", "Whoever asked for it may do it no longer.")
    assert "jane@mail.example" not in await emails(desk)


PAST = [
    {
        "queue": "desk",
        "reference": "4711",
        "status": "COMPLETED",
        "joined_at": "2026-03-02T09:00:00+01:00",
        "called_at": "2026-03-02T09:10:00+01:00",
        "started_at": "2026-03-02T09:11:00+01:00",
        "ended_at": "2026-03-02T09:16:00+01:00",
        "counter": "Window",
        "ticket_number": "X17",
        "party_size": 2,
        "email": "jane@mail.example",
    },
    {
        "queue": "desk",
        "reference": "4712",
        "status": "CANCELLED",
        "joined_at": "2026-03-02T09:01:00+01:00",
        "ended_at": "2026-03-02T09:05:00+01:00",
    },
]


async def test_past_sessions_count_where_they_happened(desk: Desk, api: Api, tamper: Tamper) -> None:
    queue = await desk.business.queue(slug="desk", timeZone="Europe/Berlin")
    await desk.business.counter(queue, name="Window")
    before = await desk.admin("query($id: ID!) { queue(id: $id) { waitingCount servingCount } }", id=queue)
    done = await brought(desk, json.dumps(PAST), kind="SESSIONS", format="JSON")
    assert counts(done) == ("DONE", 2, 2, 0, 0)
    served, left = await desk.rows(kind="SESSIONS", personalData=True)
    assert (served["ticket_number"], served["counter"], served["email"]) == ("X17", "Window", "jane@mail.example")
    assert (served["wait_seconds"], served["service_seconds"], served["status"]) == (600, 300, "COMPLETED")
    assert (left["ticket_number"], left["status"], left["cancelled_by"]) == ("A002", "CANCELLED", "VISITOR")
    assert await desk.admin("query($id: ID!) { queue(id: $id) { waitingCount servingCount } }", id=queue) == before
    # The next number of today is the first one still.
    assert (await desk.business.join(queue)).ticket == "A001"
    folding = Folding(api.runtime.dbs.system)
    while await folding.fold(desk.tenant_id, [parse(queue)[1].id]):
        pass
    facts = await desk.rows(kind="FACTS", to="2026-04-01T00:00:00Z")
    assert [(each["outcome"], each["wait_seconds"], each["position"], each["party_size"]) for each in facts] == [
        ("SERVED", 600, None, 2),
        ("ABANDONED_WAITING", None, None, 1),
    ]
    hours = await desk.rows(kind="ROLLUPS", to="2026-04-01T00:00:00Z")
    everybody = [each for each in hours if each["dimension"] == "ALL"]
    assert [(each["local_hour"], each["entered"], each["served"], each["abandoned"]) for each in everybody] == [
        ("2026-03-02 09:00", 2, 1, 1)
    ]
    assert everybody[0]["wait_seconds_p50"] == pytest.approx(600, rel=0.01)
    assert [each["entered"] for each in hours if each["counter"] == "Window"] == [1]
    again = await brought(desk, json.dumps(PAST), kind="SESSIONS", format="JSON")
    assert counts(again) == ("DONE", 2, 0, 2, 0)


IMPOSSIBLE: list[tuple[dict[str, str], str]] = [
    ({"queue": "nowhere"}, "queue"),
    ({"counter": "Nowhere"}, "counter"),
    ({"category": "Nobody"}, "category"),
    ({"served_by": "nobody@mail.example"}, "served_by"),
    ({"status": "WAITING"}, "status"),
    ({"status": "LOST"}, "status"),
    ({"status": "NO_SHOW"}, "called_at"),
    ({"started_at": ""}, "started_at"),
    ({"called_at": "2026-03-02T08:00:00+01:00"}, "called_at"),
    ({"joined_at": "2026-03-02T09:00:00"}, "joined_at"),
    ({"joined_at": ""}, "joined_at"),
    ({"ended_at": "2999-01-01T00:00:00Z"}, "ended_at"),
    ({"party_size": "51"}, "party_size"),
    ({"priority": "1.5"}, "priority"),
    ({"metadata": "[]"}, "metadata"),
    ({"ticket_number": "x" * 17}, "ticket_number"),
    ({"joined_at": "0001-01-01T00:00:00Z"}, "joined_at"),
    ({"joined_at": "1969-12-31T23:59:59Z"}, "joined_at"),
    # JSON spells half of a character, which is no text: it keeps no other row out.
    ({"email": "\ud800"}, "email"),
    ({"queue": "\udc00"}, "queue"),
]


async def test_what_cannot_have_been_is_refused(desk: Desk) -> None:
    await desk.business.counter(await desk.business.queue(slug="desk"), name="Window")
    content = json.dumps([PAST[0] | changed for changed, _ in IMPOSSIBLE])
    done = await brought(desk, content, kind="SESSIONS", format="JSON")
    assert counts(done) == ("DONE", len(IMPOSSIBLE), 0, 0, len(IMPOSSIBLE))
    assert await problems(desk, done) == [(number, field) for number, (_, field) in enumerate(IMPOSSIBLE, 1)]
    assert await desk.rows(kind="SESSIONS") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nA\n", "There is no column `slug`."),
        ("name,slug,colour\nA,a,red\n", "There is a column `colour`, which means nothing here."),
        ("name,slug\nA,a\nB\n", "Line 3: 1 values"),
    ],
)
async def test_a_file_that_is_none_goes_no_further(desk: Desk, content: str, said: str) -> None:
    failed = await brought(desk, content, kind="QUEUES")
    assert failed["status"] == "FAILED"
    assert failed["failure"].startswith(said)
    # What came before stays.
    assert len(await desk.rows(kind="QUEUES")) == failed["madeRows"] == content.count("A,a\n")


async def test_what_a_column_is_called_can_be_written_down(desk: Desk) -> None:
    failed = await brought(
        desk, json.dumps([{"slug": "a", "name": "b", "\ud800\x00": "c"}]), kind="QUEUES", format="JSON"
    )
    assert failed["failure"].startswith("There is a column `??`, which means nothing here.")


async def test_a_link_takes_one_file_and_no_more_than_it_may(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch, tamper: Tamper
) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 100)
    row = await begun(desk, kind="USERS")

    async def many() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"0123456789"

    assert (await send(desk, row, "x" * 101)).status_code == 413
    assert (await send(desk, row, many())).status_code == 413
    path = urlsplit(row["uploadUrl"]).path
    assert (await api.http.post(path[:-4] + "AAAA", content="x")).status_code == 404
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []
    assert (await now(desk, row))["status"] == "AWAITING_FILE"
    sent = await asyncio.gather(*(send(desk, row, "email\na@mail.example\n") for _ in range(3)))
    assert sorted(each.status_code for each in sent) == [200, 409, 409]
    assert len(await tamper("select 1 from files where tenant_id = $1", desk.tenant_id)) == 1
    # A link to a file opens no upload, and the other way round.
    assert (await api.http.get(path.replace("/upload", ""))).status_code == 404


async def test_what_is_sent_lies_in_the_tenants_room(
    desk: Desk, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await begun(desk, kind="USERS")
    await tamper(
        "update tenants set limits = limits || jsonb_build_object('storage_megabytes', 1) where id = $1", desk.tenant_id
    )
    assert (await send(desk, row, b"x" * files.MEGABYTE)).status_code == 507
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"email\n"
        await asyncio.Event().wait()

    assert (await send(desk, row, stalling())).status_code == 408
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []
    monkeypatch.setattr(uploads, "STALL_SECONDS", 60.0)
    monkeypatch.setattr(uploads, "_LONGEST_SECONDS", 0.05)

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    assert (await send(desk, row, dripping())).status_code == 408
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []


async def test_a_link_ends(desk: Desk, tamper: Tamper) -> None:
    row = await begun(desk, kind="USERS")
    await tamper("update imports set upload_ends_at = now() - interval '1 second' where tenant_id = $1", desk.tenant_id)
    assert (await send(desk, row, USERS)).status_code == 404
    assert (await now(desk, row))["uploadUrl"] is None


async def test_who_takes_over_goes_on_with_the_next_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "slug,name\n" + "".join(f"queue-{number},Q\n" for number in range(6))
    row = await begun(desk, kind="QUEUES")
    await send(desk, row, content)
    ref = await desk.owed("IMPORT_UPLOADED", row["id"])
    bring, died = bringing._Rows._bring, asyncio.Event()

    async def dying(rows: bringing._Rows, line: Any) -> None:
        if line.number == 5 and not died.is_set():
            died.set()
            raise asyncio.CancelledError
        await bring(rows, line)

    monkeypatch.setattr(bringing._Rows, "_bring", dying)
    with pytest.raises(asyncio.CancelledError):
        await desk.runner.run(ref)
    half = await now(desk, row)
    assert counts(half) == ("RUNNING", 3, 3, 0, 0)
    assert (half["doneLength"], half["length"]) == (0, len(content))
    await desk.runner.run(ref)
    assert counts(await now(desk, row)) == ("DONE", 6, 6, 0, 0)
    assert [each["slug"] for each in await desk.rows(kind="QUEUES")] == [f"queue-{number}" for number in range(6)]


async def test_progress_is_seen_and_a_cancelled_import_stops(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tamper: Tamper
) -> None:
    row = await begun(desk, kind="QUEUES")
    await send(desk, row, "slug,name\n" + "".join(f"queue-{number},Q\n" for number in range(6)))
    bring, there, go_on = bringing._Rows._bring, asyncio.Event(), asyncio.Event()

    async def stopping(rows: bringing._Rows, line: Any) -> None:
        await bring(rows, line)
        if line.number == 4:
            there.set()
            await go_on.wait()

    monkeypatch.setattr(bringing._Rows, "_bring", stopping)
    async with desk.admin.socket() as socket:
        watched = await Watched(await socket.subscribe(operation("ImportChanged"), {"importId": row["id"]})).started()
        assert watched.last["status"] == "WAITING"
        job = asyncio.create_task(desk.runner.run(await desk.owed("IMPORT_UPLOADED", row["id"])))
        await there.wait()
        cancelled = await desk.ask("ImportCancel", importId=row["id"])
        assert counts(cancelled["import"]) == ("CANCELLED", 3, 3, 0, 0)
        go_on.set()
        await job
        await watched.shows(status="CANCELLED", doneRows=3)
    assert len(await desk.rows(kind="QUEUES")) == 3
    assert await tamper("select 1 from files where tenant_id = $1 and name like 'import%'", desk.tenant_id) == []
    assert (await desk.ask("ImportCancel", importId=row["id"]))["__typename"] == "ImportOverError"


async def test_a_file_that_went_with_somebody_who_was_erased_is_asked_for_again(desk: Desk, tamper: Tamper) -> None:
    row = await begun(desk, kind="USERS")
    await send(desk, row, USERS)
    async with desk.api.runtime.dbs.app.write(desk.tenant_id) as tx:
        assert await files.destroy_personal(tx) == 1
    await desk.runner.run(await desk.owed("IMPORT_UPLOADED", row["id"]))
    failed = await now(desk, row)
    assert (failed["status"], failed["failure"][:17]) == ("FAILED", "Its file is gone:")


async def test_what_was_read_already_is_not_brought_in_once_the_file_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring = bringing._Rows._bring

    async def erased_meanwhile(rows: bringing._Rows, line: Any) -> None:
        if line.number == 4:
            async with desk.api.runtime.dbs.app.write(desk.tenant_id) as tx:
                assert await files.destroy_personal(tx) == 1
        await bring(rows, line)

    monkeypatch.setattr(bringing._Rows, "_bring", erased_meanwhile)
    failed = await brought(desk, USERS, kind="USERS")
    # Of the refused row nobody could write anything down any more.
    assert counts(failed) == ("FAILED", 1, 1, 0, 0)
    assert await emails(desk) == {"jane@mail.example"}


async def test_so_many_may_be_under_way(desk: Desk) -> None:
    key = new_key()
    first, second = [await desk.ask("ImportCreate", kind="USERS", format="CSV", idempotencyKey=key) for _ in range(2)]
    assert first["import"]["id"] == second["import"]["id"]
    asked = await asyncio.gather(*(desk.ask("ImportCreate", kind="USERS", format="CSV") for _ in range(4)))
    assert sorted(each["__typename"] for each in asked) == ["ImportCreateSuccess"] * 2 + ["TooManyImportsError"] * 2


async def test_another_business_sees_none_of_it(desk: Desk, api: Api, business: Business) -> None:
    row = await begun(desk, kind="USERS")
    other = await api.new_business()
    assert (await other.admin(operation("ImportList"), first=100))["edges"] == []
    for document, variables in (
        (operation("ImportProblems"), {"importId": row["id"], "first": 5}),
        (operation("ImportCancel"), {"cancel": {"importId": row["id"]}}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await other.admin(document, **variables)
        assert refused.value.code == "NOT_FOUND"
