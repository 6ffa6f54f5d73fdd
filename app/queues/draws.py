"""The lottery of a pre-queue as it runs: begun, giving out lots, opened. What a lot is stands in `lottery.py`.

Nothing is drawn when it opens: the order stands from the first join on, and until then nobody is shown it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.ids import encode, new_id
from app.queues import repository_lotteries as repository
from app.queues.disciplines import Lot
from app.queues.events import LotteryOpened
from app.queues.line import LockedLine, write_down
from app.queues.lottery import lot_of, new_seed, seed_hash
from app.queues.models import Lottery, QueueDiscipline


class Participant(Protocol):
    """Somebody who has joined, as far as a lottery is concerned; no lottery's id: takes no part."""

    id: UUID
    lottery_id: UUID | None
    ticket_number: str
    rank_class: int
    rank_time: datetime
    rank_sequence: int
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Draw:
    """What lots are given out by. `began_at` is everybody's time in line: after those who waited already."""

    lottery_id: UUID
    seed: bytes
    began_at: datetime

    def lot(self, tenant_id: UUID, session_id: UUID) -> int:
        """A session's lot."""
        return lot_of(self.seed, encode("Session", tenant_id, session_id))


async def begin(tx: WriteTx, line: LockedLine) -> str:
    """Begin the lottery of a pre-queue that begins; the hash of its seed, for the event that says so."""
    seed = new_seed()
    lottery = Lottery(
        tenant_id=tx.tenant,
        id=new_id(),
        queue_id=line.queue.id,
        seed=seed,
        seed_hash=seed_hash(seed),
        began_at=line.now,
    )
    tx.add(lottery)
    # It may be opened in this very block, by whoever comes too late for both.
    await tx.flush()
    line.row.lottery_id = lottery.id
    return lottery.seed_hash


async def running(tx: WriteTx, line: LockedLine) -> Draw | None:
    """The lottery those who join now take part in; None if there is none."""
    if line.row.lottery_id is None:
        return None
    lottery = await repository.get(tx, line.row.lottery_id)
    assert lottery is not None  # whoever began it holds this line's lock
    return Draw(lottery.id, lottery.seed, lottery.began_at)


async def open_running(tx: WriteTx, line: LockedLine) -> LockedLine:
    """Publish the seed, if a lottery runs: the pre-queue is over, in whichever way. The line for the next change."""
    if line.row.lottery_id is None:
        return line
    lottery = await repository.get(tx, line.row.lottery_id)
    assert lottery is not None  # whoever began it holds this line's lock
    line = line.later(tx)
    lottery.opened_at = line.now
    line.row.lottery_id = None
    write_down(tx, line, lambda state: LotteryOpened(state, lottery.seed.hex(), lottery.seed_hash))
    return line


async def lot_of_session(tx: ReadTx, lottery_id: UUID, session_id: UUID) -> Lot | None:
    """The lot somebody has had; None for whoever took no part."""
    lottery = await repository.get(tx, lottery_id)
    entry = await repository.entry(tx, lottery_id, session_id)
    return None if lottery is None or entry is None else Lot(lottery.began_at, entry.lot)


async def enter(tx: WriteTx, line: LockedLine, draw: Draw, participants: Iterable[Participant]) -> None:
    """Write down who takes part, as drawn; their sessions are there."""
    is_by_time = line.queue.discipline is QueueDiscipline.TIME_CREDIT
    entries = [
        repository.NewEntry(
            one.id,
            (one.rank_time - draw.began_at) // timedelta(milliseconds=1) if is_by_time else one.rank_class,
            one.rank_sequence,
            one.ticket_number,
            one.joined_at,
        )
        for one in participants
        if one.lottery_id is not None
    ]
    await repository.add_entries(tx, draw.lottery_id, entries)
