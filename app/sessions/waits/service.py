"""What is known of how good a queue's estimates are. Reads only; learning is `learning.py`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import ReadTx
from app.core.errors import BadInput
from app.queues import service as queues
from app.sessions.waits import accuracy, repository
from app.sessions.waits.accuracy import Figures
from app.sessions.waits.fold import read_said

LONGEST = timedelta(days=100)
"""Samples are kept for less."""


@dataclass(frozen=True, slots=True)
class Predicting:
    """A predictor of a queue, and its mean pinball loss (P50 + P90) over the waits it was measured on, newest first."""

    name: str
    loss_seconds: float
    outcomes: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good what was said on joining in a period has been."""

    since: datetime
    until: datetime
    counts: repository.Counts
    scored: int
    served: Figures | None
    weighted: Figures | None
    sentence: str | None
    predictors: list[Predicting]


async def estimate_accuracy(
    tx: ReadTx, queue_id: UUID, since: datetime, until: datetime | None, now: datetime, locale: str
) -> Accuracy:
    """Of one queue; until now where `until` is None. `NotFound`, and `BadInput` for a period that cannot be asked."""
    until = now if until is None else until
    if not since < until:
        raise BadInput("`from` has to be before `to`.")
    if until - since > LONGEST:
        raise BadInput(f"A period has at most {LONGEST.days} days.")
    await queues.get(tx, queue_id)
    cells = await repository.cells(tx, queue_id, since, until)
    scored = sum(one.samples for one in cells)
    served = accuracy.served_only(cells)
    said = await repository.said_of(tx, queue_id)
    measured = read_said(said.said).selector.measured if said is not None else {}
    return Accuracy(
        since=since,
        until=until,
        counts=await repository.counts(tx, queue_id, since, until),
        scored=scored,
        served=served,
        weighted=accuracy.weighted(cells),
        sentence=accuracy.sentence(served, scored, since, until, now, locale),
        predictors=sorted(
            (Predicting(name, one.mean, one.outcomes) for name, one in measured.items()),
            key=lambda one: one.loss_seconds,
        ),
    )
