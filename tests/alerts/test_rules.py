"""When an alert is raised and when it is over, by what is measured and when; and which rules there may be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.alerts.models import AlertMetric, AlertResolution, AlertRule, AlertSeverity
from app.alerts.rules import METRICS, NO_DATA_AFTER, PLATFORM_METRICS, UNSEEN_AFTER, Limits, Watched, check, step
from app.alerts.telling import shown
from app.core.errors import InvalidInput

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIMITS = Limits(threshold=50, clear_threshold=40, for_seconds=60, clear_for_seconds=30)
ALERT = uuid4()


class Story:
    """One subject, measured again and again; what happened to it, and when."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.watched: Watched | None = None
        self.told: list[tuple[int, str]] = []

    def see(self, second: int, value: float | None) -> None:
        now = START + timedelta(seconds=second)
        found = step(self.limits, self.watched, value, now)
        self.watched = found.watched
        if found.fires:
            assert self.watched is not None
            self.watched = replace(self.watched, alert_id=ALERT)
            self.told.append((second, "raised"))
        if found.resolves is not None:
            assert self.watched is None
            self.told.append((second, found.resolves.value))


def story(limits: Limits, *seen: tuple[int, float | None]) -> list[tuple[int, str]]:
    told = Story(limits)
    for second, value in seen:
        told.see(second, value)
    return told.told


def every(seconds: range, value: float | None) -> list[tuple[int, float | None]]:
    return [(second, value) for second in seconds]


def test_it_fires_after_the_duration_and_not_before() -> None:
    assert story(LIMITS, *every(range(0, 60, 5), 51)) == []
    assert story(LIMITS, *every(range(0, 200, 5), 51)) == [(60, "raised")]
    assert story(LIMITS, *every(range(0, 200, 5), 50)) == [], "at the threshold is not above it"
    assert story(replace(LIMITS, for_seconds=0), (0, 51)) == [(0, "raised")]


def test_a_dip_begins_anew() -> None:
    seen = [*every(range(0, 55, 5), 51), (55, 50), *every(range(60, 200, 5), 51)]
    assert story(LIMITS, *seen) == [(120, "raised")]


def test_between_the_thresholds_nothing_changes() -> None:
    high = every(range(0, 65, 5), 51)
    # It swings round the limit for half an hour: one alert.
    swings = [(second, 51 if second % 10 else 45) for second in range(65, 1_865, 5)]
    assert story(LIMITS, *high, *swings) == [(60, "raised")]
    assert story(LIMITS, *high, *every(range(65, 200, 5), 41)) == [(60, "raised")]
    assert story(LIMITS, *high, *every(range(65, 200, 5), 40)) == [(60, "raised"), (95, "CLEARED")]


def test_it_is_over_only_when_it_stays_clear() -> None:
    high = every(range(0, 65, 5), 51)
    dips = [*every(range(65, 90, 5), 10), (90, 45), *every(range(95, 200, 5), 10)]
    assert story(LIMITS, *high, *dips) == [(60, "raised"), (125, "CLEARED")]
    again = [*every(range(100, 165, 5), 51)]
    assert story(LIMITS, *high, *every(range(65, 100, 5), 10), *again) == [
        (60, "raised"),
        (95, "CLEARED"),
        (160, "raised"),
    ]


def test_missing_data_are_neither_good_nor_bad() -> None:
    high = every(range(0, 65, 5), 51)
    gap = int(NO_DATA_AFTER.total_seconds())
    gone = every(range(65, 60 + gap, 60), None)
    assert story(LIMITS, *high, *gone) == [(60, "raised")]
    assert story(LIMITS, *high, *gone, (60 + gap, None)) == [(60, "raised"), (60 + gap, "NO_DATA")]
    # A short gap is bridged, and what was clear before a long one has to be clear anew.
    assert story(LIMITS, (0, 51), (30, None), (60, 51)) == [(60, "raised")]
    assert story(LIMITS, *high, (65, 10), (70, None), (600, 10), (625, 10)) == [(60, "raised")]
    assert story(LIMITS, *high, (65, 10), (70, None), (600, 10), (630, 10)) == [(60, "raised"), (630, "CLEARED")]


def test_what_nobody_has_seen_is_not_held_to_have_lasted() -> None:
    unseen = int(UNSEEN_AFTER.total_seconds())
    # Nobody looked for longer than that, because every worker was away: two moments are no duration.
    assert story(LIMITS, (0, 51), (unseen + 1, 51)) == []
    assert story(LIMITS, (0, 51), (unseen, 51)) == [(unseen, "raised")]
    assert story(LIMITS, (0, 51), (unseen + 1, None), (unseen + 2, 51), (unseen + 61, 51)) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.none() | st.sampled_from([0.0, 40.0, 41.0, 50.0, 51.0, 99.0]))))
def test_raised_and_over_take_turns(moves: list[tuple[int, float | None]]) -> None:
    told, second = Story(), 0
    for pause, value in moves:
        second += pause
        told.see(second, value)
        assert told.watched is None or told.watched.seen_at <= START + timedelta(seconds=second)
    kinds = [what for _, what in told.told]
    assert all(what == "raised" for what in kinds[::2])
    assert all(what != "raised" for what in kinds[1::2])
    assert (told.watched is not None and told.watched.alert_id is not None) == (len(kinds) % 2 == 1)


def rule(**values: Any) -> AlertRule:
    given: dict[str, Any] = {
        "name": "Too many",
        "metric": AlertMetric.WAITING_COUNT,
        "threshold": 50.0,
        "clear_threshold": 40.0,
        "for_seconds": 60,
        "clear_for_seconds": 60,
        "window_minutes": 15,
        "least_count": 5,
        "severity": AlertSeverity.WARNING,
        "tells_staff": True,
    }
    return AlertRule(tenant_id=uuid4(), id=uuid4(), **given | values)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": float("inf")}, "threshold"),
        ({"clear_threshold": 51.0}, "clearThreshold"),
        ({"for_seconds": 86_401}, "forSeconds"),
        ({"clear_for_seconds": -1}, "clearForSeconds"),
        ({"window_minutes": 4}, "windowMinutes"),
        ({"least_count": 0}, "leastCount"),
        ({"channels": ["EMAIL", "EMAIL"]}, "channels"),
        ({"channels": ["EMAIL"], "tells_staff": False}, "channels"),
        ({"user_ids": [str(uuid4())] * 51}, "userIds"),
        ({"metric": AlertMetric.ABANDONMENT_PERCENT, "threshold": 100.0}, "threshold"),
        ({"metric": AlertMetric.DEPENDENCY_DOWN, "threshold": 1.0, "tells_staff": False}, "threshold"),
        ({"metric": AlertMetric.WORKER_LAG_SECONDS}, "tellsStaff"),
        ({"metric": AlertMetric.WORKER_LAG_SECONDS, "tells_staff": False, "queue_id": uuid4()}, "queueId"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(rule(**values))
    assert refused.value.field == field


def test_rules_that_can_be_followed_are_not() -> None:
    check(rule())
    check(rule(channels=["CHAT"], tells_staff=False))
    check(rule(clear_threshold=50.0, for_seconds=0, clear_for_seconds=0))
    for metric in PLATFORM_METRICS:
        check(rule(metric=metric, threshold=METRICS[metric].most, clear_threshold=0.0, tells_staff=False))


def test_every_metric_has_a_meaning_and_a_resolution_has_a_reason() -> None:
    assert set(METRICS) == set(AlertMetric)
    assert {each.value for each in AlertResolution} == {"CLEARED", "NO_DATA", "RULE_CHANGED", "QUEUE_GONE"}


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (AlertMetric.WAITING_COUNT, 51.0, "51"),
        (AlertMetric.P90_WAIT_SECONDS, 90.0, "1.5"),
        (AlertMetric.P90_WAIT_SECONDS, 120.0, "2"),
        (AlertMetric.AVERAGE_WAIT_SECONDS, 1_801.0, "31"),
        (AlertMetric.ABANDONMENT_PERCENT, 33.333, "33.3"),
        (AlertMetric.NO_SHOW_PERCENT, 20.0, "20"),
        (AlertMetric.RELAY_LAG_SECONDS, 61.4, "61"),
    ],
)
def test_values_are_shown_as_people_read_them(metric: AlertMetric, value: float, text: str) -> None:
    assert str(shown(metric, value)) == text
