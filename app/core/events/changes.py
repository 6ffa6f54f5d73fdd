"""What an event changed: old and new values, masked before they reach the log. Nothing here knows a feature.

The log cannot be edited, so nothing may stand in it that has to be erased one day: of what is personal an initial is
kept, of secrets nothing. Which fields these are is told by their names, whichever feature they belong to.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

HIDDEN = "•••"
MAX_TEXT = 1_000
_SECRET = re.compile(r"password|secret|token|hash|sealed|cipher|seed|otp|(^|_)codes?$|(^|_)keys?$")
# Texts that say who somebody is, or that hold whatever people have written about somebody.
_PERSONAL = re.compile(
    r"e_?mail|phone|first_name|last_name|full_name|username|visitor_name|user_identifier|recipient|birth"
)
_UNREADABLE = re.compile(r"visitor_metadata|metadata|(^|_)notes?$|(^|_)address$|(^|_)agent$|subject_claim")


class Change(NamedTuple):
    """One value, before and after; plain, and masked already."""

    before: object
    after: object


Changes = Mapping[str, Change]
"""By field: the column's name, with those of its parts behind dots (`settings.locale`)."""


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


def made(values: Mapping[str, Any]) -> dict[str, Change]:
    """The values something was created with; those that are not there (null) are left out."""
    return differences({}, {name: value for name, value in values.items() if value is not None})


def masked(name: str, value: object) -> Any:
    """A value of this field as it may stand in the log."""
    if value is None or isinstance(value, bool):
        return value
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
