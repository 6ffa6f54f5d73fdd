"""Every statement about queues and their line rows. Sessions have their own."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import DateTime
from sqlmodel import col, func, select

from app.core.db import ReadTx, Statement, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.queues.models import (
    FailureMode,
    OriginHealth,
    Queue,
    QueueCategory,
    QueueDiscipline,
    QueueLine,
    QueueMode,
    QueueStatus,
)
from app.tenants.values import TenantLimits


async def get(tx: ReadTx, queue_id: UUID) -> Queue:
    """A queue of the tenant. `NotFound` otherwise."""
    found = await tx.get(Queue, (tx.tenant, queue_id))
    if found is None:
        raise NotFound("Queue")
    return found


async def by_slug(tx: ReadTx, slug: str) -> tuple[Queue, QueueLine] | None:
    """A queue and its line row by slug."""
    found = await tx.exec(
        select(Queue, QueueLine)
        .join(QueueLine, (col(QueueLine.tenant_id) == Queue.tenant_id) & (col(QueueLine.id) == Queue.id))
        .where(Queue.tenant_id == tx.tenant, Queue.slug == slug)
    )
    return found.one_or_none()


async def with_lines(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, tuple[Queue, QueueLine]]:
    """Queues and their line rows, both as of one instant, by id."""
    found = await tx.exec(
        select(Queue, QueueLine)
        .join(QueueLine, (col(QueueLine.tenant_id) == Queue.tenant_id) & (col(QueueLine.id) == Queue.id))
        .where(Queue.tenant_id == tx.tenant, col(Queue.id).in_(queue_ids))
    )
    return {queue.id: (queue, line) for queue, line in found}


async def lock(tx: WriteTx, queue_ids: Sequence[UUID]) -> dict[UUID, tuple[Queue, QueueLine, datetime]]:
    """Lock lines in the order of their ids (so that two who need the same lines never wait for each other), then read.

    The third is the database's time once they were locked. `NotFound` if one of them is not the tenant's.
    """
    wanted = sorted(set(queue_ids))
    # What an earlier verb of this block has changed must not be lost to the fresh read.
    await tx.flush()
    locked = await tx.exec(
        select(QueueLine)
        .where(QueueLine.tenant_id == tx.tenant, col(QueueLine.id).in_(wanted))
        .order_by(col(QueueLine.id))
        # NO KEY UPDATE: the foreign keys of sessions and categories need not wait for it.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    lines = {line.id: line for line in locked}
    if len(lines) != len(wanted):
        raise NotFound("Queue")
    # A second statement on purpose: joined to the first, a queue changed while we waited would be read as it was.
    found = await tx.exec(
        select(Queue, func.clock_timestamp(type_=DateTime(timezone=True)))
        .where(Queue.tenant_id == tx.tenant, col(Queue.id).in_(wanted))
        .execution_options(populate_existing=True)
    )
    return {queue.id: (queue, lines[queue.id], told) for queue, told in found}


_HOLD = "select 1 from queue_lines where tenant_id = $1 and id = $2 for no key update"
_QUEUE_SETS: dict[str, type[StrEnum]] = {
    "status": QueueStatus,
    "mode": QueueMode,
    "discipline": QueueDiscipline,
    "failure_mode": FailureMode,
}
_QUEUE_COLUMNS = [column.name for column in Queue.__table__.columns]  # type: ignore[attr-defined]
_LINE_COLUMNS = [column.name for column in QueueLine.__table__.columns]  # type: ignore[attr-defined]
_HELD = f"""
    select clock_timestamp(), {", ".join(f"queue.{name}" for name in _QUEUE_COLUMNS)},
        {", ".join(f"line.{name}" for name in _LINE_COLUMNS)}
    from queue_lines line join queues queue on queue.tenant_id = line.tenant_id and queue.id = line.id
    where line.tenant_id = $1 and line.id = $2
"""
_KEPT = [column.name for column in QueueLine.__table__.columns if not column.primary_key]  # type: ignore[attr-defined]
_KEEP = (
    f"update queue_lines set {', '.join(f'{name} = ${number}' for number, name in enumerate(_KEPT, start=3))}"
    " where tenant_id = $1 and id = $2"
)


def holding(tenant_id: UUID, queue_id: UUID) -> str:
    """For `begin_with`: a block that begins so waits for the line's lock together with its BEGIN."""
    return f"SELECT 1 FROM queue_lines WHERE tenant_id = '{tenant_id}' AND id = '{queue_id}' FOR NO KEY UPDATE"


async def hold(
    tx: WriteTx, queue_id: UUID, *beside: Statement
) -> tuple[Queue, QueueLine, datetime, Sequence[Sequence[tuple[Any, ...]]]]:
    """`lock` for one line, as rows nobody tracks: cheap, and `keep` has to be told what became of the second.

    The last are the rows of what is asked `beside`.
    """
    if tx.began_with != holding(tx.tenant, queue_id):
        await tx.rows(_HOLD, tx.tenant, queue_id)
    # A second statement, as in `lock`.
    found, *rest = await tx.ask(Statement(_HELD, (tx.tenant, queue_id)), *beside)
    if not found:
        raise NotFound("Queue")
    ((told, *values),) = found
    queue = dict(zip(_QUEUE_COLUMNS, values, strict=False))
    line = dict(zip(_LINE_COLUMNS, values[len(_QUEUE_COLUMNS) :], strict=True))
    for name, kind in _QUEUE_SETS.items():
        queue[name] = kind(queue[name])
    line["origin_health"] = OriginHealth(line["origin_health"])
    # Not mapped: making the two objects, and setting a member of them, costs as much as the rest of a join.
    return cast(Queue, SimpleNamespace(**queue)), cast(QueueLine, SimpleNamespace(**line)), told, rest


def keep(tx: WriteTx, line: QueueLine) -> None:
    """Write a line row that was taken by `hold`, with the next statement or at the end."""
    tx.rows_later(_KEEP, tx.tenant, line.id, *(getattr(line, name) for name in _KEPT))


async def page(
    tx: ReadTx,
    request: PageRequest,
    *,
    status: QueueStatus | None,
    mode: QueueMode | None,
    search: str | None,
    include_archived: bool,
) -> Page[Queue]:
    """The tenant's queues in order of creation."""
    statement = select(Queue).where(Queue.tenant_id == tx.tenant)
    if status is not None:
        statement = statement.where(Queue.status == status)
    elif not include_archived:
        statement = statement.where(Queue.status != QueueStatus.ARCHIVED)
    if mode is not None:
        statement = statement.where(Queue.mode == mode)
    if search:
        statement = statement.where(
            col(Queue.name).icontains(search, autoescape=True) | col(Queue.slug).icontains(search, autoescape=True)
        )
    return await fetch_page(tx, statement, [Queue.created_at, Queue.id], request)  # type: ignore[list-item]


async def count_live(tx: ReadTx) -> int:
    """How many queues the tenant has that are not archived."""
    found = await tx.exec(
        select(func.count())
        .select_from(Queue)
        .where(Queue.tenant_id == tx.tenant, Queue.status != QueueStatus.ARCHIVED)
    )
    return found.one()


async def waiting_total(tx: ReadTx) -> int:
    """People waiting in all the tenant's queues."""
    found = await tx.exec(
        select(func.coalesce(func.sum(QueueLine.waiting_count + QueueLine.held_count), 0)).where(
            QueueLine.tenant_id == tx.tenant
        )
    )
    return int(found.one())


_TENANT_WAITING = """
    select limits,
        (select coalesce(sum(waiting_count + held_count), 0) from queue_lines where tenant_id = $1) as waiting
    from tenants where id = $1
"""


def tenant_waiting(tx: ReadTx) -> Statement:
    """Asks how many may wait in all the tenant's queues, and how many do: `waiting_total`, and cheap."""
    return Statement(_TENANT_WAITING, (tx.tenant,))


def read_tenant_waiting(rows: Sequence[tuple[Any, ...]]) -> tuple[int, int]:
    """What `tenant_waiting` asks."""
    ((limits, waiting),) = rows
    return TenantLimits.model_validate(limits).waiting_sessions, int(waiting)


async def get_category(tx: ReadTx, category_id: UUID) -> QueueCategory:
    """A category of the tenant. `NotFound` otherwise."""
    found = await tx.get(QueueCategory, (tx.tenant, category_id))
    if found is None:
        raise NotFound("QueueCategory")
    return found


async def categories_of(tx: ReadTx, queue_ids: Sequence[UUID]) -> Sequence[QueueCategory]:
    """Categories of several queues, by name."""
    found = await tx.exec(
        select(QueueCategory)
        .where(QueueCategory.tenant_id == tx.tenant, col(QueueCategory.queue_id).in_(queue_ids))
        .order_by(QueueCategory.name)
    )
    return found.all()


async def categories_by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, QueueCategory]:
    """Categories by id."""
    found = await tx.exec(
        select(QueueCategory).where(QueueCategory.tenant_id == tx.tenant, col(QueueCategory.id).in_(ids))
    )
    return {category.id: category for category in found}
