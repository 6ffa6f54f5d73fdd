"""Files for people: made in portions, sealed, counted against the tenant's room, fetched by a link that expires.

Exports, reports and what is uploaded for an import are files. What is in them is their makers' business.
"""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core import signed_links
from app.core.crypto import decrypt, encrypt
from app.core.db import Database, ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.events import Event, record
from app.core.ids import Ref, new_id
from app.settings import Settings
from app.tenants import service as tenants
from app.tenants.errors import LimitReached
from app.transfers import repository
from app.transfers.events import FILE, FileDownloaded, FileStored
from app.transfers.models import File

MEGABYTE: Final = 1_000_000
PORTION_BYTES: Final = 512 * 1024
"""What is appended is cut into rows of at most this: as much as a reader has to hold at a time."""

PATH: Final = "/files"
LINK_LIFETIME: Final = timedelta(minutes=15)
_PURPOSE: Final = "links to files"


async def create(tx: WriteTx, *, name: str, media_type: str, expires_at: datetime, personal: bool) -> File:
    """An empty file, to be appended to and finished; kept until `expires_at`.

    `personal`: it may say who somebody is. Raises `LimitReached` if there is no room left at all.
    """
    await ensure_room(tx, 1)
    file = File(
        tenant_id=tx.tenant,
        id=new_id(),
        key=secrets.token_hex(32),
        name=name,
        media_type=media_type,
        personal=personal,
        created_at=tx.now(),
        created_by=tx.actor.label,
        expires_at=expires_at,
    )
    tx.add(file)
    await tx.flush()
    return file


async def append(tx: WriteTx, file_id: UUID, chunk: bytes) -> None:
    """Add bytes at the end, of any number. Raises `LimitReached`; `NotFound` if it is gone, or finished."""
    file = await repository.lock_file(tx, file_id)
    if file.finished_at is not None:
        raise NotFound("File")
    pieces = [chunk[start : start + PORTION_BYTES] for start in range(0, len(chunk), PORTION_BYTES)]
    sealed = [
        encrypt(bytes.fromhex(file.key), piece, _place(file, file.portions + number))
        for number, piece in enumerate(pieces, 1)
    ]
    size = sum(map(len, sealed))
    await repository.add_portions(tx, file.id, file.portions, sealed)
    # Last of all: others of the tenant wait for what it holds.
    await ensure_room(tx, size)
    file.portions += len(sealed)
    file.size += size
    file.length += len(chunk)
    await tx.flush()


async def finish(tx: WriteTx, file_id: UUID) -> File:
    """Let it be fetched; nothing can be appended any more. `NotFound` if it is gone, or finished."""
    file = await repository.lock_file(tx, file_id)
    if file.finished_at is not None:
        raise NotFound("File")
    file.finished_at = tx.now()
    _note(tx, file, FileStored(file.name, file.length, file.personal))
    return file


async def store(
    tx: WriteTx, *, name: str, media_type: str, expires_at: datetime, personal: bool, content: bytes
) -> File:
    """A whole file at once, for what is small enough to be held. Raises `LimitReached`."""
    file = await create(tx, name=name, media_type=media_type, expires_at=expires_at, personal=personal)
    await append(tx, file.id, content)
    return await finish(tx, file.id)


async def get(tx: ReadTx, file_id: UUID) -> File:
    """A file, finished or not. `NotFound` otherwise."""
    return await repository.get_file(tx, file_id)


async def hold(tx: WriteTx, file_id: UUID) -> None:
    """`NotFound` if it is gone; until the block ends nobody destroys it."""
    await repository.lock_file(tx, file_id)


async def destroy(tx: WriteTx, file_id: UUID) -> None:
    """Delete it with all portions; nothing happens if it is gone."""
    await repository.delete_file(tx, file_id)


async def destroy_personal(tx: WriteTx) -> int:
    """Delete all that may say who somebody is, finished or not; how many."""
    return await repository.delete_personal_files(tx)


def link(settings: Settings, file: File, now: datetime, lifetime: timedelta = LINK_LIFETIME) -> str | None:
    """Where it can be fetched, without a token, from now on for so long, at most until it expires.

    None if it is not finished, or its time is over.
    """
    if file.finished_at is None or file.expires_at <= now:
        return None
    ends_at = min(now + lifetime, file.expires_at)
    return f"{settings.base_url}{PATH}/{signed_links.sign(settings.secret, _PURPOSE, _ref(file), ends_at)}"


def opened(settings: Settings, text: str, now: datetime) -> Ref | None:
    """Which file the last part of a link's path opens; None for what is no link, or no longer one."""
    return signed_links.read(settings.secret, _PURPOSE, text, now)


async def fetch(tx: WriteTx, file_id: UUID) -> File:
    """A file that somebody fetches, and that they do. `NotFound` if it is not finished, or gone."""
    file = await repository.lock_file(tx, file_id)
    if file.finished_at is None or file.expires_at <= tx.now():
        raise NotFound("File")
    _note(tx, file, FileDownloaded(file.name))
    return file


async def contents(db: Database, file: File) -> AsyncIterator[bytes]:
    """Its bytes, portion by portion, each read in a block of its own: whoever reads slowly holds up nothing.

    `NotFound` if it is destroyed meanwhile.
    """
    for number in range(1, file.portions + 1):
        async with db.read(file.tenant_id) as tx:
            sealed = await repository.portion(tx, file.id, number)
        yield decrypt(bytes.fromhex(file.key), sealed, _place(file, number))


async def ensure_room(tx: WriteTx, size: int) -> None:
    """`LimitReached` if so many bytes more would be too much; until the block ends nobody else adds any."""
    limit = (await tenants.hold_limits(tx)).storage_megabytes
    if await stored_bytes(tx) + size > limit * MEGABYTE:
        raise LimitReached("storageMegabytes", limit)


async def stored_bytes(tx: ReadTx) -> int:
    """What all files of the tenant take, those of people's own data as well."""
    return await repository.stored_bytes(tx)


def _note(tx: WriteTx, file: File, event: Event) -> None:
    file.revision += 1
    record(tx, FILE, file.id, file.revision, event, tx.now())


def _ref(file: File) -> Ref:
    return Ref(file.tenant_id, file.id)


def _place(file: File, number: int) -> str:
    # A portion can be neither moved to another place nor to another file.
    return f"{file.tenant_id}:{file.id}:{number}"
