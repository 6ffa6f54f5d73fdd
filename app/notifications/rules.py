"""Who is told what, as functions of plain values. Reads and writes nothing."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from app.core.errors import InvalidInput
from app.core.personal.masks import mask_email
from app.queues.disciplines import Rank

PEOPLE_AHEAD = 3
"""From when on people are told that it will not be long: 3 ahead of them or fewer."""

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
# By length: regions and scripts.
_SPELLING = {2: str.upper, 4: str.title}


class Move(Enum):
    """What an event does to the line."""

    ENTERED = "ENTERED"
    LEFT = "LEFT"
    RANK_CHANGED = "RANK_CHANGED"


MOVES = {
    "SESSION_JOINED": Move.ENTERED,
    "SESSION_TRANSFERRED_IN": Move.ENTERED,
    "SESSION_RETURNED": Move.ENTERED,
    "SESSION_UNHELD": Move.ENTERED,
    "SESSION_STEPPED_BACK": Move.RANK_CHANGED,
    "SESSION_PRIORITY_CHANGED": Move.RANK_CHANGED,
    "SESSION_CALLED": Move.LEFT,
    "SESSION_RELEASED": Move.LEFT,
    "SESSION_EXPIRED": Move.LEFT,
    "SESSION_CANCELLED": Move.LEFT,
    "SESSION_TRANSFERRED_OUT": Move.LEFT,
    "SESSION_HELD": Move.LEFT,
}


@dataclass(frozen=True, slots=True)
class Placed:
    """Somebody near the front of the line."""

    session_id: UUID
    rank: Rank


@dataclass(frozen=True, slots=True)
class LineMove:
    """One entry of the line's log: who moved, how, and the rank afterwards (on leaving: before)."""

    revision: int
    move: Move
    session_id: UUID
    rank: Rank
    at: datetime | None = None


def moved_up(
    front: Sequence[Placed],
    log: Iterable[LineMove],
    people_ahead: int = PEOPLE_AHEAD,
    *,
    first: int = 0,
    among: Collection[UUID] | None = None,
) -> set[UUID]:
    """Who of these people in line got there by moving up: so many or fewer are ahead of them, and there were once more.

    `front` stand one behind the other, the first of them with `first` people ahead. Whoever entered the line there has
    seen that on entering and is not told again. `log` is the queue's recent past; who is not in it entered before
    everything that is. `among`: who is of interest; everybody if it is not given.
    """
    entries = sorted(log, key=lambda entry: entry.revision)
    entered = entered_at(entries)
    departures = [entry.revision for entry in entries if entry.move is not Move.ENTERED]
    found: set[UUID] = set()
    forward = put_forward(entries)
    unseen = _unseen_ahead(front, entries) if first else []
    for index, person in enumerate(front[: max(0, people_ahead - first + 1)]):
        if among is not None and person.session_id not in among:
            continue
        since = entered.get(person.session_id, 0)
        # Whoever was once ahead and is no more has left or changed places since: mostly that settles it.
        at_most = first + index + len(departures) - bisect_right(departures, since)
        if person.session_id in forward:
            found.add(person.session_id)
        elif at_most > people_ahead:
            once = _once_ahead(person, [*unseen, *front[:index]], entries, since)
            if len(once) + max(0, first - len(unseen)) > people_ahead:
                found.add(person.session_id)
    return found


def entered_at(entries: Iterable[LineMove]) -> dict[UUID, int]:
    """When each who is in the log took their place; to whoever let others go first it is a new one."""
    return {entry.session_id: entry.revision for entry in entries if entry.move is not Move.LEFT}


def _unseen_ahead(front: Sequence[Placed], entries: Sequence[LineMove]) -> list[Placed]:
    """Those in the log who stand before all of `front`."""
    last = {entry.session_id: entry for entry in entries}
    return [
        Placed(entry.session_id, entry.rank)
        for entry in last.values()
        if front and entry.move is not Move.LEFT and entry.rank < front[0].rank
    ]


def _put_forward(session_id: UUID, entries: Sequence[LineMove]) -> bool:
    """Whether somebody was last moved by being given a better rank: by staff, so nobody has told them."""
    before: Rank | None = None
    better = False
    for entry in entries:
        if entry.session_id == session_id:
            better = entry.move is Move.RANK_CHANGED and (before is None or entry.rank < before)
            before = entry.rank
    return better


def put_forward(entries: Iterable[LineMove]) -> set[UUID]:
    """Who in the log was last moved by being given a better rank."""
    ordered = sorted(entries, key=lambda entry: entry.revision)
    people = {entry.session_id for entry in ordered if entry.move is Move.RANK_CHANGED}
    return {one for one in people if _put_forward(one, ordered)}


def _once_ahead(person: Placed, now_ahead: Sequence[Placed], entries: Sequence[LineMove], entered_at: int) -> set[UUID]:
    """Who was ahead of somebody when they took their place, as far as it can be told: who still is, and who left."""
    ranks: dict[UUID, Rank] = {}
    came_later: set[UUID] = set()
    ahead: set[UUID] = set()
    for entry in entries:
        other, before = entry.session_id, ranks.get(entry.session_id)
        ranks[other] = entry.rank
        if other == person.session_id or entry.revision <= entered_at:
            continue
        if entry.move is Move.ENTERED:
            came_later.add(other)
        elif other in came_later:
            continue
        elif entry.move is Move.LEFT:
            if entry.rank < person.rank:
                ahead.add(other)
        elif before is None or before < person.rank:
            # Stepped back, or was put back. Where from is not known if that was long ago: rather told once too often.
            ahead.add(other)
    return ahead | {other.session_id for other in now_ahead if other.session_id not in came_later}


def language_tag(text: str) -> str:
    """A language tag in its one spelling: `pt-BR`, `zh-Hant`. `InvalidInput` if it is none."""
    if not _LANGUAGE_TAG.fullmatch(text):
        raise InvalidInput("locale", "`locale` is a language tag such as `en` or `pt-BR`.")
    language, *rest = text.split("-")
    return "-".join([language.lower(), *(_SPELLING.get(len(part), str.lower)(part) for part in rest)])


def languages(*wanted: str | None) -> list[str]:
    """Tags to look for, best first: each wanted one, then without its last part, and so on (`de-CH`, `de`, `en`)."""
    tags: list[str] = []
    for tag in wanted:
        parts = language_tag(tag).split("-") if tag else []
        tags += ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return list(dict.fromkeys(tags))


def without_address(text: str, address: str) -> str:
    """A server's words with the recipient's address masked in them."""
    masked_address = mask_email(address)
    for spelling in (address, address.lower()):
        text = text.replace(spelling, masked_address)
    return text
