"""Changing a tenant's data key while everything runs: a new key, all sealed anew with it, the old one forgotten.

1. `start` makes the key. Every process has learnt it before it seals (`keys.ACTIVE_AFTER_SECONDS`), and by then seals
   with it (`SETTLED_AFTER_SECONDS`): what is older is finite
2. `step` seals so many rows anew, and notes where it is; killed, it goes on from there. Rows that somebody holds are
   come back to: it is through when there is nothing older left that opens. A row with a value that no key opens stays
   as it is: it is counted, named and logged
3. `finish` forgets the old key, when nobody can have read an old row any more (`FORGET_AFTER`)
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from app.core.db.engine import WriteTx
from app.core.events.log import record
from app.core.ids import new_id
from app.core.jobs import repository as jobs
from app.core.jobs.repository import NewJob
from app.core.personal import repository
from app.core.personal.events import KEY_ROTATION, KeyRotationFinished, KeyRotationStarted
from app.core.personal.keys import ACTIVE_AFTER_SECONDS, FRESH_SECONDS, PersonalDataClosed
from app.core.personal.models import KeyRotation, RotationStatus
from app.core.personal.sealed import sealed_values

SETTLED_AFTER_SECONDS: Final = 3 * FRESH_SECONDS
FORGET_AFTER: Final = timedelta(minutes=10)
PORTION: Final = 500
JOB: Final = "personal.rotate"
MOST_NAMED: Final = 20
_FIRST = UUID(int=0)

logger = logging.getLogger(__name__)


async def start(tx: WriteTx, active_after_seconds: float = ACTIVE_AFTER_SECONDS) -> KeyRotation:
    """Begin with a new key for the bound tenant; the rotation that is under way if there is one."""
    # Two who both see none would both make the next version.
    await repository.hold_beginning(tx)
    running = await repository.newest(tx)
    if running is not None and running.status is not RotationStatus.DONE:
        return running
    rotation = KeyRotation(
        tenant_id=tx.tenant,
        id=new_id(),
        to_version=await repository.add_version(tx, active_after_seconds),
        started_at=tx.now(),
    )
    tx.add(rotation)
    await tx.flush()
    record(tx, KEY_ROTATION, rotation.id, 1, KeyRotationStarted(rotation.to_version), rotation.started_at)
    later = tx.now() + timedelta(seconds=active_after_seconds + SETTLED_AFTER_SECONDS)
    job = NewJob(tx.tenant, JOB, {"rotation_id": str(rotation.id)}, f"{JOB}:{rotation.id}")
    # Nobody sends it: the sweep does, when its time has come.
    await jobs.write(tx, [job], send_at=later)
    return rotation


async def is_settled(tx: WriteTx, rotation_id: UUID, settled_after_seconds: float) -> bool:
    """Whether nobody seals with an older key any more; counts once what there is to do."""
    rotation = await repository.hold(tx, rotation_id)
    if rotation is None or rotation.status is RotationStatus.RUNNING:
        return True
    if not await repository.is_settled(tx, rotation.to_version, settled_after_seconds):
        return False
    rotation.status = RotationStatus.RUNNING
    rotation.total_rows = await repository.count(tx, tables(), rotation.to_version)
    await tx.flush()
    return True


async def step(tx: WriteTx, rotation_id: UUID, portion: int = PORTION) -> bool:
    """Seal so many rows anew; whether there may be more."""
    rotation = await repository.hold(tx, rotation_id)
    if rotation is None:
        return False
    all_tables = tables()
    names = [name for name, _ in all_tables]
    at = names.index(rotation.at_table) if rotation.at_table in names else 0
    rows = await repository.take(tx, all_tables[at], rotation.to_version, rotation.after_id or _FIRST, portion)
    while not rows and at + 1 < len(names):
        at += 1
        rows = await repository.take(tx, all_tables[at], rotation.to_version, _FIRST, portion)
    if rows:
        anew = {id: _anew(tx, all_tables[at], id, old) for id, old in rows}
        opened = [(id, values) for id, values in anew.items() if values is not None]
        await repository.put(tx, all_tables[at], opened)
        rotation.done_rows += len(opened)
        _note_unopened(rotation, names[at], [id for id, values in anew.items() if values is None])
        rotation.at_table, rotation.after_id = names[at], rows[-1][0]
    elif await _is_more(tx, rotation.to_version, portion):
        # Held by somebody when it was their turn.
        rotation.at_table, rotation.after_id = None, None
        rotation.unopened_rows, rotation.unopened = 0, []
    else:
        rotation.status, rotation.finished_at = RotationStatus.DONE, tx.now()
        finished = KeyRotationFinished(rotation.to_version, rotation.done_rows)
        record(tx, KEY_ROTATION, rotation.id, 2, finished, rotation.finished_at)
    await tx.flush()
    return rotation.status is not RotationStatus.DONE


async def forget_later(tx: WriteTx, rotation_id: UUID) -> None:
    """Have the older keys forgotten when nobody can have anything of theirs in hand."""
    done = await tx.get(KeyRotation, (tx.tenant, rotation_id))
    if done is not None:
        args = {"rotation_id": str(rotation_id), "forget_before": done.to_version}
        job = NewJob(tx.tenant, JOB, args, f"{JOB}:{rotation_id}:forget")
        await jobs.write(tx, [job], send_at=tx.now() + FORGET_AFTER)


async def finish(tx: WriteTx, version: int) -> None:
    """Forget the keys before a version that everything is sealed with.

    While there is a value that does not open they stay: whoever repairs it may need them, and nobody makes them again.
    """
    if await repository.count(tx, tables(), version) == 0:
        await repository.drop_before(tx, version)


def tables() -> list[repository.Table]:
    """Every table with sealed values, in one order."""
    found = sorted(sealed_values(), key=lambda each: (each.table, each.name))
    return [(name, list(values)) for name, values in groupby(found, key=lambda each: each.table)]


def _anew(tx: WriteTx, table: repository.Table, id: UUID, old: Any) -> list[bytes | None] | None:
    """The values of a row under the new key; None if one of them does not open."""
    try:
        return [
            None if sealed is None else value.resealed(tx.tenant, id, sealed)
            for value, sealed in zip(table[1], old, strict=True)
        ]
    except PersonalDataClosed:
        return None


async def _is_more(tx: WriteTx, version: int, portion: int) -> bool:
    """Whether there is a row that is sealed with an older key and opens."""
    for table in tables():
        after: UUID | None = _FIRST
        while after is not None:
            rows = await repository.look(tx, table, version, after, portion)
            if any(_anew(tx, table, id, old) is not None for id, old in rows):
                return True
            after = rows[-1][0] if rows else None
    return False


def _note_unopened(rotation: KeyRotation, table: str, ids: Sequence[UUID]) -> None:
    named = [f"{table} {id}" for id in ids]
    for each in named:
        logger.warning("A sealed value does not open, and is left as it is: %s.", each)
    rotation.unopened_rows += len(named)
    rotation.unopened = [*rotation.unopened, *named][:MOST_NAMED]
