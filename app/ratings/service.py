"""Asking for ratings and taking them. Each is an event of the queue, so that figures follow from the log alone."""

from dataclasses import asdict
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.counters import repository as counters
from app.queues.events import LineState, QueueUpdated
from app.queues.line import lock, write_down
from app.ratings import repository, rules
from app.ratings.events import SessionRated
from app.ratings.models import QueueFeedback, Rating, RatingSource
from app.ratings.rules import FeedbackConfig, Given
from app.sessions import repository as sessions
from app.sessions.errors import SessionMoved
from app.sessions.events import SessionState
from app.sessions.service import note


async def feedback(tx: ReadTx, queue_id: UUID) -> FeedbackConfig:
    """What a queue asks after service."""
    return config_of((await repository.feedback_of(tx, [queue_id])).get(queue_id))


def config_of(row: QueueFeedback | None) -> FeedbackConfig:
    """From its row, if there is one."""
    if row is None:
        return rules.DEFAULT
    return FeedbackConfig(row.is_asked, row.asks_nps, row.asks_comment, row.days)


async def set_feedback(tx: WriteTx, queue_id: UUID, config: FeedbackConfig) -> None:
    """What the queue asks from now on, of past visits too. Raises `InvalidInput`, `NotFound`."""
    rules.ensure_config(config)
    line = await lock(tx, queue_id)
    row = (await repository.feedback_of(tx, [queue_id])).get(queue_id)
    if config_of(row) == config:
        return
    if row is None:
        tx.add(QueueFeedback(tenant_id=tx.tenant, id=queue_id, **asdict(config)))
    else:
        for name, value in asdict(config).items():
            setattr(row, name, value)
    write_down(tx, line, lambda state: QueueUpdated(state, {"feedback": asdict(config)}))


async def rate(tx: WriteTx, session_id: UUID, given: Given, source: RatingSource) -> Rating:
    """Say how a visit was, or say it otherwise. Nothing happens if it was said already.

    Raises `RatingRefused`, `InvalidInput`, `SessionMoved`, `NotFound`.
    """
    session = await sessions.get(tx, session_id)
    line = await lock(tx, session.queue_id)
    # Under the lock: it may have ended meanwhile, or be rated by somebody else who has the link.
    session = await sessions.get(tx, session_id)
    if session.queue_id != line.queue.id:
        raise SessionMoved
    config = await feedback(tx, line.queue.id)
    rules.ensure_ratable(config, session.status, session.started_at, session.ended_at, line.now)
    given = rules.ensure_given(config, given)
    row = (await repository.ratings_of(tx, [session_id])).get(session_id)
    if row is not None and (row.score, row.nps, row.comment) == (given.score, given.nps, given.comment):
        return row
    if row is None:
        row = Rating(
            tenant_id=tx.tenant,
            id=session_id,
            queue_id=line.queue.id,
            score=given.score,
            nps=given.nps,
            comment=given.comment,
            source=source,
            rated_at=line.now,
            changed_at=line.now,
        )
        tx.add(row)
    else:
        row.score, row.nps, row.comment = given.score, given.nps, given.comment
        row.source, row.changed_at = source, line.now
    counter = None if session.counter_id is None else await counters.get(tx, session.counter_id)

    def rated(state: LineState, said_of: SessionState) -> SessionRated:
        return SessionRated(state, said_of, given.score, given.nps, source)

    note(tx, line, session, rated, counter.name if counter else None)
    return row
