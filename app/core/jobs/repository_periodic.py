"""Every statement about periodic work: who has it, and when it is due next."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from app.core.db import ReadTx, WriteTx
from app.core.jobs.models import PeriodicTask


class Held(NamedTuple):
    """A run of a piece of work: its number, and how many before it have failed."""

    run: int
    failures: int


async def hold(tx: WriteTx, name: str, *, until: datetime) -> Held | None:
    """Have a piece until then, if it is due and nobody has it. One nobody knows yet is due at once."""
    now = tx.now()
    new = insert(PeriodicTask).values(name=name, due_at=now, runs=0, failures=0)
    await tx.exec(new.on_conflict_do_nothing())
    found = await tx.exec(
        update(PeriodicTask)
        .where(
            col(PeriodicTask.name) == name,
            col(PeriodicTask.due_at) <= now,
            or_(col(PeriodicTask.held_until).is_(None), col(PeriodicTask.held_until) <= now),
        )
        .values(held_until=until, runs=PeriodicTask.runs + 1, began_at=now)
        .returning(col(PeriodicTask.runs), col(PeriodicTask.failures))
    )
    row = found.one_or_none()
    return None if row is None else Held(*row)


async def due_at(tx: ReadTx, name: str) -> datetime:
    """When a piece can be had next: when it is due, or the lease of whoever has it ends."""
    found = await tx.exec(select(PeriodicTask.due_at, PeriodicTask.held_until).where(PeriodicTask.name == name))
    due, held_until = found.one()
    return due if held_until is None else max(due, held_until)


async def end(tx: WriteTx, name: str, run: int, *, due_at: datetime) -> None:
    """It is done, and due again then; unless somebody has begun it anew meanwhile."""
    await _change(tx, name, run, due_at=due_at, failures=0, error=None)


async def fail(tx: WriteTx, name: str, run: int, *, due_at: datetime, error: str) -> None:
    """It has failed, and is due again then."""
    await _change(tx, name, run, due_at=due_at, failures=PeriodicTask.failures + 1, error=error)


async def tasks(tx: ReadTx) -> list[PeriodicTask]:
    """All there are, by name."""
    return list(await tx.exec(select(PeriodicTask).order_by(col(PeriodicTask.name))))


async def _change(tx: WriteTx, name: str, run: int, **values: object) -> None:
    await tx.exec(
        update(PeriodicTask)
        .where(col(PeriodicTask.name) == name, col(PeriodicTask.runs) == run)
        .values(held_until=None, ended_at=tx.now(), **values)
    )
