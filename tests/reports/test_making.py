"""Reports as they are made, sent and read: with the figures of what has happened, once, by whoever is there."""

import asyncio
from dataclasses import replace
from datetime import UTC, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from sqlmodel import select

from app.core.db import WriteTx
from app.core.errors import Forbidden, InvalidInput, RateLimited
from app.core.jobs.kinds import RetryLater
from app.core.jobs.models import Job
from app.identity.models import Role, User, UserStatus
from app.notifications.attachments import service as attachments
from app.notifications.attachments.models import NotificationAttachment
from app.notifications.models import NotificationKind
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.reports import due, making, service
from app.reports.content import ReportSection
from app.reports.models import ReportFormat, ReportRun, ReportRunStatus, ReportTrigger
from app.reports.periods import RelativePeriod
from app.reports.rules import MAX_SENT_AN_HOUR, Addressee
from app.reports.schedule import Frequency, Schedule
from app.sessions import service as sessions
from app.tenants import service as tenants
from app.tenants.values import TenantLimits
from app.transfers.models import File
from tests.jobs.support import new_tenant
from tests.reports.conftest import Desk, text_of

HOUR = timedelta(hours=1)
DAILY = Schedule(Frequency.DAILY, time(7, 30))


async def a_busy_hour(desk: Desk) -> None:
    """Three are served, one gives up, one still waits; all of it is counted."""
    for name in "abcde":
        await desk.world.join(name, email=None)
    desk.clock.advance(minutes=10)
    for _ in range(3):
        await desk.world.call_next()
    last = await desk.world.join("f", email=None)
    desk.clock.advance(minutes=5)
    await desk.world.act(sessions.cancel, last.id)
    await desk.counts.fold()


async def test_a_report_says_what_has_happened(desk: Desk) -> None:
    await a_busy_hour(desk)
    run = await desk.run(await desk.report(name="Today in the shop"))
    assert (run.status, run.error, run.told_count) == (ReportRunStatus.DONE, None, 0)
    [kept] = run.files
    assert kept["name"] == f"Today-in-the-shop-{run.last_day.isoformat()}.en.pdf"
    file = await desk.content(run)
    assert kept["length"] == len(file)
    lines = text_of(file).split("\n")
    assert "Today in the shop" in lines
    assert lines[lines.index("Joined") : lines.index("Joined") + 3] == ["Joined", "6", "0"]
    assert lines[lines.index("Served") : lines.index("Served") + 3] == ["Served", "3", "0"]
    # Everybody but the last was called after some ten minutes.
    assert lines[lines.index("Wait, P50") + 1] == "10 min"
    assert "Brot & Brötchen" in lines
    assert await desk.types("report_run") == ["REPORT_RUN_STARTED", "REPORT_RUN_DONE"]
    assert desk.sink.mails == []


async def test_only_what_is_wanted_is_in_it_and_of_the_queues_that_are_wanted(desk: Desk) -> None:
    await a_busy_hour(desk)
    report = await desk.report(
        format=ReportFormat.HTML,
        sections=[ReportSection.QUEUES, ReportSection.SUMMARY],
        queue_ids=[desk.world.queue_id],
        locale="de-AT",
    )
    run = await desk.run(report)
    page = (await desk.content(run, "de")).decode()
    assert "Kennzahlen" in page
    assert page.index("Die einzelnen Warteschlangen") < page.index("Kennzahlen")
    assert "<svg" not in page
    assert "Brot &amp; Brötchen" in page


async def test_it_is_sent_to_each_recipient_in_their_language_with_the_file_attached(desk: Desk) -> None:
    await a_busy_hour(desk)
    anna, bert = await desk.user("anna@shop.example"), await desk.user("bert@shop.example")
    gone = await desk.user("gone@shop.example")
    report = await desk.report(
        name="Figures\nof   today",
        recipients=[
            Addressee(user_id=anna),
            Addressee(user_id=bert, locale="fr"),
            Addressee(user_id=gone),
            Addressee(address="Board@Owners.example", locale="ar"),
            # The same person under another name: one mail.
            Addressee(address="bert@shop.example"),
        ],
    )
    async with desk.world.dbs.app.write(desk.tenant_id) as tx:
        (user,) = (await tx.exec(select(User).where(User.id == gone))).all()
        user.status = UserStatus.INACTIVE
    run = await desk.run(report, send=True)
    assert run.told_count == 3
    assert [each["locale"] for each in run.files] == ["ar", "en", "fr"]
    found = {mail.recipient: mail.message for mail in desk.sink.mails}
    assert sorted(found) == ["anna@shop.example", "bert@shop.example", "board@owners.example"]
    day = run.last_day
    assert found["anna@shop.example"]["Subject"] == f"Figures of today, {day:%d %b %Y}"
    assert found["bert@shop.example"]["Content-Language"] == "fr"
    assert found["board@owners.example"]["Content-Language"] == "ar"
    for to, locale in (("anna@shop.example", "en"), ("bert@shop.example", "fr"), ("board@owners.example", "ar")):
        [attached] = found[to].iter_attachments()
        assert attached.get_content_type() == "application/pdf"
        assert attached.get_filename() == f"Figures-of-today-{day.isoformat()}.{locale}.pdf"
        assert attached.get_content() == await desk.content(run, locale)
    text = found["anna@shop.example"].get_body(("plain",)).get_content()
    assert "Joined: 6\n" in text.replace("\r\n", "\n")


async def test_who_is_sent_reports_is_staff_and_addresses_need_a_permission(desk: Desk) -> None:
    customer = await desk.user("c@shop.example", Role.CUSTOMER)
    with pytest.raises(InvalidInput, match="staff"):
        await desk.report(recipients=[Addressee(user_id=customer)])
    with pytest.raises(InvalidInput, match="once"):
        await desk.report(recipients=[Addressee(address="a@b.example"), Addressee(address="A@b.example")])
    report = await desk.report(recipients=[Addressee(address="a@b.example")])
    everybody, desk.actor = desk.actor, _without(desk, "report:address")
    with pytest.raises(Forbidden):
        await desk.report(recipients=[Addressee(address="a@b.example")])
    async with desk.world.dbs.app.write(desk.tenant_id, desk.actor) as tx:
        kept: Any = {"recipients": [Addressee(address="a@b.example")], "name": "Renamed"}
        # An address that is there already may stay.
        assert (await service.update(tx, report.id, kept)).revision == 2
    with pytest.raises(Forbidden):
        async with desk.world.dbs.app.write(desk.tenant_id, desk.actor) as tx:
            await service.update(tx, report.id, {"recipients": [Addressee(address="x@b.example")]})
    desk.actor = everybody


async def test_a_scheduled_report_is_made_once_however_many_look(desk: Desk) -> None:
    await _in_zone(desk, "Europe/Berlin")
    anna = await desk.user("anna@shop.example")
    report = await desk.report(schedule=DAILY, period=RelativePeriod.YESTERDAY, recipients=[Addressee(user_id=anna)])
    slot = report.next_due_at
    assert slot is not None
    assert slot.astimezone(UTC).time() == time(6, 30)
    await desk.find_due()
    assert await desk.runs() == []
    desk.clock.advance(seconds=(slot - desk.clock.now()).total_seconds())
    await asyncio.gather(*(desk.find_due() for _ in range(4)))
    await desk.find_due()
    [run] = await desk.runs()
    assert (run.trigger, run.slot, run.last_day) == (ReportTrigger.SCHEDULED, slot, slot.date() - timedelta(days=1))
    await desk.world.settle()
    await desk.world.settle()
    assert (await desk.look(run.id)).status is ReportRunStatus.DONE
    assert [mail.recipient for mail in desk.sink.mails] == ["anna@shop.example"]
    async with desk.world.dbs.app.read(desk.tenant_id) as tx:
        (planned,) = (await tx.exec(select(type(report)))).all()
    assert planned.next_due_at == slot + timedelta(days=1)


async def test_what_nobody_was_there_for_is_said_to_be_missed(desk: Desk) -> None:
    report = await desk.report(schedule=DAILY)
    slot = report.next_due_at
    assert slot is not None
    desk.clock.advance(seconds=(slot - desk.clock.now() + timedelta(days=2) + HOUR).total_seconds())
    await desk.find_due()
    runs = await desk.runs()
    assert [(run.slot, run.status) for run in runs] == [
        (slot, ReportRunStatus.MISSED),
        (slot + timedelta(days=1), ReportRunStatus.MISSED),
        (slot + timedelta(days=2), ReportRunStatus.PENDING),
    ]
    assert await desk.types("report_run") == ["REPORT_RUN_MISSED", "REPORT_RUN_MISSED", "REPORT_RUN_STARTED"]


async def test_yesterday_is_over_where_the_only_queue_is(desk: Desk) -> None:
    """At half past seven in Berlin it is still the day before in Los Angeles."""
    await _in_zone(desk, "Europe/Berlin")
    async with desk.world.dbs.app.write(desk.tenant_id) as tx:
        far = await queues.create(tx, QueueConfig(name="Far", slug="far", time_zone="America/Los_Angeles"))
    given = {"schedule": DAILY, "period": RelativePeriod.YESTERDAY}
    reports = {(await desk.report(**given, queue_ids=ids)).id: bool(ids) for ids in ([], [far.id])}
    desk.clock.advance(days=1)
    slot = desk.clock.now().astimezone(ZoneInfo("Europe/Berlin")).replace(hour=7, minute=30, second=0, microsecond=0)
    desk.clock.advance(seconds=(slot - desk.clock.now()).total_seconds())
    await desk.find_due()
    days = {reports[run.report_id]: run.last_day for run in await desk.runs() if run.slot == slot}
    assert days == {False: slot.date() - timedelta(days=1), True: slot.date() - timedelta(days=2)}


async def test_what_goes_wrong_for_one_business_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are due; of one nobody knows the clock."""
    other = await new_tenant(desk.world.dbs)
    async with desk.world.dbs.app.write(other, desk.actor) as tx:
        await service.create(tx, service.NewReport(name="Theirs", period=RelativePeriod.TODAY, schedule=DAILY))
    await desk.report(schedule=DAILY)
    zone_of_tenant = service.zone_of_tenant
    first = min(other, desk.tenant_id)

    async def unknown(tx: WriteTx) -> ZoneInfo:
        if tx.tenant == first:
            raise ZoneInfoNotFoundError("nowhere")
        return await zone_of_tenant(tx)

    desk.clock.advance(days=1)
    with monkeypatch.context() as broken:
        broken.setattr(due, "zone_of_tenant", unknown)
        assert not await due.look(desk.world.dbs.system), "it is tried again soon"
    begun = {}
    for tenant_id in (other, desk.tenant_id):
        async with desk.world.dbs.app.read(tenant_id) as tx:
            begun[tenant_id] = len((await tx.exec(select(ReportRun))).all())
    assert {tenant_id for tenant_id, count in begun.items() if not count} == {first}
    assert await due.look(desk.world.dbs.system)


async def test_recipients_are_not_sent_a_report_as_often_as_somebody_likes(desk: Desk) -> None:
    report = await desk.report(recipients=[Addressee(address="boss@example.org")])
    for _ in range(MAX_SENT_AN_HOUR):
        assert (await desk.run(report, send=True)).told_count == 1
    with pytest.raises(RateLimited):
        await desk.run(report, send=True)
    assert (await desk.run(report)).status is ReportRunStatus.DONE
    assert len(desk.sink.mails) == MAX_SENT_AN_HOUR
    desk.clock.advance(hours=1)
    assert (await desk.run(report, send=True)).told_count == 1


async def test_another_clock_on_the_wall_plans_anew_and_a_pause_plans_nothing(desk: Desk) -> None:
    report = await desk.report(schedule=DAILY)
    assert report.next_due_at is not None
    assert report.next_due_at.astimezone(UTC).time() == time(7, 30)
    await _in_zone(desk, "America/New_York")
    ran = await desk.world.settle()
    assert "reports.plan" in ran
    async with desk.world.dbs.app.write(desk.tenant_id, desk.actor) as tx:
        planned = await service.update(tx, report.id, {"name": "Renamed"})
        assert planned.next_due_at is not None
        # In winter five hours behind UTC.
        assert planned.next_due_at.astimezone(UTC).time() == time(12, 30)
        paused = await service.update(tx, report.id, {"is_paused": True})
        assert paused.next_due_at is None
        resumed = await service.update(tx, report.id, {"is_paused": False})
        assert resumed.next_due_at is not None


async def test_a_worker_that_dies_leaves_nothing_and_another_begins_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await desk.user("anna@shop.example")
    report = await desk.report(recipients=[Addressee(user_id=anna)])
    hand_out = making._hand_out

    async def dies(tx: WriteTx, *given: Any, **named: Any) -> None:
        await hand_out(tx, *given, **named)
        raise RetryLater(timedelta(0), "killed after everything but the commit")

    monkeypatch.setattr(making, "_hand_out", dies)
    async with desk.world.dbs.app.write(desk.tenant_id, desk.actor) as tx:
        run = await service.run(tx, report.id, send=True)
    await desk.world.relay_all()
    [(_, ref)] = [each for each in await desk.world._due() if each[0] == "reports.make"]
    await desk.world.runner.run(ref)
    assert (await desk.look(run.id)).status is ReportRunStatus.PENDING
    assert await _left(desk) == (0, 0, 0)
    monkeypatch.undo()
    await desk.world.settle()
    assert (await desk.look(run.id)).status is ReportRunStatus.DONE
    assert await _left(desk) == (1, 1, 1)
    assert len(desk.sink.mails) == 1


async def test_two_workers_make_one(desk: Desk) -> None:
    anna = await desk.user("anna@shop.example")
    report = await desk.report(recipients=[Addressee(user_id=anna)])
    async with desk.world.dbs.app.write(desk.tenant_id, desk.actor) as tx:
        run = await service.run(tx, report.id, send=True)
    await desk.world.relay_all()
    [(_, ref)] = [each for each in await desk.world._due() if each[0] == "reports.make"]
    await asyncio.gather(*(desk.world.runner.run(ref) for _ in range(3)))
    # Even one whose lease was lost without its knowing finds that it is done.
    async with desk.world.dbs.app.write(desk.tenant_id) as tx:
        assert (await making.repository.lock_run(tx, run.id)) is not None
        await making._hand_out(tx, desk.world.settings, run.id, [], [], personal=False)
    await desk.world.settle()
    assert await _left(desk) == (1, 1, 1)
    assert await desk.types("report_run") == ["REPORT_RUN_STARTED", "REPORT_RUN_DONE"]


async def test_without_room_it_fails_and_says_so(desk: Desk) -> None:
    report = await desk.report()
    await desk.world.change_tenant(limits=TenantLimits(storage_megabytes=0).model_dump())
    run = await desk.run(report)
    assert run.status is ReportRunStatus.FAILED
    assert run.error is not None
    assert "storageMegabytes" in run.error
    assert run.files == []
    assert await desk.types("report_run") == ["REPORT_RUN_STARTED", "REPORT_RUN_FAILED"]


async def test_what_fails_every_time_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise RetryLater(timedelta(0), "as if a figure could not be read")

    monkeypatch.setattr(making.gathering, "gather", fails)
    run = await desk.run(await desk.report())
    assert (run.status, run.error) == (ReportRunStatus.FAILED, making._GIVEN_UP)
    async with desk.world.dbs.app.read(desk.tenant_id) as tx:
        [job] = (await tx.exec(select(Job).where(Job.name == "reports.make"))).all()
    assert job.attempts == making.MOST_ATTEMPTS + 1
    assert job.done_at is not None


async def test_a_file_that_is_too_long_to_be_attached_is_sent_as_a_link(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_BYTES", 10)
    anna = await desk.user("anna@shop.example")
    run = await desk.run(await desk.report(recipients=[Addressee(user_id=anna)]), send=True)
    assert run.told_count == 1
    [mail] = desk.sink.mails
    assert not list(mail.message.iter_attachments())
    assert "/files/" in mail.body
    assert await _left(desk) == (1, 0, 1)


async def test_attachments_are_forgotten_when_nothing_can_need_them(desk: Desk) -> None:
    anna = await desk.user("anna@shop.example")
    report = await desk.report(recipients=[Addressee(user_id=anna)])
    desk.sink.refusing = "451 4.3.0 try again later"
    await desk.run(report, send=True)
    await attachments.tidy(desk.world.dbs.system)
    assert await _left(desk) == (1, 1, 1)
    # The mail is tried again with it.
    desk.sink.refusing = None
    desk.clock.advance(minutes=2)
    await desk.world.settle()
    [mail] = desk.sink.mails
    assert len(list(mail.message.iter_attachments())) == 1
    desk.clock.advance(seconds=attachments.KEPT_FOR.total_seconds() + 1)
    await attachments.tidy(desk.world.dbs.system)
    assert (await _left(desk))[1] == 0


async def test_nobody_is_told_of_another_tenants_figures(desk: Desk) -> None:
    await a_busy_hour(desk)
    other = await new_tenant(desk.world.dbs)
    async with desk.world.dbs.app.write(other) as tx:
        report = await service.create(tx, service.NewReport(name="Theirs", period=RelativePeriod.TODAY, schedule=DAILY))
        await service.run(tx, report.id, send=False)
    mine, desk.world.tenant_id = desk.world.tenant_id, other
    await desk.world.settle()
    [run] = await desk.runs()
    assert "Nothing happened in this period." in text_of(await desk.content(run))
    desk.world.tenant_id = mine
    assert await desk.runs() == []


def _without(desk: Desk, permission: str) -> Any:
    return replace(desk.actor, permissions=desk.actor.permissions - {permission})


async def _in_zone(desk: Desk, zone: str) -> None:
    async with desk.world.dbs.system.write(desk.tenant_id) as tx:
        await tenants.update(tx, desk.tenant_id, {"settings": {"time_zone": zone}})


async def _left(desk: Desk) -> tuple[int, int, int]:
    """Files, attachments and mails there are."""
    async with desk.world.dbs.app.read(desk.tenant_id) as tx:
        made = len((await tx.exec(select(File))).all())
        attached = len((await tx.exec(select(NotificationAttachment))).all())
    mails = [each for each in await desk.world.notifications() if each.kind is NotificationKind.REPORT]
    return made, attached, len(mails)
