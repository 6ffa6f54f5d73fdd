"""The lottery of a pre-queue as it runs: begun, giving out lots, opened. What a lot is stands in `lottery.py`.

Nothing is drawn when it opens: the order stands from the first join on, and until then nobody is shown it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import WriteTx
from app.core.ids import encode, new_id
from app.queues import repository_lotteries as repository
from app.queues.disciplines import Rank, is_bypassed
from app.queues.events import LotteryOpened
from app.queues.line import LockedLine, write_down
from app.queues.lottery import lot_of, new_seed, seed_hash
from app.queues.models import Lottery, QueueDiscipline


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


def entry_of(
    line: LockedLine, draw: Draw, rank: Rank, session_id: UUID, ticket_number: str, joined_at: datetime
) -> repository.NewEntry | None:
    """What is written down of somebody who takes part; None for whoever goes first without a lot."""
    if is_bypassed(rank.rank_class):
        return None
    draw_class = rank.rank_class
    if line.queue.discipline is QueueDiscipline.TIME_CREDIT:
        draw_class = (rank.rank_time - draw.began_at) // timedelta(milliseconds=1)
    return repository.NewEntry(session_id, draw_class, rank.sequence, ticket_number, joined_at)


def drawn_rank(line: LockedLine, draw: Draw, rank: Rank, session_id: UUID) -> Rank:
    """A rank made for `draw.began_at` with the session's lot in it; whoever goes first anyhow keeps the place."""
    if is_bypassed(rank.rank_class):
        return rank
    return rank._replace(sequence=draw.lot(line.queue.tenant_id, session_id))
