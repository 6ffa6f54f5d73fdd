"""Reads behind sessions. Positions come from the live line, at least as new as the row they are shown with."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.actor import ActorKind
from app.core.db.pages import Page, PageRequest
from app.core.errors import NotFound
from app.core.graphql.pages import connection
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import repository as queues
from app.queues.models import QueueStatus
from app.sessions import models, repository
from app.sessions.graphql import types
from app.sessions.models import SessionStatus

# A row read while its session was being called is read again; this often in a row means a broken line.
_READS = 10


def sessions_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, "types.Session | None"]:
    """Sessions with their positions."""

    async def load(ids: list[UUID]) -> Sequence["types.Session | None"]:
        found: dict[UUID, types.Session] = {}
        missing = set(ids)
        for _ in range(_READS):
            if not missing:
                break
            async with context.read(tenant_id) as tx:
                rows = await repository.with_revisions(tx, list(missing))
            # Absent from the tables: not the tenant's.
            missing &= rows.keys()
            for id, (row, revision) in rows.items():
                session = await _placed(context, row, revision)
                if session is not None:
                    found[id] = session
                    missing.discard(id)
        if missing:
            raise RuntimeError("a waiting session is not in its line")
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)


async def _placed(context: Context, row: models.Session | models.Joined, revision: int) -> "types.Session | None":
    """The session with its place; None if the line shows that the row has been overtaken and has to be read again."""
    if row.status is not SessionStatus.WAITING or row.held_at is not None:
        return types.Session.of(row, revision, None)
    live = await context.runtime.lines.get(row.tenant_id, row.queue_id, revision)
    changed_at, place = live.line.changed_at(row.id), live.line.place(row.id)
    if changed_at is None or place is None or changed_at > revision:
        return None
    return types.Session.of(row, live.line.revision, place)


def notes_by_session(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[models.SessionNote]]:
    """Notes by session."""

    async def load(ids: list[UUID]) -> list[list[models.SessionNote]]:
        async with context.read(tenant_id) as tx:
            rows = await repository.notes_of(tx, ids)
        grouped = defaultdict(list)
        for row in rows:
            grouped[row.session_id].append(row)
        return [grouped[id] for id in ids]

    return DataLoader(load, cache=False)


def sessions_at_counters(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.Session | None]:
    """Called or served sessions by counter."""

    async def load(counter_ids: list[UUID]) -> list[models.Session | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.held_by_counters(tx, counter_ids)
        return [found.get(id) for id in counter_ids]

    return DataLoader(load, cache=False)


def session_ref(context: Context, id: str, permission: Permission) -> Ref:
    """Decode a session's id for its own visitor, or for staff with the permission.

    `NotFound` for other visitors and other tenants, `Unauthenticated` for strangers, else `Forbidden`.
    """
    ref = context.ref("Session", id)
    ensure_session_access(context, ref, permission)
    return ref


def is_own_session(context: Context, ref: Ref) -> bool:
    """Whether the caller is the session's visitor."""
    return context.actor.kind is ActorKind.VISITOR and (context.actor.tenant_id, context.actor.id) == ref


def ensure_session_access(context: Context, ref: Ref, permission: Permission) -> None:
    """A visitor reaches the own session only; a user needs the permission. Raises as `session_ref`."""
    if context.actor.kind is not ActorKind.VISITOR:
        context.actor.require_in(ref.tenant_id, permission)
    elif context.actor.id != ref.id:
        raise NotFound("Session")


async def load_session(context: Context, ref: Ref) -> "types.Session":
    """A session as it is now. `NotFound` if there is none. Whoever calls has checked who asks."""
    session = await context.loader(sessions_by_id, ref.tenant_id).load(ref.id)
    if session is None:
        raise NotFound("Session")
    return session


async def session_after(context: Context, row: models.Session | models.Joined, revision: int | None) -> "types.Session":
    """The session as the change just committed left it, read from nowhere: `row` is as that change wrote it.

    `revision` is its queue's after the change, None if nothing was changed. It is read again only then, or if something
    else has happened to it meanwhile.
    """
    placed = None if revision is None else await _placed(context, row, revision)
    return placed if placed is not None else await load_session(context, Ref(row.tenant_id, row.id))


async def session_node(context: Context, ref: Ref) -> "types.Session":
    """A session by node id, for its visitor or staff."""
    ensure_session_access(context, ref, Permission.SESSION_READ)
    return await load_session(context, ref)


async def session_at_counter(context: Context, tenant_id: UUID, counter_id: UUID) -> "types.Session | None":
    """The session a counter has called or serves, for staff."""
    context.actor.require_in(tenant_id, Permission.SESSION_READ)
    row = await context.loader(sessions_at_counters, tenant_id).load(counter_id)
    return None if row is None else await load_session(context, Ref(tenant_id, row.id))


async def waiting_page(
    context: Context, tenant_id: UUID, queue_id: UUID, request: PageRequest
) -> "types.SessionConnection":
    """A page of the line in order, for staff."""
    context.actor.require_in(tenant_id, Permission.SESSION_READ)
    async with context.read(tenant_id) as tx:
        if (await queues.get(tx, queue_id)).status is QueueStatus.PREQUEUE:
            # The order is that of the lots, which nobody may know before the opening.
            page: Page[models.Session] = Page((), (), has_next=False)
        else:
            page = await repository.waiting_page(tx, queue_id, request)
    return await _connection(context, tenant_id, page)


async def session_page(
    context: Context, tenant_id: UUID, queue_id: UUID, status: SessionStatus | None, request: PageRequest
) -> "types.SessionConnection":
    """A page of a queue's sessions, for staff."""
    context.actor.require_in(tenant_id, Permission.SESSION_READ)
    async with context.read(tenant_id) as tx:
        page = await repository.page(tx, queue_id, status, request)
    return await _connection(context, tenant_id, page)


async def _connection(context: Context, tenant_id: UUID, page: Page[models.Session]) -> "types.SessionConnection":
    loader = context.loader(sessions_by_id, tenant_id)
    shown = dict(zip([row.id for row in page.rows], await loader.load_many([row.id for row in page.rows]), strict=True))
    return connection(types.SessionConnection, types.SessionEdge, page, lambda row: shown[row.id])
