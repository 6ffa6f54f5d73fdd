"""What a row of each kind is, and which verb makes it: that of whoever would do it by hand. Reads no file."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, fields
from datetime import time
from types import MappingProxyType
from typing import Any, Final

from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.identity.accounts import imports as people
from app.queues import service as queues
from app.queues.config import METERED_TIMERS, QueueConfig
from app.queues.errors import QueueSlugTaken
from app.queues.models import QueueDiscipline, QueueMode
from app.transfers.imports import past
from app.transfers.imports.models import ImportKind

# A row, made into what its verb takes. Pure but for nothing: `InvalidInput`.
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Brought:
    """How rows of a kind are brought in. `bring` gives False for what was there already."""

    required: Collection[str]
    allowed: Collection[str]
    bring: Callable[[WriteTx, Values], Awaitable[bool]]
    # What no two rows of a file may have in common; None: nothing.
    key: str | None


_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_INTEGERS: Final = (
    "visitor_max_priority",
    "capacity",
    "max_concurrent_users",
    "release_rate_per_minute",
    *METERED_TIMERS,
    "max_places_per_address",
    "ticket_first_number",
    "ticket_last_number",
)
_QUEUE: Final = (
    "name",
    "slug",
    "description",
    "mode",
    "discipline",
    *_INTEGERS,
    "queue_all",
    "invited_only",
    "refusal_message",
    "ticket_prefix",
    "time_zone",
    "daily_reset_time",
    "announcement",
)
# An export of queues has these as well; they are the other installation's.
_OF_EXPORTS: Final = ("id", "status", "created_at")


def queue_config(values: Values) -> QueueConfig:
    """A queue from a row: what is empty is as `queueCreate` has it by default. `InvalidInput`."""
    given: dict[str, Any] = {}
    for name in _QUEUE:
        text = values.get(name, "").strip()
        if text:
            given[name] = _read(name, text)
    if given.get("mode") is QueueMode.METERED:
        # As for a queue that is made by hand.
        given = {name: seconds for name, seconds in METERED_TIMERS.items() if name not in values} | given
    return QueueConfig(**({"name": "", "slug": ""} | given))


def _read(name: str, text: str) -> Any:
    try:
        match name:
            case "mode":
                return QueueMode(text.upper())
            case "discipline":
                return QueueDiscipline(text.upper())
            case "queue_all" | "invited_only":
                return yes_or_no(name, text)
            case "daily_reset_time":
                return time.fromisoformat(text)
            case _ if name in _INTEGERS:
                return whole_number(name, text)
    except ValueError:
        raise InvalidInput(name, f"`{name}` has a value that means nothing here.") from None
    return text


def yes_or_no(name: str, text: str) -> bool:
    """`InvalidInput` unless it is one of the two."""
    if text.lower() not in _TRUE | _FALSE:
        raise InvalidInput(name, f"`{name}` is `true` or `false`.")
    return text.lower() in _TRUE


def whole_number(name: str, text: str) -> int:
    """`InvalidInput` unless it is a number that fits."""
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 9:
        raise InvalidInput(name, f"`{name}` is a whole number.")
    return int(text)


async def _bring_queue(tx: WriteTx, values: Values) -> bool:
    try:
        await queues.create(tx, queue_config(values))
    except QueueSlugTaken as taken:
        raise InvalidInput("slug", taken.message) from None
    return True


async def _bring_user(tx: WriteTx, values: Values) -> bool:
    return await people.bring(tx, people.read(values)) is not None


_NAMES: Final = {field.name for field in fields(QueueConfig)}
assert set(_QUEUE) <= _NAMES, "columns are called like the configuration"

KINDS: Final[Mapping[ImportKind, Brought]] = MappingProxyType(
    {
        ImportKind.QUEUES: Brought(("name", "slug"), {*_QUEUE, *_OF_EXPORTS}, _bring_queue, "slug"),
        ImportKind.USERS: Brought(("email",), frozenset(people.COLUMNS), _bring_user, "email"),
        ImportKind.SESSIONS: Brought(past.REQUIRED, frozenset(past.COLUMNS), past.bring, None),
    }
)
