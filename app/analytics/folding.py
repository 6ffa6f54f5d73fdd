"""Folds what is new in queues' logs into visits and roll-ups: some queues of one tenant in one transaction.

Cursor, visits and roll-ups commit together, under the cursors' locks: done twice, beside itself or killed half way,
each event counts once. When to fold is the worker's question (`worker.py`), and the rebuild's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from app.analytics import repository
from app.analytics.facts import ENTERING, Fact, Rank
from app.analytics.fold import Happened, QueueFold
from app.analytics.hours import hours_of
from app.analytics.repository import LIVE, Cursor, Store
from app.analytics.rollups import Increments, of_tenant, rows_of
from app.core.db import Database, WriteTx

PORTION: Final = 1_000
"""Events of one transaction, at least; of each of its queues at most."""
_TURN: Final = 100
"""So many events are folded before everybody else in the loop has a turn."""
_REMEMBERED: Final = 200_000
"""People in lines that are kept in order between two portions, at most."""


class Folding:
    """Folds portions of logs. Keeps lines in order from one portion to the next; what it keeps it can read again."""

    def __init__(self, system: Database, store: Store = LIVE) -> None:
        self._system = system
        self._store = store
        self._orders: OrderedDict[UUID, tuple[int, list[Rank]]] = OrderedDict()

    async def fold(self, tenant_id: UUID, queue_ids: Sequence[UUID], limit: int = PORTION) -> int:
        """Fold on with queues of a tenant, at most `limit` events of each; how many there were.

        Nothing of queues with which somebody else is folding on.
        """
        async with self._system.write(tenant_id) as tx:
            cursors = await repository.hold_cursors(tx, self._store, tenant_id, queue_ids)
            folded, orders = await self.fold_held(tx, tenant_id, cursors, limit)
        self.remember(orders)
        return folded

    async def fold_held(
        self, tx: WriteTx, tenant_id: UUID, cursors: Sequence[Cursor], limit: int, until: int | None = None
    ) -> tuple[int, dict[UUID, tuple[int, list[Rank]]]]:
        """`fold` for whoever holds the cursors: how many events, and the lines to be remembered after the commit."""
        if not cursors:
            return 0, {}
        bound = () if until is None else (until,)
        events = await repository.events(tx, tenant_id, cursors, limit, *bound)
        if not events:
            return 0, {}
        by_queue: dict[UUID, list[Happened]] = {}
        for queue_id, event in events:
            by_queue.setdefault(queue_id, []).append(event)
        folds = await self._folds(tx, tenant_id, cursors, by_queue)
        for number, (queue_id, event) in enumerate(events):
            folds[queue_id][0].apply(event)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        await self._keep(tx, tenant_id, cursors, {queue_id: fold for queue_id, (fold, _) in folds.items()})
        orders = {
            queue_id: (fold.position.revision, order) for queue_id, (fold, order) in folds.items() if order is not None
        }
        return len(events), orders

    async def _folds(
        self, tx: WriteTx, tenant_id: UUID, cursors: Sequence[Cursor], by_queue: dict[UUID, list[Happened]]
    ) -> dict[UUID, tuple[QueueFold, list[Rank] | None]]:
        known: dict[UUID, set[str]] = {}
        unsaid: list[dict[str, object]] = []
        wanted: dict[tuple[UUID, str], str] = {}
        for queue_id, events in by_queue.items():
            began = known.setdefault(queue_id, set())
            for event in events:
                if (state := event.data.get("session")) is None:
                    continue
                if "category_id" not in state:
                    unsaid.append(state)
                if event.type in ENTERING:
                    began.add(state["id"])
                elif state["id"] not in began:
                    wanted.setdefault((queue_id, state["id"]), state["joined_at"])
        if unsaid:
            categories = await repository.categories(tx, tenant_id, list({str(state["id"]) for state in unsaid}))
            for state in unsaid:
                state["category_id"] = categories.get(str(state["id"]))
        facts: dict[UUID, list[Fact]] = {}
        if wanted:
            since = min(datetime.fromisoformat(joined_at) for joined_at in wanted.values())
            for fact in await repository.facts(tx, self._store, tenant_id, list(wanted), since):
                facts.setdefault(fact.queue_id, []).append(fact)
        folds: dict[UUID, tuple[QueueFold, list[Rank] | None]] = {}
        for cursor in cursors:
            if (queue_id := cursor.queue_id) in by_queue:
                order = await self._order(tx, tenant_id, cursor, is_needed=bool(known[queue_id]))
                hours = hours_of(cursor.time_zone)
                folds[queue_id] = QueueFold(queue_id, hours, cursor.position, facts.get(queue_id, []), order), order
        return folds

    async def _order(self, tx: WriteTx, tenant_id: UUID, cursor: Cursor, *, is_needed: bool) -> list[Rank] | None:
        # Taken out: the fold changes it, and what is not committed has not happened.
        revision, order = self._orders.pop(cursor.queue_id, (None, None))
        if revision == cursor.position.revision:
            return order
        return await repository.order(tx, self._store, tenant_id, cursor.queue_id) if is_needed else None

    def remember(self, orders: dict[UUID, tuple[int, list[Rank]]]) -> None:
        """Keep lines in order for the next portion: call it when the transaction has committed."""
        self._orders.update(orders)
        while sum(len(order) for _, order in self._orders.values()) > _REMEMBERED:
            self._orders.popitem(last=False)

    async def _keep(
        self, tx: WriteTx, tenant_id: UUID, cursors: Sequence[Cursor], folds: dict[UUID, QueueFold]
    ) -> None:
        store, increments = self._store, Increments()
        zones = {cursor.queue_id: cursor.time_zone for cursor in cursors}
        for queue_id, fold in folds.items():
            increments |= rows_of(queue_id, hours_of(zones[queue_id]), fold.cells, fold.maxima)
            await asyncio.sleep(0)
        await repository.keep_facts(
            tx, store, tenant_id, [each for fold in folds.values() for each in fold.changed.values()]
        )
        await repository.add_to_rollups(tx, store, tenant_id, increments)
        await repository.keep_cursors(tx, store, tenant_id, [(id, fold.position) for id, fold in folds.items()])
        if store is LIVE:
            # Last, because folds of one tenant wait for each other here.
            await repository.hold_tenant(tx, tenant_id)
            await repository.add_to_rollups(tx, store, tenant_id, of_tenant(tenant_id, increments.items()))
