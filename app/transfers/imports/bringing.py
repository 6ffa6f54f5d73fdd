"""Brings the rows of an import in, one after the other: each with its verb, in a block of its own that acts for whoever
asked. How far it is and what came of a row are one commit, so whoever takes over goes on with the next row.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from app.core.db import WriteTx
from app.core.errors import CodedError, InvalidInput, NotFound, UserFacingError
from app.core.jobs.context import JobContext
from app.identity.on_behalf import present_actor
from app.transfers import files
from app.transfers.imports import repository, rules, service
from app.transfers.imports.errors import UnreadableFile
from app.transfers.imports.events import IMPORT, ImportDone, ImportFailed
from app.transfers.imports.kinds import KINDS, Brought
from app.transfers.imports.models import Import, ImportProblem, ImportStatus
from app.transfers.imports.reading import Line, Reader, reader
from app.transfers.models import File

MOST_ATTEMPTS: Final = 20
NOTED_EVERY: Final = 100
"""Rows of a dry run between two notes of how far it is: it leaves nothing else."""
SLICE: Final = 65_536
"""Bytes after which `done_length` moves on: what a file is kept in is too much for a small one."""

logger = logging.getLogger(__name__)


class _Over(Exception):
    """Somebody has cancelled it, or it has ended otherwise."""


class _NotAllowed(Exception):
    """Whoever asked may do it no longer."""


class _FileGone(Exception):
    """Files with personal data go when somebody is erased: nothing more of it is brought in, read already or not."""


class _Undo(Exception):
    """A dry run: it would have worked."""

    def __init__(self, *, is_new: bool) -> None:
        self.is_new = is_new


@dataclass(slots=True)
class _Counts:
    """What came of the rows since it was last written down."""

    rows: int = 0
    made: int = 0
    known: int = 0
    problems: list[tuple[int, str | None, str]] = field(default_factory=list)


async def bring(context: JobContext, import_id: UUID) -> None:
    """Bring in what is left of an import. Nothing happens if it is over."""
    if context.attempt > MOST_ATTEMPTS:
        await _fail(context, import_id, "It could not be finished. Ask again, or tell whoever runs this installation.")
        return
    try:
        async with context.write() as tx:
            row = await _running(tx, import_id, begins=True)
            await _act(tx, row)
            assert row.file_id is not None
            file = await files.get(tx, row.file_id)
        await _Rows(context, row, file).bring_all()
    except _Over:
        return
    except _NotAllowed:
        await _fail(context, import_id, "Whoever asked for it may do it no longer.")
    except (NotFound, _FileGone):
        await _fail(context, import_id, "Its file is gone: begin another import, and send it again.")
    except UnreadableFile as problem:
        await _fail(context, import_id, str(problem))


class _Rows:
    """The rows of one import."""

    def __init__(self, context: JobContext, row: Import, file: File) -> None:
        self._context, self._file = context, file
        self._import_id, self._dry_run = row.id, row.dry_run
        self._kind: Brought = KINDS[row.kind]
        self._reader: Reader = reader(row.format)
        # Done before, by somebody who died over the rest.
        self._skip = row.done_rows
        self._length = 0
        self._seen: set[int] = set()
        self._counts = _Counts()
        self._topic = f"{IMPORT}:{row.id}"

    async def bring_all(self) -> None:
        """Every row, then that it is done: one commit with the job's being done."""
        async for piece in files.contents(self._context.db, self._file):
            for start in range(0, len(piece), SLICE):
                part = piece[start : start + SLICE]
                await self._bring_some(self._reader.feed(part))
                # Only now: until then its rows have not been looked at.
                self._length += len(part)
                await self._note()
        await self._bring_some(self._reader.close())
        async with self._context.finish() as tx:
            row = await self._write(tx)
            done = ImportDone(row.kind, row.dry_run, row.made_rows, row.known_rows, row.refused_rows)
            await service.end(tx, row, ImportStatus.DONE, done)

    async def _bring_some(self, lines: Iterator[Line]) -> None:
        for line in lines:
            rules.ensure_columns(line.values, self._kind.required, self._kind.allowed)
            is_double = self._is_double(line)
            if self._skip:
                self._skip -= 1
                continue
            if is_double:
                self._refuse(line, self._kind.key, f"A row before this one has the same `{self._kind.key}`.")
            else:
                await self._bring(line)
            if self._counts.rows >= NOTED_EVERY:
                await self._note()

    def _is_double(self, line: Line) -> bool:
        if self._kind.key is None:
            return False
        # Their hashes: what has been read is not held.
        key = hash(line.values.get(self._kind.key, "").strip().lower())
        if key in self._seen:
            return True
        self._seen.add(key)
        return False

    async def _bring(self, line: Line) -> None:
        try:
            rules.ensure_written(line.values)
            async with self._context.write() as tx:
                if self._dry_run:
                    row = await repository.get(tx, self._import_id)
                else:
                    row = await self._write(tx)
                await _act(tx, row)
                is_new = await self._kind.bring(tx, line.values)
                if self._dry_run:
                    # Whatever the database would refuse, it refuses now.
                    await tx.flush()
                    raise _Undo(is_new=is_new)
                row.done_rows += 1
                row.made_rows += is_new
                row.known_rows += not is_new
        except _Undo as undone:
            self._counts.rows += 1
            self._counts.made += undone.is_new
            self._counts.known += not undone.is_new
        except InvalidInput as problem:
            self._refuse(line, problem.field, problem.message)
        except (UserFacingError, CodedError) as problem:
            self._refuse(line, None, problem.message)
        else:
            self._counts = _Counts()

    def _refuse(self, line: Line, name: str | None, message: str) -> None:
        self._counts.rows += 1
        self._counts.problems.append((line.number, name, message))

    async def _note(self) -> None:
        async with self._context.write() as tx:
            await self._write(tx)
        self._counts = _Counts()
        await self._context.ring_now(self._topic)

    async def _write(self, tx: WriteTx) -> Import:
        """Write down what is not written yet; what was is forgotten once the block has committed."""
        row, counts = await _running(tx, self._import_id), self._counts
        try:
            await files.hold(tx, self._file.id)
        except NotFound:
            raise _FileGone from None
        room = max(0, rules.MOST_PROBLEMS - row.refused_rows)
        for number, name, message in counts.problems[:room]:
            tx.add(
                ImportProblem(
                    tenant_id=tx.tenant,
                    import_id=row.id,
                    line=number,
                    field=None if name is None else name[:80],
                    message=message[:500],
                )
            )
        row.done_rows += counts.rows
        row.made_rows += counts.made
        row.known_rows += counts.known
        row.refused_rows += len(counts.problems)
        row.done_length = max(row.done_length, self._length)
        await tx.flush()
        return row


async def _running(tx: WriteTx, import_id: UUID, *, begins: bool = False) -> Import:
    row = await repository.lock(tx, import_id)
    if begins and row.status is ImportStatus.WAITING:
        row.status, row.started_at = ImportStatus.RUNNING, tx.now()
    if row.status is not ImportStatus.RUNNING:
        raise _Over
    return row


async def _act(tx: WriteTx, row: Import) -> None:
    actor = await present_actor(tx, row.created_by)
    if actor is None or not all(actor.may(each) for each in rules.permissions(row.kind)):
        raise _NotAllowed
    tx.act_for(actor, tx.request_id)


async def _fail(context: JobContext, import_id: UUID, failure: str) -> None:
    async with context.finish() as tx:
        row = await repository.lock(tx, import_id)
        if row.finished_at is None:
            row.failure = failure[:500]
            await service.end(tx, row, ImportStatus.FAILED, ImportFailed(row.kind, row.made_rows))
