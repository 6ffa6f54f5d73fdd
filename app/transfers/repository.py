"""Every statement about files, exports and imports. What exports are made from is `sources/`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, select

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.transfers.models import File

_ADD = """
    insert into file_portions (tenant_id, file_id, number, content)
    select $1, $2, number, content from unnest($3::int[], $4::bytea[]) as piece (number, content)
"""
# What is held about one person (`privacyRequests`) lies sealed in its request, and takes room like any other file.
_STORED = """
    select (select coalesce(sum(size), 0) from files where tenant_id = $1)
        + (select coalesce(sum(octet_length(content_sealed)), 0) from privacy_requests where tenant_id = $1)
"""


async def get_file(tx: ReadTx, id: UUID) -> File:
    """A file. `NotFound` otherwise."""
    found = await tx.get(File, (tx.tenant, id), populate_existing=True)
    if found is None:
        raise NotFound("File")
    return found


async def lock_file(tx: WriteTx, id: UUID) -> File:
    """A file, held until the transaction ends. `NotFound` otherwise."""
    statement = select(File).where(File.tenant_id == tx.tenant, File.id == id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    file = found.one_or_none()
    if file is None:
        raise NotFound("File")
    return file


async def files_by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, File]:
    """Those of these files that are there."""
    found = await tx.exec(select(File).where(File.tenant_id == tx.tenant, col(File.id).in_(ids)))
    return {file.id: file for file in found}


async def add_portions(tx: WriteTx, file_id: UUID, behind: int, contents: Sequence[bytes]) -> None:
    """Portions behind the last one; the file is held."""
    numbers = list(range(behind + 1, behind + len(contents) + 1))
    await tx.rows(_ADD, tx.tenant, file_id, numbers, list(contents))


async def portion(tx: ReadTx, file_id: UUID, number: int) -> bytes:
    """A portion, as it is stored. `NotFound` otherwise."""
    found = await tx.rows(
        "select content from file_portions where tenant_id = $1 and file_id = $2 and number = $3",
        tx.tenant,
        file_id,
        number,
    )
    if not found:
        raise NotFound("File")
    content: bytes = found[0][0]
    return content


async def delete_file(tx: WriteTx, id: UUID) -> None:
    """Delete a file with its portions, if it is there."""
    await tx.exec(delete(File).where(col(File.tenant_id) == tx.tenant, col(File.id) == id))


async def delete_personal_files(tx: WriteTx) -> int:
    """Delete what may say who somebody is, finished or not; how many."""
    found = await tx.rows("delete from files where tenant_id = $1 and personal returning 1", tx.tenant)
    return len(found)


async def delete_expired_files(tx: WriteTx, now: datetime, *, limit: int) -> int:
    """Delete some files whose time is over, of every tenant, but none that somebody holds; how many.

    Needs a block of the platform.
    """
    found = await tx.rows(
        "delete from files using (select tenant_id, id from files where expires_at <= $1 limit $2"
        " for update skip locked) as old where files.tenant_id = old.tenant_id and files.id = old.id returning 1",
        now,
        limit,
    )
    return len(found)


async def stored_bytes(tx: ReadTx) -> int:
    """What the tenant's files take, as they are stored."""
    return int((await tx.rows(_STORED, tx.tenant))[0][0])
