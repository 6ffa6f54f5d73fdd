"""Figures of ratings against their definitions, and what may be said."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.ratings.errors import RatingRefusal, RatingRefused
from app.ratings.rules import (
    DEFAULT,
    FeedbackConfig,
    Given,
    csat,
    ensure_config,
    ensure_given,
    ensure_ratable,
    mean_score,
    nps,
)
from app.sessions.models import SessionStatus

ENDED = datetime(2026, 5, 4, 10, tzinfo=UTC)


def counts(values: list[int]) -> dict[int, int]:
    return {value: values.count(value) for value in values}


@given(st.lists(st.integers(1, 5), min_size=1))
def test_csat_is_the_share_of_fours_and_fives(scores: list[int]) -> None:
    assert csat(counts(scores)) == pytest.approx(100 * sum(score in (4, 5) for score in scores) / len(scores))
    assert mean_score(counts(scores)) == pytest.approx(sum(scores) / len(scores))


@given(st.lists(st.integers(0, 10), min_size=1))
def test_nps_is_promoters_minus_detractors(answers: list[int]) -> None:
    promoters, detractors = sum(each >= 9 for each in answers), sum(each <= 6 for each in answers)
    assert nps(counts(answers)) == pytest.approx(100 * (promoters - detractors) / len(answers))


def test_nobody_has_said_anything() -> None:
    assert (csat({}), nps({}), mean_score({}), csat({5: 0})) == (None, None, None, None)
    assert nps({10: 1}) == 100
    assert nps({6: 3}) == -100
    assert nps({7: 1, 8: 1}) == 0


@pytest.mark.parametrize(
    ("status", "started", "days_later", "reason"),
    [
        (SessionStatus.COMPLETED, True, 0, None),
        (SessionStatus.COMPLETED, True, 14, None),
        (SessionStatus.COMPLETED, True, 14.001, RatingRefusal.TOO_LATE),
        (SessionStatus.EXPIRED, True, 0, None),
        (SessionStatus.EXPIRED, False, 0, RatingRefusal.NOT_SERVED),
        (SessionStatus.NO_SHOW, False, 0, RatingRefusal.NOT_SERVED),
        (SessionStatus.CANCELLED, True, 0, RatingRefusal.NOT_SERVED),
        (SessionStatus.SERVING, True, 0, RatingRefusal.NOT_SERVED),
    ],
)
def test_who_may_rate_when(
    status: SessionStatus, started: bool, days_later: float, reason: RatingRefusal | None
) -> None:
    ended = None if status is SessionStatus.SERVING else ENDED
    given = (status, ENDED if started else None, ended, ENDED + timedelta(days=days_later))
    if reason is None:
        ensure_ratable(DEFAULT, *given)
    else:
        with pytest.raises(RatingRefused) as refused:
            ensure_ratable(DEFAULT, *given)
        assert refused.value.reason is reason
    with pytest.raises(RatingRefused) as refused:
        ensure_ratable(FeedbackConfig(is_asked=False), *given)
    assert refused.value.reason is RatingRefusal.NOT_ASKED


@pytest.mark.parametrize(
    ("config", "said", "field"),
    [
        (DEFAULT, Given(0), "score"),
        (DEFAULT, Given(6), "score"),
        (DEFAULT, Given(5, nps=9), "nps"),
        (FeedbackConfig(asks_nps=True), Given(5, nps=11), "nps"),
        (FeedbackConfig(asks_nps=True), Given(5, nps=-1), "nps"),
        (FeedbackConfig(asks_comment=False), Given(5, comment="Nice"), "comment"),
        (DEFAULT, Given(5, comment="x" * 2_001), "comment"),
        (DEFAULT, Given(5, comment="a\x00b"), "comment"),
    ],
)
def test_what_may_not_be_said(config: FeedbackConfig, said: Given, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ensure_given(config, said)
    assert refused.value.field == field


def test_what_may_be_said_is_tidied() -> None:
    assert ensure_given(FeedbackConfig(asks_nps=True), Given(1, 0, "  Well.  ")) == Given(1, 0, "Well.")
    assert ensure_given(FeedbackConfig(asks_comment=False), Given(3, None, "  ")) == Given(3)
    for days in (0, 91):
        with pytest.raises(InvalidInput):
            ensure_config(FeedbackConfig(days=days))
