"""A visit as a value, and what each event of a queue's log says of it. Pure: the same events make the same visit.

What a visit adds up to is `contribution.py`'s; which events there are, and in which order, `fold.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from app.analytics.models import Outcome
from app.queues.events import QueueEventType as Type

Rank = tuple[int, datetime, int]

ENTERING: Final = frozenset({Type.SESSION_JOINED, Type.SESSION_TRANSFERRED_IN})
ENDING: Final = frozenset(
    {
        Type.SESSION_COMPLETED,
        Type.SESSION_CANCELLED,
        Type.SESSION_NO_SHOW,
        Type.SESSION_EXPIRED,
        Type.SESSION_REVOKED,
        Type.SESSION_TRANSFERRED_OUT,
    }
)
_ENDING_OF_STATUS: Final = {
    "COMPLETED": Type.SESSION_COMPLETED,
    "NO_SHOW": Type.SESSION_NO_SHOW,
    "CANCELLED": Type.SESSION_CANCELLED,
    "EXPIRED": Type.SESSION_EXPIRED,
}
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(slots=True)
class Fact:
    """One visit of one session in one queue: the columns of `FactColumns`, which say what they mean."""

    queue_id: UUID
    session_id: UUID
    entered_at: datetime
    joined_at: datetime
    is_transfer: bool
    category_id: UUID | None
    priority: int
    party_size: int
    position: int | None
    waiting_ahead: int
    rank_class: int | None = None
    rank_time: datetime | None = None
    rank_sequence: int | None = None
    held_at: datetime | None = None
    called_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    call_count: int = 0
    counter_id: UUID | None = None
    served_by: UUID | None = None
    wait_ms: int | None = None
    service_ms: int | None = None
    rating: int | None = None
    nps: int | None = None

    def rank(self) -> Rank | None:
        """The place in line; None unless the visitor is in it and not on hold."""
        if self.rank_class is None or self.held_at is not None:
            return None
        assert self.rank_time is not None
        assert self.rank_sequence is not None  # the three are null together
        return self.rank_class, self.rank_time, self.rank_sequence


def entered(queue_id: UUID, type: str, at: datetime, state: Mapping[str, Any], waiting_count: int) -> Fact:
    """A visit that begins; its position is not known here."""
    fact = Fact(
        queue_id=queue_id,
        session_id=UUID(state["id"]),
        entered_at=at,
        joined_at=datetime.fromisoformat(state["joined_at"]),
        is_transfer=type == Type.SESSION_TRANSFERRED_IN,
        category_id=id_or_none(state.get("category_id")),
        priority=state["priority"],
        party_size=state["party_size"],
        position=None,
        waiting_ahead=waiting_count if state["held_at"] else max(0, waiting_count - 1),
    )
    change(fact, type, at, state)
    return fact


def imported(queue_id: UUID, state: Mapping[str, Any]) -> Fact:
    """A visit of the past, over and done with; where it stood in line nobody knows."""
    joined_at = datetime.fromisoformat(state["joined_at"])
    fact = entered(queue_id, Type.SESSION_IMPORTED, joined_at, state, 0)
    change(fact, _ENDING_OF_STATUS[state["status"]], joined_at, state)
    return fact


def change(fact: Fact, type: str, at: datetime, state: Mapping[str, Any]) -> None:
    """What an event says of a visit under way. Nothing, once it has ended."""
    if fact.ended_at is not None:
        return
    called_at, started_at = _time(state["called_at"]), _time(state["started_at"])
    # Whoever is called again has waited until the first call.
    fact.called_at = fact.called_at if called_at is not None and fact.called_at is not None else called_at
    fact.started_at = started_at
    fact.priority, fact.party_size = state["priority"], state["party_size"]
    fact.call_count = state["call_count"]
    if (ends := type in ENDING) is False or state["counter_id"] is not None:
        fact.counter_id = id_or_none(state["counter_id"])
    if not ends or state["served_by"] is not None:
        fact.served_by = id_or_none(state["served_by"])
    if ends:
        fact.ended_at = _time(state["ended_at"]) or at
        fact.outcome = outcome_of(type, state)
    is_waiting = state["status"] == "WAITING" and not ends
    fact.rank_class = state["rank_class"] if is_waiting else None
    fact.rank_time = _time(state["rank_time"]) if is_waiting else None
    fact.rank_sequence = state["rank_sequence"] if is_waiting else None
    fact.held_at = _time(state["held_at"]) if is_waiting else None
    fact.wait_ms = None if fact.called_at is None else (fact.called_at - fact.entered_at) // _MILLISECOND
    if fact.started_at is not None and fact.ended_at is not None:
        fact.service_ms = (fact.ended_at - fact.started_at) // _MILLISECOND
    else:
        fact.service_ms = None


def rate(fact: Fact, data: Mapping[str, Any]) -> None:
    """What the visitor says of it: the last word counts."""
    fact.rating, fact.nps = data["score"], data["nps"]


def outcome_of(type: str, state: Mapping[str, Any]) -> Outcome:
    """How a visit ended, by the event that ends it."""
    match type:
        case Type.SESSION_COMPLETED:
            return Outcome.SERVED
        case Type.SESSION_NO_SHOW:
            return Outcome.NO_SHOW
        case Type.SESSION_EXPIRED:
            return Outcome.ABANDONED_WAITING if state["started_at"] is None else Outcome.STAY_OVER
        case Type.SESSION_REVOKED:
            return Outcome.REVOKED
        case Type.SESSION_TRANSFERRED_OUT:
            return Outcome.TRANSFERRED
        case Type.SESSION_CANCELLED if state["cancelled_by"] != "VISITOR":
            return Outcome.CANCELLED_BY_STAFF
        case Type.SESSION_CANCELLED:
            return Outcome.ABANDONED_WAITING if state["called_at"] is None else Outcome.CANCELLED_AFTER_CALL
        case _:
            raise ValueError(f"{type} ends no visit")


@lru_cache(maxsize=8_192)
def id_or_none(text: str | None) -> UUID | None:
    """The id of a counter, category or member of staff: few that come again and again."""
    return None if text is None else UUID(text)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
