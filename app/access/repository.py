"""Every statement about lists and codes."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select

from app.access.models import AccessCode, AccessCodeKind, AccessEntry, AccessList
from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.ids import new_id
from app.core.personal.sealed import sealed

_LISTED = """
    select user_identifier_index, kind from access_entries
    where tenant_id = $1 and queue_id = $2 and kind in ('BYPASS', 'INVITE') and user_identifier_index = any($3::bytea[])
"""


async def lists_of_persons(
    tx: ReadTx, queue_id: UUID, user_identifiers: Sequence[str]
) -> dict[str, frozenset[AccessList]]:
    """On which of a queue's lists each of these people is."""
    found: dict[str, frozenset[AccessList]] = {}
    if user_identifiers:
        people = dict(zip(_keys(tx, user_identifiers), user_identifiers, strict=True))
        for key, kind in await tx.rows(_LISTED, tx.tenant, queue_id, list(people)):
            person = people[key]
            found[person] = found.get(person, frozenset()) | {AccessList(kind)}
    return found


_ADD = """
    insert into access_entries (
        tenant_id, queue_id, kind, created_at, created_by, id, user_identifier_index, user_identifier_sealed
    )
    select $1, $2, $3, $4, $5, * from unnest($6::uuid[], $7::bytea[], $8::bytea[])
    on conflict do nothing returning id
"""


async def add_entries(tx: WriteTx, queue_id: UUID, kind: AccessList, user_identifiers: Sequence[str]) -> int:
    """Put people on a list; how many were not on it yet."""
    ids = [new_id() for _ in user_identifiers]
    person = sealed(AccessEntry.user_identifier)
    closed = [person.seal(tx.tenant, id, one) for id, one in zip(ids, user_identifiers, strict=True)]
    keys = _keys(tx, user_identifiers)
    return len(await tx.rows(_ADD, tx.tenant, queue_id, kind, tx.now(), tx.actor.label, ids, keys, closed))


_REMOVE = """
    delete from access_entries
    where tenant_id = $1 and queue_id = $2 and kind = $3 and user_identifier_index = any($4::bytea[])
    returning id
"""


async def remove_entries(tx: WriteTx, queue_id: UUID, kind: AccessList, user_identifiers: Sequence[str]) -> int:
    """Take people off a list; how many were on it."""
    return len(await tx.rows(_REMOVE, tx.tenant, queue_id, kind, _keys(tx, user_identifiers)))


async def count_entries(tx: ReadTx, queue_id: UUID, kind: AccessList) -> int:
    """How many people are on a list."""
    found = await tx.exec(
        select(func.count())
        .select_from(AccessEntry)
        .where(AccessEntry.tenant_id == tx.tenant, AccessEntry.queue_id == queue_id, AccessEntry.kind == kind)
    )
    return found.one()


async def entry_page(
    tx: ReadTx, queue_id: UUID, kind: AccessList, search: str | None, request: PageRequest
) -> Page[AccessEntry]:
    """A list in the order of coming onto it; with `search` the person of this identifier."""
    statement = select(AccessEntry).where(
        AccessEntry.tenant_id == tx.tenant, AccessEntry.queue_id == queue_id, AccessEntry.kind == kind
    )
    if search:
        statement = statement.where(sealed(AccessEntry.user_identifier).matches(tx.tenant, search))
    return await fetch_page(tx, statement, [AccessEntry.created_at, AccessEntry.id], request)  # type: ignore[list-item]


def _keys(tx: ReadTx, user_identifiers: Sequence[str]) -> list[bytes | None]:
    person = sealed(AccessEntry.user_identifier)
    return [person.index(tx.tenant, one) for one in user_identifiers]


async def hold_codes(tx: WriteTx, queue_id: UUID, serials: Sequence[int]) -> dict[int, AccessCode]:
    """Codes of a queue by serial number, held: nobody revokes or uses them until the block ends."""
    if not serials:
        return {}
    found = await tx.exec(
        select(AccessCode)
        .where(
            AccessCode.tenant_id == tx.tenant,
            AccessCode.queue_id == queue_id,
            col(AccessCode.serial).in_(sorted(set(serials))),
        )
        .order_by(col(AccessCode.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {code.serial: code for code in found}


async def hold_codes_by_id(tx: WriteTx, queue_id: UUID, ids: Sequence[UUID]) -> Sequence[AccessCode]:
    """Codes of a queue by id, held."""
    found = await tx.exec(
        select(AccessCode)
        .where(AccessCode.tenant_id == tx.tenant, AccessCode.queue_id == queue_id, col(AccessCode.id).in_(ids))
        .order_by(col(AccessCode.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def serials_taken(tx: ReadTx, queue_id: UUID, serials: Sequence[int]) -> set[int]:
    """Which of these serial numbers a queue's codes have."""
    found = await tx.exec(
        select(AccessCode.serial).where(
            AccessCode.tenant_id == tx.tenant, AccessCode.queue_id == queue_id, col(AccessCode.serial).in_(serials)
        )
    )
    return set(found)


async def codes_of_batch(tx: ReadTx, batch_id: UUID) -> Sequence[AccessCode]:
    """The codes that were made together."""
    found = await tx.exec(
        select(AccessCode)
        .where(AccessCode.tenant_id == tx.tenant, AccessCode.batch_id == batch_id)
        .order_by(col(AccessCode.id))
    )
    return found.all()


async def count_codes(tx: ReadTx, queue_id: UUID) -> int:
    """How many codes a queue has, used and revoked ones included."""
    found = await tx.exec(
        select(func.count())
        .select_from(AccessCode)
        .where(AccessCode.tenant_id == tx.tenant, AccessCode.queue_id == queue_id)
    )
    return found.one()


async def code_page(tx: ReadTx, queue_id: UUID, kind: AccessCodeKind | None, request: PageRequest) -> Page[AccessCode]:
    """A queue's codes in order of creation."""
    statement = select(AccessCode).where(AccessCode.tenant_id == tx.tenant, AccessCode.queue_id == queue_id)
    if kind is not None:
        statement = statement.where(AccessCode.kind == kind)
    return await fetch_page(tx, statement, [AccessCode.created_at, AccessCode.id], request)  # type: ignore[list-item]


async def code_by_serial(tx: ReadTx, queue_id: UUID, serial: int) -> AccessCode | None:
    """A code of a queue."""
    found = await tx.exec(
        select(AccessCode).where(
            AccessCode.tenant_id == tx.tenant, AccessCode.queue_id == queue_id, AccessCode.serial == serial
        )
    )
    return found.one_or_none()


async def codes_by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, AccessCode]:
    """Codes by id."""
    found = await tx.exec(select(AccessCode).where(AccessCode.tenant_id == tx.tenant, col(AccessCode.id).in_(ids)))
    return {code.id: code for code in found}
