"""Makes the file of an export: rows as they are at one instant, through a cursor, written in steps that commit.

What is held does not grow with the number of rows: some thousand of them, and the bytes of a step. Whoever takes over
from a worker that died begins anew, so that a file is of one instant; until the last commit nobody is offered it.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any, Final
from uuid import UUID

from app.core.db import WriteTx
from app.core.jobs.context import JobContext
from app.tenants.errors import LimitReached
from app.transfers import files
from app.transfers.exports import repository, rules, service, source
from app.transfers.exports.events import EXPORT, ExportDone, ExportFailed
from app.transfers.exports.models import OPEN, Export, ExportStatus
from app.transfers.exports.source import Chosen, Source
from app.transfers.exports.sources import SOURCES
from app.transfers.formats import Layout, Writer, open_writer
from app.transfers.formats.kinds import MEDIA_TYPES

FILE_LIFETIME: Final = timedelta(days=7)
MOST_ATTEMPTS: Final = 5
PORTION_ROWS: Final = 2_000
STEP_BYTES: Final = 1024 * 1024
"""What is written with one commit, and so what is held at a time."""
STEP_ROWS: Final = 20_000
"""A step at the latest, so that progress is seen, and a cancelled export stops, where a format holds its bytes back."""
_FOLDER: Final = "vq-export-"
_OVER_SECONDS: Final = 7_200.0
"""No job takes as long."""

logger = logging.getLogger(__name__)


class _Over(Exception):
    """Somebody has cancelled it, or it has ended otherwise."""


async def make(context: JobContext, export_id: UUID) -> None:
    """Make the file, and say that it is there; or why there is none. Nothing happens if the export is over."""
    if context.attempt > MOST_ATTEMPTS:
        text = "The file could not be made. Ask again, or tell whoever runs this installation."
        await _fail(context, export_id, text, "given up")
        return
    try:
        export = await _begin(context, export_id)
    except _Over:
        return
    except LimitReached as problem:
        await _fail(context, export_id, str(problem), "no room for the file")
        return
    folder = _folder(export)
    try:
        await _make(context, export, folder)
    except _Over:
        return
    except LimitReached as problem:
        await _fail(context, export_id, str(problem), "no room for the file")
    finally:
        await asyncio.to_thread(rmtree, folder, ignore_errors=True)


async def _begin(context: JobContext, export_id: UUID) -> Export:
    async with context.write() as tx:
        export = await repository.lock(tx, export_id)
        if export.status not in OPEN:
            raise _Over
        # What somebody has left who died over it.
        await service.drop_file(tx, export)
        now = tx.now()
        file = await files.create(
            tx,
            name=rules.file_name(export.kind, export.format, now),
            media_type=MEDIA_TYPES[export.format],
            expires_at=now + FILE_LIFETIME,
            personal=export.personal,
        )
        export.file_id, export.status = file.id, ExportStatus.RUNNING
        export.started_at, export.done_rows, export.total_rows = now, 0, None
    return export


async def _make(context: JobContext, export: Export, folder: Path) -> None:
    rows_of = SOURCES[export.kind]
    chosen = Chosen(export.queue_id, export.from_at, export.to_at)
    layout = Layout(rows_of.title, rows_of.columns(personal=export.personal))
    await asyncio.to_thread(_fresh, folder)
    with open_writer(export.format, layout, folder) as writer:
        steps = _Steps(context, export)
        async with context.db.read(context.tenant_id, snapshot=True) as tx:
            steps.total_rows = await source.count(tx, rows_of, chosen)
            await steps.commit()
            rows = source.read(tx, rows_of, chosen, personal=export.personal, portion=PORTION_ROWS)
            async for portion in rows:
                await steps.add(await asyncio.to_thread(_written, writer, rows_of, export, portion), len(portion))
        rest = writer.close()
        while (piece := await asyncio.to_thread(next, rest, None)) is not None:
            await steps.add(piece, 0)
        await steps.finish()


def _written(writer: Writer, rows_of: Source, export: Export, rows: Sequence[Sequence[Any]]) -> bytes:
    return writer.write(source.shown(rows_of, export.tenant_id, rows, personal=export.personal))


class _Steps:
    """What is written and not committed yet."""

    def __init__(self, context: JobContext, export: Export) -> None:
        self.total_rows: int | None = None
        self._context = context
        self._export_id, self._file_id = export.id, export.file_id
        self._bytes = bytearray()
        self._rows = self._committed = 0

    async def add(self, piece: bytes, rows: int) -> None:
        """Commit when it is enough."""
        self._bytes += piece
        self._rows += rows
        if len(self._bytes) >= STEP_BYTES or self._rows - self._committed >= STEP_ROWS:
            await self.commit()

    async def commit(self) -> None:
        """Write it down, if anybody wants it still."""
        async with self._context.write() as tx:
            await self._write(tx)
        await self._context.ring_now(f"{EXPORT}:{self._export_id}")

    async def finish(self) -> None:
        """Write down the rest, and that the file is there: one commit with the job's being done."""
        async with self._context.finish() as tx:
            export = await self._write(tx)
            assert self._file_id is not None
            file = await files.finish(tx, self._file_id)
            export.file_length, export.file_ends_at = file.length, file.expires_at
            service.end(tx, export, ExportStatus.DONE, ExportDone(export.kind, export.done_rows, file.length))

    async def _write(self, tx: WriteTx) -> Export:
        export = await repository.lock(tx, self._export_id)
        if export.status is not ExportStatus.RUNNING or export.file_id != self._file_id:
            raise _Over
        if self._bytes and self._file_id is not None:
            await files.append(tx, self._file_id, bytes(self._bytes))
            self._bytes.clear()
        export.done_rows, export.total_rows = self._rows, self.total_rows
        self._committed = self._rows
        return export


async def _fail(context: JobContext, export_id: UUID, failure: str, reason: str) -> None:
    async with context.finish() as tx:
        export = await repository.lock(tx, export_id)
        if export.status not in OPEN:
            return
        await service.drop_file(tx, export)
        export.failure = failure
        service.end(tx, export, ExportStatus.FAILED, ExportFailed(export.kind, reason))


def _folder(export: Export) -> Path:
    # Always the same: what a worker has left that was killed is thrown away by who takes over on its machine.
    return Path(tempfile.gettempdir()) / f"{_FOLDER}{export.id}"


def _fresh(folder: Path) -> None:
    # Or, where that is another machine, by the next export here: rows of people do not lie about for good.
    over = time.time() - _OVER_SECONDS
    for left in folder.parent.glob(f"{_FOLDER}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < over:
                rmtree(left, ignore_errors=True)
    rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
