"""What can be done with imports: ask for one, bring its file, cancel it. Its rows take a job: `bringing.py`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core import signed_links
from app.core.db import WriteTx
from app.core.errors import NotFound
from app.core.events import Event, record
from app.core.idempotency import first_result, remember
from app.core.ids import Ref, new_id
from app.settings import Settings
from app.transfers import files
from app.transfers.errors import ensure_may
from app.transfers.imports import repository, rules
from app.transfers.imports.errors import MOST_OPEN, ImportOver, NotAwaited, TooManyImports
from app.transfers.imports.events import IMPORT, ImportCancelled, ImportRequested, ImportUploaded
from app.transfers.imports.models import OPEN, Import, ImportFormat, ImportKind, ImportStatus
from app.transfers.models import File

UPLOAD_LIFETIME: Final = timedelta(hours=1)
FILE_LIFETIME: Final = timedelta(days=1)
MOST_BYTES: Final = 100 * files.MEGABYTE
UPLOAD_PATH: Final = f"{files.PATH}/upload"
_PURPOSE: Final = "links to uploads"
_SCOPE: Final = "importCreate"


@dataclass(frozen=True, slots=True)
class NewImport:
    """An import as it is asked for."""

    kind: ImportKind
    format: ImportFormat
    dry_run: bool = False
    idempotency_key: str | None = None


async def create(tx: WriteTx, new: NewImport) -> Import:
    """Begin an import for the block's actor, whose file has to be brought.

    Raises `PermissionsMissing`, `LimitReached`, `TooManyImports`, `IdempotencyConflict`, `InvalidInput` (of the key).
    """
    ensure_may(tx.actor, rules.permissions(new.kind))
    given = (new.kind, new.format, new.dry_run)
    if (first := await first_result(tx, _SCOPE, new.idempotency_key, *given)) is not None:
        return await repository.get(tx, first)
    now = tx.now()
    if await repository.count_open(tx, now) >= MOST_OPEN:
        raise TooManyImports
    await files.ensure_room(tx, 1)
    row = Import(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=new.kind,
        format=new.format,
        dry_run=new.dry_run,
        upload_ends_at=now + UPLOAD_LIFETIME,
        created_at=now,
        created_by=tx.actor.label,
    )
    tx.add(row)
    await tx.flush()
    remember(tx, _SCOPE, new.idempotency_key, row.id, *given)
    record(tx, IMPORT, row.id, row.revision, ImportRequested(new.kind, new.format, new.dry_run), now)
    return row


def upload_link(settings: Settings, row: Import, now: datetime) -> str | None:
    """Where the file is sent; None once it is there, or too late."""
    if row.status is not ImportStatus.AWAITING_FILE or row.upload_ends_at <= now:
        return None
    ref = Ref(row.tenant_id, row.id)
    return f"{settings.base_url}{UPLOAD_PATH}/{signed_links.sign(settings.secret, _PURPOSE, ref, row.upload_ends_at)}"


def upload_of(settings: Settings, text: str, now: datetime) -> Ref | None:
    """Which import the last part of an upload link's path is for; None for what is no link, or no longer one."""
    return signed_links.read(settings.secret, _PURPOSE, text, now)


async def begin_upload(tx: WriteTx, import_id: UUID) -> File:
    """A file to append to. Raises `NotAwaited`, `LimitReached`, `NotFound`.

    Several may be sent at once, say because an answer was lost; the first that is whole counts.
    """
    row = await repository.get(tx, import_id)
    _ensure_awaited(row, tx.now())
    return await files.create(
        tx,
        name=f"import-{row.id}",
        media_type="application/octet-stream",
        expires_at=tx.now() + FILE_LIFETIME,
        personal=True,
    )


async def finish_upload(tx: WriteTx, import_id: UUID, file_id: UUID) -> Import:
    """Say that the file is whole. Raises `NotAwaited`, `NotFound`."""
    row = await repository.lock(tx, import_id)
    _ensure_awaited(row, tx.now())
    file = await files.get(tx, file_id)
    row.file_id, row.file_length, row.status = file.id, file.length, ImportStatus.WAITING
    note(tx, row, ImportUploaded(row.kind, file.length))
    return row


async def cancel(tx: WriteTx, import_id: UUID) -> Import:
    """Go no further; what was made stays. Raises `ImportOver`, `NotFound`."""
    row = await repository.lock(tx, import_id)
    if row.status not in OPEN:
        raise ImportOver
    await end(tx, row, ImportStatus.CANCELLED, ImportCancelled(row.kind, row.made_rows))
    return row


async def end(tx: WriteTx, row: Import, status: ImportStatus, event: Event) -> None:
    """Say of an import that is held that it is over, and how; its file is destroyed."""
    if row.file_id is not None:
        await files.destroy(tx, row.file_id)
        row.file_id = None
    row.status, row.finished_at = status, tx.now()
    note(tx, row, event)


def note(tx: WriteTx, row: Import, event: Event) -> None:
    """Record a fact about an import whose lock is held."""
    row.revision += 1
    record(tx, IMPORT, row.id, row.revision, event, tx.now())


def _ensure_awaited(row: Import, now: datetime) -> None:
    if row.status is not ImportStatus.AWAITING_FILE:
        raise NotAwaited
    if row.upload_ends_at <= now:
        raise NotFound("Import")
