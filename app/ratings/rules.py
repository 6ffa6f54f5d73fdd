"""What may be said of a visit, by when, and what many ratings come to. Pure: reads and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.ratings.errors import RatingRefusal, RatingRefused
from app.sessions.models import SessionStatus

MIN_SCORE, MAX_SCORE = 1, 5
MAX_NPS = 10
MAX_COMMENT = 2_000
MAX_DAYS = 90

SATISFIED_FROM = 4
PROMOTERS_FROM, DETRACTORS_TO = 9, 6


@dataclass(frozen=True, slots=True)
class FeedbackConfig:
    """What a queue asks after service."""

    is_asked: bool = True
    asks_nps: bool = False
    asks_comment: bool = True
    days: int = 14


DEFAULT = FeedbackConfig()
"""Of a queue for which nothing was set."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of a visit: all of it, instead of what was said before."""

    score: int
    nps: int | None = None
    comment: str | None = None


def ensure_config(config: FeedbackConfig) -> None:
    """`InvalidInput` unless a queue may ask so."""
    if not 1 <= config.days <= MAX_DAYS:
        raise InvalidInput("feedback.days", f"`days` is from 1 to {MAX_DAYS}.")


def ensure_given(config: FeedbackConfig, given: Given) -> Given:
    """What was said, tidied. `InvalidInput` unless it is what the queue asks."""
    if not MIN_SCORE <= given.score <= MAX_SCORE:
        raise InvalidInput("score", f"A score is from {MIN_SCORE} to {MAX_SCORE}.")
    if given.nps is not None:
        if not config.asks_nps:
            raise InvalidInput("nps", "This queue does not ask how likely visitors are to recommend it.")
        if not 0 <= given.nps <= MAX_NPS:
            raise InvalidInput("nps", f"`nps` is from 0 to {MAX_NPS}.")
    comment = None
    if given.comment is not None and given.comment.strip():
        if not config.asks_comment:
            raise InvalidInput("comment", "This queue does not ask for a comment.")
        ensure_text("comment", given.comment, 1, MAX_COMMENT)
        comment = given.comment.strip()
    return Given(given.score, given.nps, comment)


def is_served(status: SessionStatus, started_at: datetime | None) -> bool:
    """Whether there was a service, and it is over: completed, or ended by the clock of a stay."""
    return status is SessionStatus.COMPLETED or (status is SessionStatus.EXPIRED and started_at is not None)


def open_until(config: FeedbackConfig, ended_at: datetime) -> datetime:
    """Until when a visit that ended then may be rated."""
    return ended_at + timedelta(days=config.days)


def ensure_ratable(
    config: FeedbackConfig,
    status: SessionStatus,
    started_at: datetime | None,
    ended_at: datetime | None,
    now: datetime,
) -> None:
    """`RatingRefused` unless a visit may be rated now."""
    if not config.is_asked:
        raise RatingRefused(RatingRefusal.NOT_ASKED)
    if ended_at is None or not is_served(status, started_at):
        raise RatingRefused(RatingRefusal.NOT_SERVED)
    if now > open_until(config, ended_at):
        raise RatingRefused(RatingRefusal.TOO_LATE)


def mean_score(counts: Mapping[int, int]) -> float | None:
    """The mean of scores, given how often each of 1 to 5 was given; None of none."""
    total = sum(counts.values())
    return sum(score * count for score, count in counts.items()) / total if total else None


def csat(counts: Mapping[int, int]) -> float | None:
    """The share of scores of 4 and 5 in percent, given how often each of 1 to 5 was given; None of none."""
    total = sum(counts.values())
    if not total:
        return None
    return 100 * sum(count for score, count in counts.items() if score >= SATISFIED_FROM) / total


def nps(counts: Mapping[int, int]) -> float | None:
    """The net promoter score, -100 to 100: percent of 9 and 10 minus percent of 0 to 6.

    Given how often each of 0 to 10 was given; None of none.
    """
    total = sum(counts.values())
    if not total:
        return None
    promoters = sum(count for score, count in counts.items() if score >= PROMOTERS_FROM)
    detractors = sum(count for score, count in counts.items() if score <= DETRACTORS_TO)
    return 100 * (promoters - detractors) / total
