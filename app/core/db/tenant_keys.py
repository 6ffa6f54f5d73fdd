"""Every statement about tenants' keys: learnt when a block begins, made with the tenant. What they seal is not here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.core.personal.keys import (
    FIRST_VERSION,
    INDEX_VERSION,
    KeyUse,
    TenantKeys,
    WrappedKey,
    remember,
)

if TYPE_CHECKING:
    from app.core.db.engine import WriteTx

KEYS_OF_TENANT = """
    select use, version, wrapped, active_at <= clock_timestamp() as is_active from tenant_keys where tenant_id = $1
"""
# By the database's clock, which is everybody's.
ADD_KEY = """
    insert into tenant_keys (tenant_id, use, version, wrapped, created_at, active_at)
    values ($1, $2, $3, $4, now(), now() + $5::float8 * interval '1 second')
"""


def stored_keys(rows: Sequence[Any]) -> list[WrappedKey]:
    """What `KEYS_OF_TENANT` has found."""
    return [WrappedKey(KeyUse(use), version, wrapped, is_active) for use, version, wrapped, is_active in rows]


async def give_keys(tx: "WriteTx") -> None:
    """Make the first keys of the tenant the block creates. Nobody else uses them before it commits."""
    if tx.master is None:
        raise RuntimeError("this database was opened without the installation's secret")
    made = [
        tx.master.make(tx.tenant, KeyUse.INDEX, INDEX_VERSION),
        tx.master.make(tx.tenant, KeyUse.DATA, FIRST_VERSION),
    ]
    for each in made:
        await tx.rows(ADD_KEY, tx.tenant, each.use.value, each.version, each.wrapped, 0.0)
    remember(tx.tenant, TenantKeys.unwrapped(tx.master, tx.tenant, made))
    tx.gave_keys = True
