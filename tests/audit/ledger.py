"""Which rows each transaction has written, noted by the database itself: no code of ours can forget to say so.

Triggers on every table, for as long as a test wants them. Says what was written, not whether it was right.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

_SPY = """
    create table spied (number bigserial, xid text, name text, event jsonb);
    create function spy() returns trigger language plpgsql security definer as $$
    begin
        if tg_op = 'UPDATE' and old is not distinct from new then
            return null;
        end if;
        insert into spied (xid, name, event) values (
            pg_current_xact_id()::text,
            tg_argv[0],
            case when tg_argv[0] = 'events' and tg_op = 'INSERT' then to_jsonb(new) end
        );
        return null;
    end
    $$;
"""


@dataclass(frozen=True)
class Written:
    """What one transaction has written."""

    tables: frozenset[str]
    events: Sequence[dict[str, Any]]


class Ledger:
    """The triggers' notes, and where they are read."""

    def __init__(self, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._owner = owner

    async def take(self) -> list[Written]:
        """What was committed since the last time, transaction by transaction, first to last."""
        taken = await self._owner.fetch(
            "with taken as (delete from spied returning *) select xid, name, event from taken order by number"
        )
        tables: dict[str, set[str]] = {}
        events: dict[str, list[dict[str, Any]]] = {}
        for xid, name, event in taken:
            tables.setdefault(xid, set()).add(name)
            events.setdefault(xid, []).extend([] if event is None else [orjson.loads(event)])
        return [Written(frozenset(names), events[xid]) for xid, names in tables.items()]


@asynccontextmanager
async def spying(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger of this database; nothing is left of it afterwards."""
    owner = await asyncpg.connect(database_url.replace("postgresql+asyncpg://", "postgresql://"))
    try:
        names = [
            row["relname"]
            for row in await owner.fetch(
                "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
                " and not relispartition and relname <> 'alembic_version' order by relname"
            )
        ]
        await owner.execute(_SPY)
        try:
            for name in names:
                await _surely(
                    owner,
                    f"create trigger spy after insert or update or delete on {name} for each row execute function"
                    f" spy('{name}')",
                )
            yield Ledger(owner)
        finally:
            for name in names:
                await _surely(owner, f"drop trigger if exists spy on {name}")
            await owner.execute("drop function spy")
            await owner.execute("drop table spied")
    finally:
        await owner.close()


async def _surely(owner: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    """Others work in these tables: with a partitioned one, which is several locks, one may wait in a circle."""
    while True:
        try:
            await owner.execute(statement)
        except asyncpg.DeadlockDetectedError:
            continue
        return
