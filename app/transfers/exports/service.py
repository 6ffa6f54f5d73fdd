"""What can be done with exports: ask for one, cancel it. Making the file takes a job: `making.py`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import WriteTx
from app.core.events import Event, record
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.queues import repository as queues
from app.transfers import files
from app.transfers.errors import ensure_may
from app.transfers.exports import repository, rules
from app.transfers.exports.errors import MOST_OPEN, ExportOver, TooManyExports
from app.transfers.exports.events import EXPORT, ExportCancelled, ExportRequested
from app.transfers.exports.models import OPEN, Export, ExportKind, ExportStatus
from app.transfers.formats.kinds import FileFormat

_SCOPE = "exportCreate"


@dataclass(frozen=True, slots=True)
class NewExport:
    """An export as it is asked for."""

    kind: ExportKind
    format: FileFormat
    personal: bool = False
    queue_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    idempotency_key: str | None = None


async def create(tx: WriteTx, new: NewExport) -> Export:
    """Have a file made, for the block's actor.

    Raises `PermissionsMissing`, `InvalidInput`, `LimitReached`, `TooManyExports`, `NotFound` (of the queue),
    `IdempotencyConflict`. How large the file will be is known when it is made: then it may be too much still, and the
    export fails.
    """
    ensure_may(tx.actor, rules.permissions(new.kind, personal=new.personal))
    rules.ensure_valid(new.kind, of_queue=new.queue_id is not None, from_at=new.from_at, to_at=new.to_at)
    given = (new.kind, new.format, new.personal, new.queue_id, new.from_at, new.to_at)
    if (first := await first_result(tx, _SCOPE, new.idempotency_key, *given)) is not None:
        return await repository.get(tx, first)
    if new.queue_id is not None:
        await queues.get(tx, new.queue_id)
    if await repository.count_open(tx) >= MOST_OPEN:
        raise TooManyExports
    await files.ensure_room(tx, 1)
    export = Export(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=new.kind,
        format=new.format,
        personal=new.personal,
        queue_id=new.queue_id,
        from_at=new.from_at,
        to_at=new.to_at,
        created_at=tx.now(),
        created_by=tx.actor.label,
    )
    tx.add(export)
    await tx.flush()
    remember(tx, _SCOPE, new.idempotency_key, export.id, *given)
    requested = ExportRequested(new.kind, new.format, new.personal, new.queue_id, new.from_at, new.to_at)
    record(tx, EXPORT, export.id, export.revision, requested, export.created_at)
    return export


async def cancel(tx: WriteTx, export_id: UUID) -> Export:
    """Have no file made; what was made of it is destroyed. Raises `ExportOver`, `NotFound`."""
    export = await repository.lock(tx, export_id)
    if export.status not in OPEN:
        raise ExportOver
    await drop_file(tx, export)
    end(tx, export, ExportStatus.CANCELLED, ExportCancelled(export.kind))
    return export


async def drop_file(tx: WriteTx, export: Export) -> None:
    """Destroy the file of an export that is held, if it has one."""
    if export.file_id is not None:
        await files.destroy(tx, export.file_id)
        export.file_id = None


def end(tx: WriteTx, export: Export, status: ExportStatus, event: Event) -> None:
    """Say of an export that is held that it is over, and how."""
    export.status, export.finished_at = status, tx.now()
    export.revision += 1
    record(tx, EXPORT, export.id, export.revision, event, export.finished_at)
