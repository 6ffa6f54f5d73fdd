"""Reports through the API: what is kept, refused, hidden and fetched."""

from typing import Any

import pytest
from sqlmodel import select

from app.core.actor import SYSTEM
from app.core.ids import parse
from app.identity.models import Role
from app.privacy.work import work
from app.reports import rules
from app.reports.dashboards.models import SavedDashboard
from app.reports.models import ReportRecipient, ReportRun, ReportRunStatus
from app.transfers import files
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed

WEEKLY = {"frequency": "WEEKLY", "timeOfDay": "07:30:00", "weekday": "MONDAY", "monthDay": None}


async def ask(caller: Caller, operation_name: str, /, **input: Any) -> Any:
    return await caller(operation(operation_name), input=input)


async def create(caller: Caller, **values: Any) -> Any:
    made = await ask(caller, "SavedReportCreate", **{"name": "Figures", "period": "LAST_WEEK"} | values)
    assert made["__typename"] == "SavedReportCreateSuccess", made
    return made["report"]


async def me(caller: Caller) -> str:
    return str((await caller("{ viewer { ... on User { id } } }"))["id"])


async def test_a_report_is_kept_and_changed(business: Business) -> None:
    queue, user = await business.queue(), await me(business.admin)
    report = await create(
        business.admin,
        sections=["WAITS", "SUMMARY"],
        queueIds=[queue],
        schedule=WEEKLY,
        recipients=[{"userId": user, "locale": "de"}, {"address": "Board@Owners.example"}],
    )
    assert (report["sections"], report["queueIds"], report["schedule"]) == (["WAITS", "SUMMARY"], [queue], WEEKLY)
    assert report["nextDueAt"] is not None
    told = sorted(report["recipients"], key=lambda each: each["address"] or "")
    assert told == [
        {"userId": user, "address": None, "locale": "de"},
        {"userId": None, "address": "board@owners.example", "locale": None},
    ]
    paused = await ask(business.admin, "SavedReportUpdate", reportId=report["id"], isPaused=True, format="HTML")
    assert (paused["report"]["nextDueAt"], paused["report"]["revision"]) == (None, 2)
    unplanned = await ask(business.admin, "SavedReportUpdate", reportId=report["id"], schedule=None, recipients=[])
    assert (unplanned["report"]["schedule"], unplanned["report"]["recipients"]) == (None, [])
    same = await ask(business.admin, "SavedReportUpdate", reportId=report["id"], schedule=None, format="HTML")
    assert same["report"]["revision"] == 3
    # A manager sees whom it is sent to, but for addresses that are nobody's here.
    await ask(
        business.admin, "SavedReportUpdate", reportId=report["id"], recipients=[{"address": "board@owners.example"}]
    )
    manager = await business.user(Role.MANAGER)
    [edge] = (await manager(operation("SavedReportList")))["edges"]
    assert edge["node"]["recipients"] == [{"userId": None, "address": None, "locale": None}]
    gone = await ask(manager, "SavedReportDelete", reportId=report["id"])
    assert gone["__typename"] == "SavedReportDeleteSuccess"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"sections": []}, "sections"),
        ({"sections": ["WAITS", "WAITS"]}, "sections"),
        ({"locale": "not a locale"}, "locale"),
        ({"schedule": {"frequency": "WEEKLY", "timeOfDay": "07:30"}}, "schedule.weekday"),
        ({"recipients": [{}]}, "recipients.0"),
        ({"recipients": [{"address": "nobody"}]}, "recipients.0.address"),
        ({"recipients": [{"address": "a@b.example", "locale": "?"}]}, "recipients.0.locale"),
        ({"recipients": [{"address": "a@b.example"}, {"address": "A@b.example"}]}, "recipients"),
        ({"recipients": [{"address": f"{each}@b.example"} for each in range(51)]}, "recipients"),
    ],
)
async def test_what_cannot_be_reported(business: Business, values: dict[str, Any], field: str) -> None:
    refused = await ask(business.admin, "SavedReportCreate", **{"name": "Figures", "period": "TODAY"} | values)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    assert (await business.admin(operation("SavedReportList")))["edges"] == []


async def test_a_manager_sends_no_figures_to_strangers(business: Business) -> None:
    manager = await business.user(Role.MANAGER)
    with pytest.raises(GraphQLFailed) as refused:
        await ask(manager, "SavedReportCreate", name="Out", period="TODAY", recipients=[{"address": "a@b.example"}])
    assert refused.value.code == "FORBIDDEN"
    assert (await manager(operation("SavedReportList")))["edges"] == []
    await create(manager, recipients=[{"userId": await me(manager)}])


async def test_a_run_is_one_for_each_key_and_only_so_many_at_once(business: Business) -> None:
    report = await create(business.admin)
    given = {"reportId": report["id"], "idempotencyKey": "once"}
    first = await ask(business.admin, "SavedReportRun", **given)
    again = await ask(business.admin, "SavedReportRun", **given)
    assert first["run"]["id"] == again["run"]["id"]
    assert (first["run"]["status"], first["run"]["trigger"], first["run"]["files"]) == ("PENDING", "ASKED_FOR", [])
    other = await ask(business.admin, "SavedReportRun", **given, send=True)
    assert other["__typename"] == "IdempotencyConflictError"
    for _ in range(rules.MAX_PENDING - 1):
        more = await ask(business.admin, "SavedReportRun", reportId=report["id"])
        assert more["__typename"] == "SavedReportRunSuccess"
    refused = await ask(business.admin, "SavedReportRun", reportId=report["id"])
    assert (refused["__typename"], refused["maximum"]) == ("ReportRunningError", rules.MAX_PENDING)
    kept = await ask(business.admin, "SavedReportDelete", reportId=report["id"])
    assert kept["__typename"] == "ReportRunningError"
    page = await business.admin(operation("SavedReportRuns"), reportId=report["id"], first=3)
    assert len(page["runs"]["edges"]) == 3
    assert page["runs"]["pageInfo"]["hasNextPage"]


async def test_a_file_is_fetched_by_its_link(api: Api, business: Business) -> None:
    report = await create(business.admin)
    run = (await ask(business.admin, "SavedReportRun", reportId=report["id"]))["run"]
    ref = parse(run["id"])[1]
    async with api.runtime.dbs.app.write(ref.tenant_id, SYSTEM) as tx:
        now = tx.now()
        file = await files.store(
            tx,
            name="f.pdf",
            media_type="application/pdf",
            expires_at=now.replace(year=2100),
            personal=False,
            content=b"%",
        )
        (row,) = (await tx.exec(select(ReportRun).where(ReportRun.id == ref.id))).all()
        row.status, row.finished_at = ReportRunStatus.DONE, now
        row.files = [{"locale": "en", "fileId": str(file.id), "name": "f.pdf", "length": 1}]
    found = await business.admin(operation("ReportRunStatus"), runId=run["id"])
    [made] = found["files"]
    answer = await api.http.get(made["downloadUrl"])
    assert (answer.status_code, answer.content) == (200, b"%")
    async with api.runtime.dbs.app.write(ref.tenant_id, SYSTEM) as tx:
        await files.destroy(tx, file.id)
    [made] = (await business.admin(operation("ReportRunStatus"), runId=run["id"]))["files"]
    assert made["downloadUrl"] is None


async def test_erasing_a_person_takes_them_off_reports_and_their_own_dashboards(api: Api, business: Business) -> None:
    created = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { ... on UserCreateSuccess { user { id } } } }",
        i={"email": "jane@mail.example", "password": "correct horse battery", "role": "MANAGER"},
    )
    jane = created["user"]["id"]
    caller = await api.sign_in(business.slug, "jane@mail.example")
    for name, shared in (("Own", False), ("Shared", True)):
        await ask(caller, "SavedDashboardCreate", name=name, isShared=shared)
    await create(business.admin, recipients=[{"userId": jane}, {"address": "x@y.example"}])
    await create(business.admin, recipients=[{"address": "jane@mail.example"}])
    await business.admin(
        "mutation($i: UserDeactivateInput!) { userDeactivate(input: $i) { __typename } }", i={"userId": jane}
    )
    tenant_id = parse(jane)[1].tenant_id
    for name, left in (("PersonExport", (3, 2)), ("PersonErase", (1, 1))):
        given = {"export" if name == "PersonExport" else "input": {"email": "jane@mail.example"}}
        asked = await business.admin(operation(name), **given)
        runtime = api.runtime
        await work(runtime.dbs.system, runtime.authenticator.codes, *parse(asked["request"]["id"])[1])
        async with runtime.dbs.app.read(tenant_id) as tx:
            recipients = (await tx.exec(select(ReportRecipient))).all()
            boards = (await tx.exec(select(SavedDashboard))).all()
        assert (len(recipients), len(boards)) == left
        if name == "PersonExport":
            listed = await business.admin(operation("PrivacyRequestList"), first=1)
            url = listed["edges"][0]["node"]["downloadUrl"]
            data = (await api.http.get(url)).json()["data"]
            assert (len(data["report_recipients"]), len(data["saved_dashboards"])) == (2, 2)
    assert [row.address for row in recipients] == ["x@y.example"]
    assert [row.name for row in boards] == ["Shared"]
