"""What events changed: old and new values, masked before they reach the log. Nothing here knows a feature.

The log cannot be edited, so nothing may stand in it that has to be erased one day: of what is personal an initial is
kept, of secrets nothing. Which fields these are is told by their names, whichever feature they belong to.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.core.db.changed import ChangedRow
from app.core.personal.keys import PersonalDataClosed
from app.core.personal.sealed import Sealed

HIDDEN = "•••"
MAX_TEXT = 1_000
MAX_ROWS = 20
_SECRET = re.compile(r"password|secret|token|hash|sealed|cipher|seed|otp|(^|_)codes?$|(^|_)keys?$")
# Texts that say who somebody is, or that hold whatever people have written about somebody.
_PERSONAL = re.compile(
    r"e_?mail|phone|first_name|last_name|full_name|username|visitor_name|user_identifier|recipient|birth"
)
_UNREADABLE = re.compile(r"visitor_metadata|metadata|(^|_)notes?$|(^|_)address$|(^|_)agent$|subject_claim")

# Who it was and when stands in the event itself; blind indexes say nothing to anybody; of a lot nobody knows before the
# pre-queue is over.
_UNTOLD = re.compile(
    r"^(tenant_id|id|revision|permission_version|(created|updated)_(at|by)|rank_\w+|draw_class|lot)$|_index$"
)


class Change(NamedTuple):
    """One value, before and after; plain, and masked already."""

    before: object
    after: object


def attributed(unwritten: Sequence[Sequence[Any]], changed: Sequence[ChangedRow]) -> list[str | None]:
    """What each of a block's events has changed, as JSON text: to every row the event that is about it.

    That is the last one that names the row; else the last one about an object the row belongs to; else the last one.
    """
    named = [_ids_in(event) for event in unwritten]
    rows: list[list[ChangedRow]] = [[] for _ in unwritten]
    for each in changed:
        own = getattr(each.row, "id", None)
        belongs = {str(value) for name, value in each.row.__dict__.items() if name != "tenant_id" and _is_id(value)}
        numbers = range(len(unwritten) - 1, -1, -1)
        about = next((number for number in numbers if str(own) in named[number]), None)
        if about is None:
            about = next((number for number in numbers if str(unwritten[number][1]) in belongs), len(unwritten) - 1)
        rows[about].append(each)
    return [
        orjson.dumps({name: change._asdict() for name, change in found.items()}).decode() if found else None
        for event, mine in zip(unwritten, rows, strict=True)
        for found in [_changes(str(event[1]), mine)]
    ]


def _changes(aggregate_id: str, changed: Sequence[ChangedRow]) -> dict[str, Change]:
    found: dict[str, Change] = {}
    seen: dict[str, int] = {}
    for number, (row, table, before, after) in enumerate(changed):
        if number == MAX_ROWS:
            found["…"] = Change(None, f"and {len(changed) - MAX_ROWS} more rows")
            break
        parts = differences(*_readable(row, before, after))
        prefix = ""
        if str(getattr(row, "id", None)) != aggregate_id:
            # A row of its own: the table's name, and from the second on its number.
            seen[table] = seen.get(table, 0) + 1
            prefix = f"{table}." if seen[table] == 1 else f"{table}.{seen[table]}."
        for name, change in parts.items():
            # What one block has changed twice was, before, what it was at first.
            first = found.get(prefix + name)
            found[prefix + name] = change if first is None else Change(first.before, change.after)
    return found


def _readable(row: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values by names that mean something; of sealed ones what may be shown."""
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for name, value in after.items():
        if _UNTOLD.search(name):
            continue
        stem = name.removesuffix("_sealed")
        sealed = getattr(type(row), stem, None) if stem != name else None
        if isinstance(sealed, Sealed):
            was[stem], now[stem] = _opened(row, sealed, before.get(name)), _opened(row, sealed, value)
        else:
            was[name], now[name] = before.get(name), value
    return was, now


class _Told(NamedTuple):
    """A value that may stand in the log as it is."""

    text: str | None
    # To see whether two are the same.
    plain: object


def _opened(row: Any, sealed: "Sealed[Any]", value: bytes | None) -> _Told:
    if value is None:
        return _Told(None, None)
    try:
        plain = sealed.open(row.tenant_id, row.id, value)
    except PersonalDataClosed:
        return _Told(HIDDEN, value)
    if isinstance(plain, str) and _PERSONAL.search(sealed.name):
        return _Told(_initials(plain, is_phone="phone" in sealed.name), plain)
    return _Told(HIDDEN, plain)


def _ids_in(event: Sequence[Any]) -> set[str]:
    """Whom an event is about: its aggregate, and what its data names first of all."""
    data = orjson.loads(event[5])
    session = data.get("session")
    return {str(event[1]), *(value for value in data.values() if isinstance(value, str))} | (
        {session["id"]} if isinstance(session, dict) else set()
    )


def _is_id(value: object) -> bool:
    return isinstance(value, UUID)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    """What is different in `after`, which may leave out fields. Mappings are compared by their parts.

    A change of what is hidden is told all the same: before and after look alike.
    """
    found: dict[str, Change] = {}
    for name, new in after.items():
        old = before.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping) and not _UNREADABLE.search(name):
            gone = {key: None for key in old if key not in new}
            parts = differences(old, {**new, **gone})
            found |= {f"{name}.{part}": change for part, change in parts.items()}
        else:
            found[name] = Change(masked(name, old), masked(name, new))
    return found


def masked(name: str, value: object) -> Any:
    """A value of this field as it may stand in the log."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, _Told):
        return value.text
    if _SECRET.search(name) or _UNREADABLE.search(name) or isinstance(value, bytes):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): masked(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [masked(name, part) for part in value]
        return sorted(parts, key=str) if isinstance(value, set | frozenset) else parts
    if _PERSONAL.search(name):
        return _initials(str(value), is_phone="phone" in name)
    return _plain(value)


def _initials(text: str, *, is_phone: bool) -> str:
    if is_phone:
        return HIDDEN + text[-2:]
    # Of an address the initial on either side of the @.
    return "@".join(part[:1] + HIDDEN for part in text.split("@", 1))


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, int | float):
        return value
    text = str(value)
    if isinstance(value, UUID) or len(text) <= MAX_TEXT:
        return text
    return text[:MAX_TEXT] + "…"
