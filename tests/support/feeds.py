"""Watching live feeds while things happen, and judging every item by the log.

An item is right when it says what the log says at the item's own revision; a feed is right when nothing of its own is
left out and its last item is what a fresh query answers.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from tests.support.api import SESSION, Caller, key_of
from tests.support.log_checks import Fold, LogEvent
from tests.support.waiting import eventually
from tests.support.ws_client import Subscription

QUEUE = (
    "id name status announcement waitingCount heldCount calledCount servingCount openCounterCount"
    " estimatedWaitSeconds revision lastCalled { ticketNumber counterName calledAt }"
)
DISPLAY = (
    "queues { id name status waitingCount estimatedWaitSeconds announcement revision next"
    " nowServing { ticketNumber counterName calledAt status } }"
)
EVENT = "revision type occurredAt sessionId ticketNumber"


class Watched:
    """The items of one feed, as they come."""

    def __init__(self, subscription: Subscription) -> None:
        self.items: list[Any] = []
        self.over = False
        self._subscription = subscription
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                self.items.append(await self._subscription.item(within=3600))
            except (StopAsyncIteration, RuntimeError):  # a coroutine turns the first into the second
                self.over = True
                return

    @property
    def last(self) -> Any:
        """The newest item."""
        return self.items[-1]

    async def started(self) -> "Watched":
        """Wait for the first item."""
        await eventually(lambda: bool(self.items) or self._reader.done())
        if self._reader.done():
            self._reader.result()
        return self

    async def shows(self, **wanted: Any) -> None:
        """Wait until the newest item has these values."""
        await eventually(lambda: bool(self.items) and all(self.last[name] == value for name, value in wanted.items()))

    async def stop(self) -> None:
        """Read no more."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


@asynccontextmanager
async def watching(caller: Caller, *documents: tuple[str, dict[str, Any]]) -> AsyncIterator[list[Watched]]:
    """Several feeds on one socket; entered once each has its first item."""
    async with caller.socket() as socket:
        feeds = [Watched(await socket.subscribe(document, variables)) for document, variables in documents]
        try:
            yield feeds
        finally:
            for feed in feeds:
                await feed.stop()


def session_feed(session_id: str, *, parked: bool = True) -> tuple[str, dict[str, Any]]:
    """`sessionChanged`, of a selection whose moves are rendered, or of one that is executed for each."""
    # Counts of the queue are looked up for each item.
    selection = SESSION if parked else SESSION.replace("queue { id }", "queue { id waitingCount }")
    return f"subscription($id: ID!) {{ sessionChanged(sessionId: $id) {{ {selection} }} }}", {"id": session_id}


def queue_feed(queue_id: str) -> tuple[str, dict[str, Any]]:
    """`queueChanged`."""
    return f"subscription($id: ID!) {{ queueChanged(queueId: $id) {{ {QUEUE} }} }}", {"id": queue_id}


def display_feed(*queue_ids: str) -> tuple[str, dict[str, Any]]:
    """`displayChanged`."""
    return f"subscription($ids: [ID!]!) {{ displayChanged(queueIds: $ids) {{ {DISPLAY} }} }}", {"ids": list(queue_ids)}


def event_feed(queue_id: str, after: int | None = None) -> tuple[str, dict[str, Any]]:
    """`queueEvents`."""
    document = f"subscription($id: ID!, $after: Int) {{ queueEvents(queueId: $id, after: $after) {{ {EVENT} }} }}"
    return document, {"id": queue_id, "after": after}


async def fresh_session(caller: Caller, session_id: str) -> Any:
    """What a query answers now."""
    return await caller(f"query($id: ID!) {{ session(id: $id) {{ {SESSION} }} }}", id=session_id)


async def fresh_queue(caller: Caller, queue_id: str) -> Any:
    """What a query answers now."""
    return await caller(f"query($id: ID!) {{ queue(id: $id) {{ {QUEUE} }} }}", id=queue_id)


async def fresh_display(caller: Caller, *queue_ids: str) -> Any:
    """What a query answers now."""
    return await caller(f"query($ids: [ID!]!) {{ display(queueIds: $ids) {{ {DISPLAY} }} }}", ids=list(queue_ids))


def same(item: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether an item of a session's feed shows what the query does; its revision may be that of its last change."""
    shown = {**item, "queue": {"id": item["queue"]["id"]}, "revision": fresh["revision"]}
    return item["revision"] <= fresh["revision"] and shown == fresh


class History:
    """Every state a queue was in, by revision."""

    def __init__(self, events: Sequence[LogEvent]) -> None:
        self.events = events
        self._orders: dict[int, list[str]] = {}
        self._states: dict[int, dict[str, Mapping[str, Any]]] = {}
        self._lines: dict[int, Mapping[str, Any]] = {}
        state = Fold()
        for event in events:
            state.apply(event)
            self._orders[event.revision] = state.order()
            self._states[event.revision] = dict(state.sessions)
            self._lines[event.revision] = event.data["line"]

    def wrong_session(self, item: Mapping[str, Any]) -> list[str]:
        """Where an item of a session's feed differs from the log."""
        revision, id = item["revision"], str(key_of("Session", item["id"]))
        session = self._states[revision].get(id)
        if session is None:
            return [f"the session is not in this queue at revision {revision}"]
        order = self._orders[revision]
        position = order.index(id) + 1 if id in order else None
        told = {
            "status": session["status"],
            "priority": session["priority"],
            "onHold": session["status"] == "WAITING" and session["held_at"] is not None,
            "callCount": session["call_count"],
            "position": position,
            "aheadCount": None if position is None else position - 1,
            "estimatedWaitSeconds": None if position is None else self._wait(revision, position - 1),
        }
        return [
            f"revision {revision}: {name} is {item[name]}, the log says {value}"
            for name, value in told.items()
            if item[name] != value
        ]

    def wrong_queue(self, item: Mapping[str, Any]) -> list[str]:
        """Where an item of the queue's feed differs from the log."""
        line = self._lines[item["revision"]]
        told = {
            "status": line["status"],
            "waitingCount": line["waiting_count"],
            "heldCount": line["held_count"],
            "calledCount": line["called_count"],
            "servingCount": line["serving_count"],
            "openCounterCount": line["open_counter_count"],
            "estimatedWaitSeconds": self._wait(item["revision"], line["waiting_count"]),
        }
        return [f"{name} is {item[name]}, the log says {value}" for name, value in told.items() if item[name] != value]

    def wrong_display(self, item: Mapping[str, Any]) -> list[str]:
        """Where a queue on a display differs from the log."""
        revision = item["revision"]
        states, line = self._states[revision], self._lines[revision]
        serving = [one for one in states.values() if one["status"] in ("CALLED", "SERVING")]
        serving.sort(key=lambda one: (one["called_at"], one["id"]), reverse=True)
        told = {
            "status": line["status"],
            "waitingCount": line["waiting_count"],
            "estimatedWaitSeconds": self._wait(revision, line["waiting_count"]),
            "next": [states[id]["ticket_number"] for id in self._orders[revision][:10]],
        }
        found = [f"{name} is {item[name]}, the log says {value}" for name, value in told.items() if item[name] != value]
        shown = [(one["ticketNumber"], one["counterName"], one["status"]) for one in item["nowServing"]]
        if shown != [(one["ticket_number"], one["counter_name"], one["status"]) for one in serving]:
            found.append(f"now serving {shown}")
        return found

    def of_session(self, session_id: str) -> list[LogEvent]:
        """The events of one session."""
        id = str(key_of("Session", session_id))
        return [event for event in self.events if event.data.get("session", {}).get("id") == id]

    def _wait(self, revision: int, ahead: int) -> int | None:
        line = self._lines[revision]
        if line["service_seconds_mean"] is None or line["open_counter_count"] < 1:
            return None
        return round(ahead * line["service_seconds_mean"] / line["open_counter_count"])


def left_out(items: Sequence[Mapping[str, Any]], histories: Mapping[str, History]) -> list[str]:
    """Events of the watched session that no item shows: in each stay in a queue, all after the stay's first item."""
    missing = []
    for queue_id, since in _stays(items):
        shown = {item["revision"] for item in items if item["queue"]["id"] == queue_id}
        for event in histories[queue_id].of_session(items[0]["id"]):
            if event.revision <= since:
                continue
            if event.type == "SESSION_TRANSFERRED_OUT":
                break
            if event.revision not in shown:
                missing.append(f"{event.type} at revision {event.revision}")
    return missing


def backwards(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Items that are older than the one before them."""
    return [
        f"revision {later['revision']} after {item['revision']}"
        for item, later in pairwise(items)
        if item["queue"]["id"] == later["queue"]["id"] and later["revision"] < item["revision"]
    ]


def _stays(items: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Queue and revision of the first item of each run of items in one queue."""
    firsts = [items[0]] + [later for item, later in pairwise(items) if item["queue"]["id"] != later["queue"]["id"]]
    return [(item["queue"]["id"], item["revision"]) for item in firsts]
