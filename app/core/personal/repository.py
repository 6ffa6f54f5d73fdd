"""Every statement about changing a tenant's data key. What is in the sealed columns is known to `sealed.py` alone.

Rows are taken without waiting for anybody who holds them (`skip locked`): whoever holds some and waits for more could
be waited for in turn, by a call.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from app.core.db.engine import ReadTx, WriteTx
from app.core.db.tenant_keys import ADD_KEY
from app.core.personal.keys import KeyUse
from app.core.personal.models import KeyRotation, RotationStatus
from app.core.personal.sealed import Sealed

Table = tuple[str, Sequence["Sealed[Any]"]]

_VERSIONS = "select version from tenant_keys where tenant_id = $1 and use = 'DATA' order by version"
_ALONE = "select pg_advisory_xact_lock(hashtextextended('data key of ' || $1::text, 0))"
_IS_SETTLED = """
    select active_at <= clock_timestamp() - $3::float8 * interval '1 second' from tenant_keys
    where tenant_id = $1 and version = $2
"""
_DROP = "delete from tenant_keys where tenant_id = $1 and use = 'DATA' and version < $2"


async def hold_beginning(tx: WriteTx) -> None:
    """Until the block ends nobody else begins a rotation of the tenant."""
    await tx.rows(_ALONE, str(tx.tenant))


async def newest(tx: ReadTx) -> KeyRotation | None:
    """The tenant's last rotation, which may be under way."""
    found = await tx.exec(
        select(KeyRotation)
        .where(KeyRotation.tenant_id == tx.tenant)
        .order_by(col(KeyRotation.started_at).desc(), col(KeyRotation.to_version).desc())
        .limit(1)
    )
    return found.one_or_none()


async def hold(tx: WriteTx, rotation_id: UUID) -> KeyRotation | None:
    """A rotation that is not done, held until the block ends."""
    found = await tx.exec(
        select(KeyRotation)
        .where(
            KeyRotation.tenant_id == tx.tenant,
            KeyRotation.id == rotation_id,
            KeyRotation.status != RotationStatus.DONE,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def add_version(tx: WriteTx, active_after_seconds: float) -> int:
    """Make the next data key, which opens at once and seals later; its version."""
    if tx.master is None:
        raise RuntimeError("this database was opened without the installation's secret")
    versions = [row["version"] for row in await tx.rows(_VERSIONS, tx.tenant)]
    made = tx.master.make(tx.tenant, KeyUse.DATA, versions[-1] + 1)
    await tx.rows(ADD_KEY, tx.tenant, made.use.value, made.version, made.wrapped, active_after_seconds)
    return made.version


async def is_settled(tx: ReadTx, version: int, seconds: float) -> bool:
    """Whether a version has been active for so long."""
    return any(row[0] for row in await tx.rows(_IS_SETTLED, tx.tenant, version, seconds))


async def drop_before(tx: WriteTx, version: int) -> None:
    """Forget the data keys that are older."""
    await tx.rows(_DROP, tx.tenant, version)


async def count(tx: ReadTx, tables: Sequence[Table], version: int) -> int:
    """How many rows hold something that is sealed with an older key."""
    total = 0
    for name, values in tables:
        statement = f"select count(*) from {name} where tenant_id = $1 and ({_older(values, 2)})"
        total += (await tx.rows(statement, tx.tenant, _prefix(version)))[0][0]
    return total


async def take(
    tx: WriteTx, table: Table, version: int, after: UUID, limit: int
) -> Sequence[tuple[UUID, Sequence[bytes | None]]]:
    """Rows of a table behind an id that hold something older, held: ids and sealed values. Nobody is waited for."""
    name, values = table
    rows = await tx.rows(
        f"select id, {', '.join(each.column for each in values)} from {name}"
        f" where tenant_id = $1 and id > $2 and ({_older(values, 3)}) order by id limit {limit}"
        " for no key update skip locked",
        tx.tenant,
        after,
        _prefix(version),
    )
    return [(row[0], tuple(row)[1:]) for row in rows]


async def look(
    tx: ReadTx, table: Table, version: int, after: UUID, limit: int
) -> Sequence[tuple[UUID, Sequence[bytes | None]]]:
    """The same without holding them: those that somebody holds, too."""
    name, values = table
    rows = await tx.rows(
        f"select id, {', '.join(each.column for each in values)} from {name}"
        f" where tenant_id = $1 and id > $2 and ({_older(values, 3)}) order by id limit {limit}",
        tx.tenant,
        after,
        _prefix(version),
    )
    return [(row[0], tuple(row)[1:]) for row in rows]


async def put(tx: WriteTx, table: Table, rows: Sequence[tuple[UUID, Sequence[bytes | None]]]) -> None:
    """Write sealed values of rows that are held."""
    name, values = table
    changes = ", ".join(f"{each.column} = new.{each.column}" for each in values)
    arrays = ", ".join(["$2::uuid[]", *(f"${number}::bytea[]" for number, _ in enumerate(values, 3))])
    await tx.rows(
        f"update {name} set {changes} from unnest({arrays}) as new (id, {', '.join(each.column for each in values)})"
        f" where {name}.tenant_id = $1 and {name}.id = new.id",
        tx.tenant,
        [id for id, _ in rows],
        *zip(*(sealed for _, sealed in rows), strict=True),
    )


def _older(values: Sequence["Sealed[Any]"], parameter: int) -> str:
    # Bytes compare from the first on, and a value begins with its version.
    return " or ".join(f"{each.column} < ${parameter}" for each in values)


def _prefix(version: int) -> bytes:
    return version.to_bytes(2, "big")
