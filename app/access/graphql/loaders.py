"""Reads behind lists and codes, for staff."""

from uuid import UUID

from app.access import models, repository
from app.access.codes import CodeSigner
from app.access.graphql import types
from app.context import Context
from app.core.db.pages import PageRequest
from app.core.graphql.pages import connection
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import service as queues


async def bypass_page(
    context: Context, tenant_id: UUID, queue_id: UUID, search: str | None, request: PageRequest
) -> "types.AccessEntryConnection":
    """A page of a queue's bypass list."""
    return await _entry_page(context, tenant_id, queue_id, models.AccessList.BYPASS, search, request)


async def invite_page(
    context: Context, tenant_id: UUID, queue_id: UUID, search: str | None, request: PageRequest
) -> "types.AccessEntryConnection":
    """A page of a queue's invite list."""
    return await _entry_page(context, tenant_id, queue_id, models.AccessList.INVITE, search, request)


async def _entry_page(
    context: Context,
    tenant_id: UUID,
    queue_id: UUID,
    kind: models.AccessList,
    search: str | None,
    request: PageRequest,
) -> "types.AccessEntryConnection":
    context.actor.require_in(tenant_id, Permission.ACCESS_READ)
    async with context.read(tenant_id) as tx:
        page = await repository.entry_page(tx, queue_id, kind, search, request)
    return connection(types.AccessEntryConnection, types.AccessEntryEdge, page, types.AccessEntry.of)


async def code_page(
    context: Context, tenant_id: UUID, queue_id: UUID, kind: models.AccessCodeKind | None, request: PageRequest
) -> "types.AccessCodeConnection":
    """A page of a queue's codes."""
    context.actor.require_in(tenant_id, Permission.ACCESS_READ)
    async with context.read(tenant_id) as tx:
        page = await repository.code_page(tx, queue_id, kind, request)
    return connection(types.AccessCodeConnection, types.AccessCodeEdge, page, types.AccessCode.of)


async def code_by_text(context: Context, queue: Ref, text: str) -> "types.AccessCode | None":
    """What a code is that somebody shows; None for what is no code of the queue. `NotFound` if there is no queue."""
    serial = CodeSigner(context.runtime.settings.secret).read(queue.tenant_id, queue.id, text)
    async with context.read(queue.tenant_id) as tx:
        await queues.get(tx, queue.id)
        row = None if serial is None else await repository.code_by_serial(tx, queue.id, serial)
    return None if row is None else types.AccessCode.of(row)


async def code_node(context: Context, ref: Ref) -> "types.AccessCode | None":
    """A code by node id."""
    context.actor.require_in(ref.tenant_id, Permission.ACCESS_READ)
    async with context.read(ref.tenant_id) as tx:
        row = (await repository.codes_by_id(tx, [ref.id])).get(ref.id)
    return None if row is None else types.AccessCode.of(row)
