"""Figures, text and picture of a day, made from a log that is known."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.replay.client import Traffic
from app.replay.invariants import Broken, Evidence, check_all
from app.replay.log import LogEvent
from app.replay.picture import draw, levels, medians
from app.replay.plan import Agent, Plan, Visitor, Wait
from app.replay.player import Record
from app.replay.report import Figures, figures, minutes, percentile, write
from tests.replay.bank import numbered

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NINE = 32_400.0
SPEED = 60.0


def logged(second: float, type_: str, who: int, counter: str | None = None) -> LogEvent:
    """An event at that second of the source's day after nine."""
    at = BEGIN + timedelta(seconds=second / SPEED)
    priority = who % 2
    effective = at - timedelta(seconds=priority * 90 / SPEED)
    rank = {"rankClass": 0, "rankTime": effective.isoformat(), "rankSequence": who, "priority": priority}
    return LogEvent(0, type_, at, f"session {who}", f"R{who}", counter, rank if type_ == "SESSION_JOINED" else {})


# 1 waits 60 s and is served, 2 waits 300 s and hangs up, 3 waits 120 s and is served.
EVENTS = numbered(
    [
        logged(0, "SESSION_JOINED", 1),
        logged(60, "SESSION_CALLED", 1, "AVI"),
        logged(60, "SESSION_STARTED", 1, "AVI"),
        logged(60, "SESSION_JOINED", 2),
        logged(120, "SESSION_JOINED", 3),
        logged(240, "SESSION_COMPLETED", 1, "AVI"),
        logged(240, "SESSION_CALLED", 3, "AVI"),
        logged(250, "SESSION_STARTED", 3, "AVI"),
        logged(360, "SESSION_CANCELLED", 2),
        logged(400, "SESSION_COMPLETED", 3, "AVI"),
    ]
)
PLAN = Plan(
    starts=NINE,
    visitors=(
        Visitor(1, "a", 1, NINE, None, 180, False),
        Visitor(2, "b", 0, NINE + 60, NINE + 360, 100, True),
        Visitor(3, "c", 1, NINE + 120, None, 150, False),
    ),
    agents=(Agent("AVI", NINE, NINE + 400, ()),),
    source=(Wait(1, NINE, 60, False), Wait(0, NINE + 60, 300, True), Wait(1, NINE + 120, 90, False)),
)


def found(
    events: Sequence[LogEvent] = EVENTS, broken: dict[str, list[Broken]] | None = None, joined: int = 3
) -> Figures:
    record = Record(joined=joined, lags=[0.001, 0.002, 0.5], numbers={f"session {who}": who for who in (1, 2, 3)})
    record.estimates = {"session 1": 2.0, "session 3": 2.0, "session 2": 1.0}
    return figures(
        plan=PLAN,
        record=record,
        events=events,
        broken=check_all(Evidence(events)) if broken is None else broken,
        traffic=Traffic(requests=20, most_open_sockets=3),
        day="1999-08-02",
        speed=SPEED,
        finished=joined == 3,
        real_seconds=7.0,
    )


def test_figures_are_those_of_the_log_in_the_sources_seconds() -> None:
    all_ = found().waits["all"]
    assert (found().joined, found().served, found().abandoned, found().on_their_way) == (3, 2, 1, 0)
    assert (all_.callers, all_.mean, all_.p50, all_.p90, all_.longest) == (3, 160.0, 120.0, 300.0, 300.0)
    assert found().waits["1"].longest == 120.0
    assert found().source_waits["1"].longest == 90.0
    assert (found().busiest_hour, found().busiest_hour_joins) == ("09:00 to 10:00", 3)
    assert (found().most_waiting, found().source_most_waiting) == (2, 2)
    # Session 1 waited 1 real second and was told 2, session 3 waited 2 and was told 2; who hung up proves nothing.
    assert (found().estimates, found().estimate_median_error_seconds) == (2, 0.0)
    assert found().worst_lag_seconds == 0.5
    assert found().holds


def test_a_run_that_stopped_counts_who_is_still_on_the_way() -> None:
    early = found(EVENTS[:4], joined=2)
    assert (early.served, early.abandoned, early.on_their_way) == (0, 0, 2)
    assert early.waits["all"].callers == 1
    # The source's figures are those of the same callers.
    assert (early.callers, early.source_waits["all"].callers, early.source_abandoned) == (2, 2, 1)
    assert "stopped early" in text(early)


def test_figures_go_through_json() -> None:
    assert json.loads(json.dumps(found().to_json()))["waits"]["all"]["p50"] == 120.0


def text(what: Figures) -> str:
    out = io.StringIO()
    write(Console(file=out, width=110), what)
    return out.getvalue()


def test_the_report_tells_replay_and_source_side_by_side() -> None:
    report = text(found())
    assert "1 (33.3%)" in report
    assert "2:40" in report  # mean of all
    assert "All invariants hold." in report
    assert "BROKEN" not in report


def test_the_report_names_what_is_broken_and_does_not_drown_in_it() -> None:
    many = [Broken("called_once", number, "R1 called 2 times") for number in range(1, 9)]
    report = text(found(broken={"called_once": many, "called_in_order": []}))
    assert "INVARIANTS ARE BROKEN: called_once" in report
    assert "revision 5: R1 called 2 times" in report
    assert "revision 6" not in report
    assert "and 3 more" in report


def test_a_report_of_nothing_is_still_a_report() -> None:
    assert "0" in text(found([]))


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    value = percentile(values, share)
    assert value in values
    assert sum(other <= value for other in values) >= share * len(values)
    assert sum(other < value for other in values) <= share * len(values)


def test_minutes() -> None:
    assert [minutes(seconds) for seconds in (0, 59.4, 59.6, 3600)] == ["0:00", "0:59", "1:00", "60:00"]


# Picture

WAITS = tuple(Wait(number % 3, NINE + number * 60, number * 7.0 % 400, number % 5 == 0) for number in range(120))


def test_the_picture_is_one_self_contained_svg() -> None:
    picture = draw("1999-08-02", 120, WAITS, PLAN.source)
    root = ET.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for outside in ("href", "url(", "<script", "<image", "@import"):
        assert outside not in picture
    words = "".join(root.itertext())
    for said in ("People waiting", "minutes", "time of day", "priority 2", "hung up", "Anonymous Bank", "Technion"):
        assert said in words
    assert "prefers-color-scheme:dark" in picture
    dots = [shape for shape in root.iter("{http://www.w3.org/2000/svg}circle") if shape.get("r") == "2"]
    assert len(dots) == len(WAITS)


def test_the_picture_stands_odd_days() -> None:
    one = (Wait(0, NINE, 0.0, False),)
    for waits in (one, (), WAITS[:2]):
        ET.fromstring(draw("<1999> & co", 1, waits, one))


@given(st.lists(st.tuples(st.floats(0, 7000), st.floats(0, 3000)), max_size=20))
def test_the_area_under_the_levels_is_all_the_waiting(spans: list[tuple[float, float]]) -> None:
    waits = [Wait(0, joins, seconds, False) for joins, seconds in spans]
    area = sum(level for _, level in levels(waits, 0, 10_800, 300)) * 300
    assert area == pytest.approx(sum(wait.seconds for wait in waits), abs=1e-3)


def test_a_median_needs_enough_people() -> None:
    waits = [Wait(0, 100, 60, False), Wait(0, 200, 120, False), Wait(0, 300, 600, False), Wait(0, 2000, 60, False)]
    assert medians(waits) == [(900, 2.0)]
    assert medians([*waits[:2], Wait(0, 300, 600, True)]) == []
