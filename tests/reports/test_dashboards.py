"""Dashboards that are kept: what may stand on one, who sees it, and what happens when two change it at once."""

import asyncio
from typing import Any

import pytest

from app.core.errors import InvalidInput
from app.identity.models import Role
from app.reports.dashboards import service
from app.reports.dashboards.rules import DashboardFigure, Widget, WidgetKind, ensure_widgets
from app.reports.periods import RelativePeriod
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed, key_of

NUMBER = {"kind": "NUMBER", "x": 0, "y": 0, "width": 3, "height": 2, "figures": ["WAIT_P90"], "period": "TODAY"}
LINES = {
    "kind": "LINES",
    "x": 3,
    "y": 0,
    "width": 9,
    "height": 4,
    "figures": ["JOINED", "SERVED"],
    "period": "LAST_SEVEN_DAYS",
    "granularity": "DAY",
    "title": "Visits",
    "compare": True,
}
TEXT = {"kind": "TEXT", "x": 0, "y": 2, "width": 3, "height": 2, "text": "Ring the bell."}


async def ask(caller: Caller, operation_name: str, /, **input: Any) -> Any:
    return await caller(operation(operation_name), input=input)


async def names(caller: Caller) -> list[str]:
    found = await caller(operation("SavedDashboardList"))
    return [edge["node"]["name"] for edge in found["edges"]]


async def test_a_dashboard_is_kept_as_it_was_given(business: Business) -> None:
    queue = await business.queue()
    widgets = [NUMBER | {"queueIds": [queue]}, LINES, TEXT]
    made = await ask(business.admin, "SavedDashboardCreate", name="  Mornings ", widgets=widgets)
    assert made["__typename"] == "SavedDashboardCreateSuccess", made
    kept = made["dashboard"]
    assert (kept["name"], kept["isShared"], kept["isMine"], kept["revision"]) == ("Mornings", False, True, 1)
    nothing = {"title": "", "figures": [], "queueIds": [], "period": None, "granularity": None, "compare": False}
    assert kept["widgets"] == [nothing | {"text": None} | each for each in widgets]
    changed = await ask(
        business.admin, "SavedDashboardUpdate", dashboardId=kept["id"], fromRevision=1, widgets=[TEXT], name="Evenings"
    )
    assert (changed["dashboard"]["revision"], len(changed["dashboard"]["widgets"])) == (2, 1)
    same = await ask(business.admin, "SavedDashboardUpdate", dashboardId=kept["id"], name="Evenings")
    assert same["dashboard"]["revision"] == 2
    assert await names(business.admin) == ["Evenings"]
    gone = await ask(business.admin, "SavedDashboardDelete", dashboardId=kept["id"], fromRevision=1)
    assert (gone["__typename"], gone["revision"]) == ("SavedDashboardChangedError", 2)
    gone = await ask(business.admin, "SavedDashboardDelete", dashboardId=kept["id"])
    assert gone["__typename"] == "SavedDashboardDeleteSuccess"
    assert await names(business.admin) == []


async def test_ones_own_dashboard_is_found_by_nobody_else(api: Api, business: Business) -> None:
    manager, other = await business.user(Role.MANAGER), await business.user(Role.MANAGER)
    made = await ask(manager, "SavedDashboardCreate", name="Mine", widgets=[TEXT])
    id = made["dashboard"]["id"]
    assert await names(manager) == ["Mine"]
    for somebody in (other, business.admin, (await api.new_business()).admin):
        assert "Mine" not in await names(somebody)
        for name in ("SavedDashboardUpdate", "SavedDashboardDelete"):
            with pytest.raises(GraphQLFailed) as refused:
                await ask(somebody, name, dashboardId=id)
            assert refused.value.code == "NOT_FOUND"
        with pytest.raises(GraphQLFailed) as refused:
            await somebody("query($id: ID!) { node(id: $id) { id } }", id=id)
        assert refused.value.code == "NOT_FOUND"
    shared = await ask(manager, "SavedDashboardUpdate", dashboardId=id, isShared=True)
    assert shared["dashboard"]["isShared"]
    assert await names(other) == ["Mine"]
    changed = await ask(other, "SavedDashboardUpdate", dashboardId=id, name="Ours")
    assert (changed["dashboard"]["isMine"], changed["dashboard"]["revision"]) == (False, 3)
    back = await ask(other, "SavedDashboardUpdate", dashboardId=id, isShared=False)
    assert (back["__typename"], back["field"]) == ("InvalidInputError", "isShared")
    back = await ask(manager, "SavedDashboardUpdate", dashboardId=id, isShared=False)
    assert not back["dashboard"]["isShared"]
    # Staff may look at figures, and at what is shared; they keep nothing.
    staff = await business.user(Role.STAFF)
    with pytest.raises(GraphQLFailed) as refused:
        await ask(staff, "SavedDashboardCreate", name="Mine")
    assert refused.value.code == "FORBIDDEN"


async def test_of_two_changes_from_one_revision_one_is_refused(business: Business) -> None:
    made = await ask(business.admin, "SavedDashboardCreate", name="Board")
    id = made["dashboard"]["id"]
    answers = await asyncio.gather(
        *(
            ask(business.admin, "SavedDashboardUpdate", dashboardId=id, fromRevision=1, name=f"Board {number}")
            for number in range(5)
        )
    )
    told = sorted(answer["__typename"] for answer in answers)
    assert told == ["SavedDashboardChangedError"] * 4 + ["SavedDashboardUpdateSuccess"]
    assert {answer["revision"] for answer in answers if "revision" in answer} == {2}


async def test_others_queues_do_not_stand_on_it_and_there_are_only_so_many(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await (await api.new_business()).queue()
    with pytest.raises(GraphQLFailed) as refused:
        await ask(business.admin, "SavedDashboardCreate", name="Board", widgets=[NUMBER | {"queueIds": [theirs]}])
    assert refused.value.code == "NOT_FOUND"
    assert await names(business.admin) == []
    monkeypatch.setattr(service, "MAX_DASHBOARDS", 1)
    answers = await asyncio.gather(*(ask(business.admin, "SavedDashboardCreate", name="Board") for _ in range(4)))
    told = sorted(answer["__typename"] for answer in answers)
    assert told == ["LimitReachedError"] * 3 + ["SavedDashboardCreateSuccess"]


async def test_a_program_has_no_dashboards_of_its_own(business: Business) -> None:
    made = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Boards", "scopes": ["report:write", "analytics:read"]},
    )
    program = Caller(business.api, made["secret"])
    refused = await ask(program, "SavedDashboardCreate", name="Board")
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "isShared")
    shared = await ask(program, "SavedDashboardCreate", name="Board", isShared=True)
    assert not shared["dashboard"]["isMine"]
    assert await names(business.admin) == ["Board"]
    # Of people's own it sees none.
    await ask(business.admin, "SavedDashboardCreate", name="Mine")
    assert await names(program) == ["Board"]


def widget(**values: Any) -> Widget:
    plain: dict[str, Any] = {"kind": WidgetKind.TEXT, "title": "", "x": 0, "y": 0, "width": 1, "height": 1, "text": "!"}
    number = {
        "kind": WidgetKind.NUMBER,
        "figures": (DashboardFigure.JOINED,),
        "period": RelativePeriod.TODAY,
        "text": None,
    }
    return Widget(**(plain | (number if values.pop("number", False) else {}) | values))


@pytest.mark.parametrize(
    ("widgets", "field"),
    [
        ([widget(x=-1)], "widgets.0"),
        ([widget(x=8, width=5)], "widgets.0"),
        ([widget(width=0)], "widgets.0"),
        ([widget(y=200)], "widgets.0"),
        ([widget(height=21)], "widgets.0"),
        ([widget(), widget(x=1), widget(x=1)], "widgets.2"),
        ([widget(width=3, height=3), widget(x=2, y=2)], "widgets.1"),
        ([widget(y=each) for each in range(41)], "widgets"),
        ([widget(text=None)], "widgets.0.text"),
        ([widget(text=" ")], "widgets.0.text"),
        ([widget(title="x" * 121)], "widgets.0.title"),
        ([widget(period=RelativePeriod.TODAY)], "widgets.0.period"),
        ([widget(number=True, period=None)], "widgets.0.period"),
        ([widget(number=True, figures=())], "widgets.0.figures"),
        ([widget(number=True, figures=(DashboardFigure.JOINED, DashboardFigure.SERVED))], "widgets.0.figures"),
        ([widget(number=True, kind=WidgetKind.LINES)], "widgets.0.granularity"),
        ([widget(number=True, text="!")], "widgets.0.text"),
        ([widget(number=True, kind=WidgetKind.TABLE, figures=(DashboardFigure.NPS,) * 2)], "widgets.0.figures"),
    ],
)
def test_what_cannot_stand_on_a_dashboard(widgets: list[Widget], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ensure_widgets(widgets)
    assert refused.value.field == field


def test_widgets_that_touch_do_not_lie_over_each_other() -> None:
    ensure_widgets([widget(x=x, y=y) for x in range(12) for y in range(3)])
    kept = widget(number=True)
    assert Widget.of(kept.as_json()) == kept


async def test_the_key_behind_it_is_no_other_kinds(business: Business) -> None:
    made = await ask(business.admin, "SavedDashboardCreate", name="Board")
    assert key_of("SavedDashboard", made["dashboard"]["id"])
    with pytest.raises(GraphQLFailed) as refused:
        await ask(business.admin, "SavedReportDelete", reportId=made["dashboard"]["id"])
    assert refused.value.code == "NOT_FOUND"
