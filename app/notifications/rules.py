"""Who is told what, as functions of plain values. Reads and writes nothing."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


def moved_up(front: Sequence[Placed], log: Iterable[LineMove], people_ahead: int = PEOPLE_AHEAD) -> set[UUID]:
    """Who of the line's first `people_ahead` + 1 got there by moving up: there were once more people before them.

    Whoever entered the line at its front has seen that on entering and is not told again. `log` is the queue's recent
    past; who is not in it entered before everything that is.
    """
    entries = sorted(log, key=lambda entry: entry.revision)
    return {
        person.session_id
        for index, person in enumerate(front[: people_ahead + 1])
        if _put_forward(person, entries) or len(_once_ahead(person, front[:index], entries)) > people_ahead
    }


def _put_forward(person: Placed, entries: Sequence[LineMove]) -> bool:
    """Whether somebody was last moved by being given a better rank: by staff, so nobody has told them."""
    before: Rank | None = None
    better = False
    for entry in entries:
        if entry.session_id == person.session_id:
            better = entry.move is Move.RANK_CHANGED and (before is None or entry.rank < before)
            before = entry.rank
    return better


def _once_ahead(person: Placed, now_ahead: Sequence[Placed], entries: Sequence[LineMove]) -> set[UUID]:
    """Who was ahead of somebody when they took their place, as far as it can be told: who still is, and who left."""
    entered_at = 0
    for entry in entries:
        # To whoever let others go first it is a new place.
        if entry.session_id == person.session_id and entry.move is not Move.LEFT:
            entered_at = entry.revision
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
