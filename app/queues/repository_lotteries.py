"""Every statement about lotteries and who took part in them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.queues.models import Lottery, LotteryEntry


async def get(tx: ReadTx, lottery_id: UUID) -> Lottery | None:
    """A lottery of the tenant."""
    return await tx.get(Lottery, (tx.tenant, lottery_id), populate_existing=True)


async def of_queue(tx: ReadTx, queue_id: UUID, seed_hash: str | None) -> Lottery | None:
    """The lottery of a queue whose seed has this hash; without one, the latest."""
    statement = select(Lottery).where(Lottery.tenant_id == tx.tenant, Lottery.queue_id == queue_id)
    if seed_hash is not None:
        statement = statement.where(Lottery.seed_hash == seed_hash)
    found = await tx.exec(statement.order_by(col(Lottery.began_at).desc(), col(Lottery.id)).limit(1))
    return found.first()


async def entry(tx: ReadTx, lottery_id: UUID, session_id: UUID) -> LotteryEntry | None:
    """How somebody took part."""
    return await tx.get(LotteryEntry, (tx.tenant, lottery_id, session_id))


async def count_entries(tx: ReadTx, lottery_id: UUID) -> int:
    """How many have taken part."""
    found = await tx.exec(
        select(func.count())
        .select_from(LotteryEntry)
        .where(LotteryEntry.tenant_id == tx.tenant, LotteryEntry.lottery_id == lottery_id)
    )
    return found.one()


async def page(tx: ReadTx, lottery: Lottery, request: PageRequest) -> Page[LotteryEntry]:
    """Who took part: in the order drawn once it is opened, before that in one that says nothing."""
    statement = select(LotteryEntry).where(LotteryEntry.tenant_id == tx.tenant, LotteryEntry.lottery_id == lottery.id)
    drawn = [LotteryEntry.draw_class, LotteryEntry.lot, LotteryEntry.session_id]
    keys = [LotteryEntry.session_id] if lottery.opened_at is None else drawn
    return await fetch_page(tx, statement, keys, request)  # type: ignore[arg-type]


class NewEntry(NamedTuple):
    """An entry as it is written, in the order of its columns."""

    session_id: UUID
    draw_class: int
    lot: int
    ticket_number: str
    joined_at: object


_ADD = """
    insert into lottery_entries (tenant_id, lottery_id, session_id, draw_class, lot, ticket_number, joined_at)
    select $1, $2, session_id, draw_class, lot, ticket_number, joined_at
    from unnest($3::uuid[], $4::int[], $5::bigint[], $6::text[], $7::timestamptz[])
        as entry (session_id, draw_class, lot, ticket_number, joined_at)
"""


async def add_entries(tx: WriteTx, lottery_id: UUID, entries: Sequence[NewEntry]) -> None:
    """Write down who takes part."""
    if entries:
        await tx.rows(_ADD, tx.tenant, lottery_id, *zip(*entries, strict=True))
