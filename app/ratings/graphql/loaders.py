"""Reads behind ratings, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.db.pages import PageRequest
from app.core.errors import BadInput, NotFound
from app.core.graphql.pages import connection
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.ratings import repository, rules, service
from app.ratings.graphql.types import QueueFeedback, Rating, RatingConnection, RatingEdge
from app.ratings.links import rating_url
from app.sessions import models as sessions
from app.sessions.graphql.loaders import ensure_session_access


def feedback_by_queue(context: Context, tenant_id: UUID) -> DataLoader[UUID, rules.FeedbackConfig]:
    """What queues ask."""

    async def load(ids: list[UUID]) -> Sequence[rules.FeedbackConfig]:
        async with context.read(tenant_id) as tx:
            found = await repository.feedback_of(tx, ids)
        return [service.config_of(found.get(id)) for id in ids]

    return DataLoader(load, cache=False)


def ratings_by_session(context: Context, tenant_id: UUID) -> DataLoader[UUID, Rating | None]:
    """What was said of visits."""

    async def load(ids: list[UUID]) -> Sequence[Rating | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.ratings_of(tx, ids)
        return [Rating.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


async def feedback_of_queue(context: Context, tenant_id: UUID, queue_id: UUID) -> QueueFeedback:
    """What a queue asks, for everybody."""
    return QueueFeedback.of(await context.loader(feedback_by_queue, tenant_id).load(queue_id))


async def rating_page(
    context: Context, tenant_id: UUID, queue_id: UUID, most_score: int | None, request: PageRequest
) -> RatingConnection:
    """A page of a queue's ratings, for staff."""
    context.actor.require_in(tenant_id, Permission.SESSION_READ)
    if most_score is not None and not rules.MIN_SCORE <= most_score <= rules.MAX_SCORE:
        raise BadInput(f"`mostScore` is from {rules.MIN_SCORE} to {rules.MAX_SCORE}.")
    async with context.read(tenant_id) as tx:
        page = await repository.page(tx, queue_id, most_score, request)
    return connection(RatingConnection, RatingEdge, page, Rating.of)


async def rating_node(context: Context, ref: Ref) -> Rating:
    """A rating by node id, for its visitor or staff."""
    ensure_session_access(context, ref, Permission.SESSION_READ)
    rating = await context.loader(ratings_by_session, ref.tenant_id).load(ref.id)
    if rating is None:
        raise NotFound("Rating")
    return rating


async def rating_link(context: Context, row: sessions.Session | sessions.Joined) -> str | None:
    """Where a visit can be rated; None unless it can be now."""
    if row.ended_at is None or not rules.is_served(row.status, row.started_at):
        return None
    config = await context.loader(feedback_by_queue, row.tenant_id).load(row.queue_id)
    until = rules.open_until(config, row.ended_at)
    if not config.is_asked or until < context.runtime.clock.now():
        return None
    settings = context.runtime.settings
    return rating_url(settings.secret, settings.base_url, Ref(row.tenant_id, row.id), until)


NODES = {"Rating": rating_node}
