"""Every statement about ratings and about what queues ask."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.ratings.models import QueueFeedback, Rating


async def feedback_of(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, QueueFeedback]:
    """What queues ask, by queue; those for which nothing was set are left out."""
    found = await tx.exec(
        select(QueueFeedback).where(QueueFeedback.tenant_id == tx.tenant, col(QueueFeedback.id).in_(queue_ids))
    )
    return {row.id: row for row in found}


async def ratings_of(tx: ReadTx, session_ids: Sequence[UUID]) -> dict[UUID, Rating]:
    """What was said, by session."""
    found = await tx.exec(select(Rating).where(Rating.tenant_id == tx.tenant, col(Rating.id).in_(session_ids)))
    return {row.id: row for row in found}


async def page(tx: ReadTx, queue_id: UUID, most_score: int | None, request: PageRequest) -> Page[Rating]:
    """A queue's ratings, newest first."""
    statement = select(Rating).where(Rating.tenant_id == tx.tenant, Rating.queue_id == queue_id)
    if most_score is not None:
        statement = statement.where(col(Rating.score) <= most_score)
    return await fetch_page(tx, statement, [Rating.rated_at, Rating.id], request, newest_first=True)  # type: ignore[list-item]


async def forget_comments(tx: WriteTx, session_ids: Sequence[UUID]) -> None:
    """Destroy what was said in words about these sessions; the figures stay."""
    await tx.rows(
        "update ratings set comment_sealed = null where tenant_id = $1 and id = any($2::uuid[])"
        " and comment_sealed is not null returning 1",
        tx.tenant,
        list(session_ids),
    )


async def forget_comments_before(tx: WriteTx, before: datetime, *, limit: int) -> int:
    """The same of some that were given before a time, but none that somebody holds; how many."""
    done = await tx.rows(
        "update ratings r set comment_sealed = null from (select id from ratings where tenant_id = $1"
        " and rated_at < $2 and comment_sealed is not null limit $3 for update skip locked) as old"
        " where r.tenant_id = $1 and r.id = old.id returning 1",
        tx.tenant,
        before,
        limit,
    )
    return len(done)
