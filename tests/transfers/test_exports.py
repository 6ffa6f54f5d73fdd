"""Exports: what is in them, for whom, and that nobody is ever offered half of one."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.ids import parse
from app.identity.models import Role
from app.privacy.work import work
from app.transfers import upkeep
from app.transfers.exports import making
from tests.contract.operations import operation
from tests.support.api import Api, GraphQLFailed
from tests.support.feeds import Watched
from tests.transfers.conftest import Desk, Tamper, new_key

PERSONAL = {"userIdentifier": "customer-4711", "contact": {"email": "jane@mail.example", "phone": "+49 151 2345"}}


async def test_sessions_are_exported_as_they_are(desk: Desk) -> None:
    queue = await desk.business.queue(name="Bürger & Amt", slug="amt")
    counter = await desk.business.counter(queue, name="Tresen 1")
    first = await desk.business.join(queue, metadata={"wish": "a window"}, **PERSONAL)
    second = await desk.business.join(queue)
    called = await desk.business.call_next(queue, counter)
    await desk.business.serve(called["session"]["id"])
    rows = await desk.rows(kind="SESSIONS")
    assert [row["id"] for row in rows] == [first.id, second.id]
    shown = await desk.admin("query($id: ID!) { session(id: $id) { joinedAt calledAt waitSeconds } }", id=first.id)
    served = rows[0]
    assert (served["queue_id"], served["queue"], served["counter"]) == (queue, "amt", "Tresen 1")
    assert (served["status"], served["ticket_number"], rows[1]["status"]) == ("COMPLETED", first.ticket, "WAITING")
    assert served["joined_at"].rstrip("Z")[:23] == shown["joinedAt"].replace("+00:00", "")[:23]
    assert served["wait_seconds"] == pytest.approx(shown["waitSeconds"], abs=1)
    assert rows[1]["called_at"] is None
    assert not {"email", "phone", "user_identifier", "metadata", "cancel_reason"} & set(served)
    whole = (await desk.rows(kind="SESSIONS", personalData=True))[0]
    assert whole["email"] == "jane@mail.example"
    assert (whole["user_identifier"], whole["metadata"]) == ("customer-4711", {"wish": "a window"})
    assert {name: value for name, value in whole.items() if name in served} == served


async def test_every_kind_says_what_it_holds(desk: Desk) -> None:
    queue = await desk.business.queue(slug="a-queue")
    await desk.business.join(queue)
    (queues,) = await desk.rows(kind="QUEUES")
    assert (queues["id"], queues["slug"], queues["daily_reset_time"]) == (queue, "a-queue", "00:00")
    users = await desk.rows(kind="USERS", personalData=True)
    assert [(user["email"], user["role"]) for user in users] == [(f"admin@{desk.business.slug}.example", "ADMIN")]
    assert "email" not in (await desk.rows(kind="USERS"))[0]
    events = await desk.rows(kind="EVENTS", queueId=queue)
    assert [(event["type"], event["revision"], event["object_id"]) for event in events] == [
        ("QUEUE_CREATED", 1, queue),
        ("SESSION_JOINED", 2, queue),
    ]
    assert events[1]["data"]["session"]["ticketNumber"] == "A001"
    assert "address" not in events[0]
    for kind in ("FACTS", "ROLLUPS", "NOTIFICATIONS"):
        assert await desk.rows(kind=kind) == []


async def test_a_time_and_a_queue_choose_rows(desk: Desk, tamper: Tamper) -> None:
    queues = [await desk.business.queue() for _ in range(2)]
    joined = [await desk.business.join(queue) for queue in (queues[0], queues[1], queues[0])]
    for number, each in enumerate(joined):
        key = parse(each.id)[1].id
        await tamper(
            f"update sessions set joined_at = '2026-03-01T0{number}:00:00Z' where tenant_id = $1 and id = $2",
            desk.tenant_id,
            key,
        )

    async def ids(**chosen: Any) -> list[str]:
        return [row["id"] for row in await desk.rows(kind="SESSIONS", **chosen)]

    assert await ids(queueId=queues[0]) == [joined[0].id, joined[2].id]
    # From is inclusive, to is not.
    assert await ids(**{"from": "2026-03-01T01:00:00Z", "to": "2026-03-01T02:00:00Z"}) == [joined[1].id]
    assert await ids(**{"from": "2026-03-01T03:00:00+01:00"}) == [joined[2].id]


async def test_a_link_is_shown_to_who_may_see_what_is_in_it(desk: Desk) -> None:
    export = await desk.exported(kind="USERS", personalData=True)
    plain = await desk.exported(kind="QUEUES")
    manager = await desk.user(Role.MANAGER)
    assert export["downloadUrl"] is not None
    assert (await desk.export(export["id"], manager))["downloadUrl"] is None
    assert (await desk.export(plain["id"], manager))["downloadUrl"] is not None
    for input in ({"kind": "USERS", "personalData": True}, {"kind": "EVENTS"}):
        refused = await desk.ask("ExportCreate", manager, format="CSV", **input)
        assert refused["__typename"] == "PermissionsMissingError"
        assert refused["permissions"] == [{"USERS": "export:personal", "EVENTS": "audit:read"}[str(input["kind"])]]


async def test_what_cannot_be_is_refused(desk: Desk) -> None:
    queue = await desk.business.queue()
    users = await desk.ask("ExportCreate", kind="USERS", format="CSV", queueId=queue)
    assert (users["__typename"], users["field"]) == ("InvalidInputError", "queueId")
    times = {"from": "2026-03-01T01:00:00Z", "to": "2026-03-01T01:00:00Z"}
    never = await desk.ask("ExportCreate", kind="SESSIONS", format="CSV", **times)
    assert (never["__typename"], never["field"]) == ("InvalidInputError", "to")


async def test_asking_twice_is_asking_once(desk: Desk) -> None:
    key = new_key()
    first, second = [await desk.ask("ExportCreate", kind="QUEUES", format="CSV", idempotencyKey=key) for _ in range(2)]
    assert first["export"]["id"] == second["export"]["id"]
    other = await desk.ask("ExportCreate", kind="QUEUES", format="JSON", idempotencyKey=key)
    assert other["__typename"] == "IdempotencyConflictError"


async def test_so_many_may_be_under_way(desk: Desk) -> None:
    asked = await asyncio.gather(*(desk.ask("ExportCreate", kind="QUEUES", format="CSV") for _ in range(8)))
    names = sorted(each["__typename"] for each in asked)
    assert names == ["ExportCreateSuccess"] * 5 + ["TooManyExportsError"] * 3
    (one, *_) = [each["export"]["id"] for each in asked if "export" in each]
    assert (await desk.ask("ExportCancel", exportId=one))["export"]["status"] == "CANCELLED"
    assert (await desk.ask("ExportCancel", exportId=one))["__typename"] == "ExportOverError"
    assert (await desk.ask("ExportCreate", kind="QUEUES", format="CSV"))["__typename"] == "ExportCreateSuccess"


async def small_steps(desk: Desk, monkeypatch: pytest.MonkeyPatch, sessions: int = 6) -> str:
    """Some sessions, and an export that writes one of them at a time."""
    monkeypatch.setattr(making, "PORTION_ROWS", 1)
    monkeypatch.setattr(making, "STEP_ROWS", 1)
    queue = await desk.business.queue()
    for _ in range(sessions):
        await desk.business.join(queue)
    asked = await desk.ask("ExportCreate", kind="SESSIONS", format="JSON_LINES")
    return str(asked["export"]["id"])


async def at_row(monkeypatch: pytest.MonkeyPatch, number: int) -> tuple[asyncio.Event, asyncio.Event]:
    """Stops exports when so many rows are committed: `there` is set then, and the test says when they go on."""
    there, go_on, add = asyncio.Event(), asyncio.Event(), making._Steps.add

    async def stopping(steps: making._Steps, piece: bytes, rows: int) -> None:
        await add(steps, piece, rows)
        if steps._committed == number:
            there.set()
            await go_on.wait()

    monkeypatch.setattr(making._Steps, "add", stopping)
    return there, go_on


async def test_progress_is_seen_live(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    id = await small_steps(desk, monkeypatch)
    there, go_on = await at_row(monkeypatch, 4)
    async with desk.admin.socket() as socket:
        watched = await Watched(await socket.subscribe(operation("ExportChanged"), {"exportId": id})).started()
        assert (watched.last["status"], watched.last["totalRows"]) == ("WAITING", None)
        job = asyncio.create_task(desk.runner.run(await desk.owed("EXPORT_REQUESTED", id)))
        await there.wait()
        await watched.shows(status="RUNNING", doneRows=4, totalRows=6, downloadUrl=None)
        go_on.set()
        await job
        await watched.shows(status="DONE", doneRows=6)
    assert len((await desk.content(watched.last)).splitlines()) == 6


async def test_a_cancelled_export_stops_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tamper: Tamper
) -> None:
    id = await small_steps(desk, monkeypatch)
    there, go_on = await at_row(monkeypatch, 2)
    ref = await desk.owed("EXPORT_REQUESTED", id)
    job = asyncio.create_task(desk.runner.run(ref))
    await there.wait()
    cancelled = (await desk.ask("ExportCancel", exportId=id))["export"]
    go_on.set()
    await job
    after = await desk.export(id)
    assert (after["status"], after["doneRows"], after["downloadUrl"]) == ("CANCELLED", 2, None)
    assert after["revision"] == cancelled["revision"]
    assert (await desk.job(ref)).done_at is not None
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []


async def test_who_takes_over_begins_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch, tamper: Tamper) -> None:
    id = await small_steps(desk, monkeypatch)
    there, go_on = await at_row(monkeypatch, 3)
    ref = await desk.owed("EXPORT_REQUESTED", id)
    dead = asyncio.create_task(desk.runner.run(ref))
    await there.wait()
    half = await tamper("select id, finished_at from files where tenant_id = $1", desk.tenant_id)
    assert [row[1] for row in half] == [None]
    # Its lease runs out, and another one has the job, which it did not know of yet when it committed last.
    await tamper("update jobs set due_at = now() - interval '1 second' where tenant_id = $1", desk.tenant_id)
    successor = asyncio.create_task(desk.runner.run(ref))
    there.clear()
    await there.wait()
    go_on.set()
    await asyncio.gather(dead, successor)
    export = await desk.export(id)
    assert (export["status"], export["doneRows"]) == ("DONE", 6)
    assert len((await desk.content(export)).splitlines()) == 6
    whole = await tamper("select id, finished_at is not null from files where tenant_id = $1", desk.tenant_id)
    assert [row[1] for row in whole] == [True]
    assert whole[0][0] != half[0][0]


def test_what_a_killed_worker_left_is_thrown_away_by_the_next_export(tmp_path: Path) -> None:
    old, running, other = (tmp_path / name for name in ("vq-export-1", "vq-export-2", "another"))
    for folder in (old, running, other):
        (folder / "book").mkdir(parents=True)
        (folder / "book" / "sheet.xml").write_text("jane@mail.example")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    making._fresh(tmp_path / "vq-export-3")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["another", "vq-export-2", "vq-export-3"]


async def test_what_cannot_be_made_is_given_up(desk: Desk, tamper: Tamper, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = await desk.ask("ExportCreate", kind="QUEUES", format="CSV")
    ref = await desk.owed("EXPORT_REQUESTED", asked["export"]["id"])

    def broken(*_: Any) -> bytes:
        raise ValueError("no such thing")

    monkeypatch.setattr(making, "_written", broken)
    await desk.business.queue()
    for _ in range(making.MOST_ATTEMPTS + 1):
        await tamper("update jobs set due_at = now() - interval '1 second' where tenant_id = $1", desk.tenant_id)
        await desk.runner.run(ref)
    export = await desk.export(asked["export"]["id"])
    assert (export["status"], export["downloadUrl"], export["failure"][:28]) == (
        "FAILED",
        None,
        "The file could not be made. ",
    )
    assert (await desk.job(ref)).done_at is not None
    assert await tamper("select 1 from files where tenant_id = $1", desk.tenant_id) == []


async def test_a_file_that_turns_out_too_large_is_not_kept(desk: Desk, tamper: Tamper) -> None:
    await tamper(
        "update tenants set limits = limits || jsonb_build_object('storage_megabytes', 1) where id = $1", desk.tenant_id
    )
    await desk.business.queue(description="d" * 2000)
    small = await desk.exported(kind="QUEUES")
    assert small["status"] == "DONE"
    await tamper("update files set size = 999_000 where tenant_id = $1", desk.tenant_id)
    failed = await desk.exported(kind="QUEUES")
    assert (failed["status"], failed["downloadUrl"], "storageMegabytes" in failed["failure"]) == ("FAILED", None, True)
    await tamper("update files set size = 1_000_000 where tenant_id = $1", desk.tenant_id)
    refused = await desk.ask("ExportCreate", kind="QUEUES", format="CSV")
    assert (refused["__typename"], refused["limit"]) == ("LimitReachedError", "storageMegabytes")


async def test_who_is_erased_is_in_no_file_any_more(desk: Desk, api: Api) -> None:
    queue = await desk.business.queue()
    await desk.business.join(queue, **PERSONAL)
    personal, plain = [await desk.exported(kind="SESSIONS", personalData=wanted) for wanted in (True, False)]
    asked = await desk.ask("PersonErase", email="jane@mail.example")
    await work(api.runtime.dbs.system, api.runtime.authenticator.codes, *parse(asked["request"]["id"])[1])
    assert (await api.http.get(personal["downloadUrl"])).status_code == 404
    after = await desk.export(personal["id"])
    assert (after["status"], after["downloadUrl"], after["downloadEndsAt"]) == ("DONE", None, None)
    assert await desk.content(await desk.export(plain["id"]))


async def test_long_ago_is_forgotten(desk: Desk, api: Api, tamper: Tamper) -> None:
    old, new = [await desk.exported(kind="QUEUES") for _ in range(2)]
    await tamper(
        "update exports set finished_at = now() - $2::interval where id = $1",
        parse(old["id"])[1].id,
        upkeep.KEPT + timedelta(minutes=1),
    )
    await upkeep.tidy(api.runtime.dbs.system)
    page = await desk.admin(operation("ExportList"), first=100)
    assert [edge["node"]["id"] for edge in page["edges"]] == [new["id"]]


async def test_another_business_sees_none_of_it(desk: Desk, api: Api) -> None:
    export = await desk.exported(kind="QUEUES")
    other = await api.new_business()
    assert (await other.admin(operation("ExportList"), first=100))["edges"] == []
    with pytest.raises(GraphQLFailed) as refused:
        await other.admin(operation("ExportCancel"), cancel={"exportId": export["id"]})
    assert refused.value.code == "NOT_FOUND"
    with pytest.raises(GraphQLFailed) as refused:
        await other.admin(
            operation("ExportCreate"),
            input={"kind": "QUEUES", "format": "CSV", "queueId": await desk.business.queue()},
        )
    assert refused.value.code == "NOT_FOUND"
