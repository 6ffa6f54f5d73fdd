"""A category's configuration as it is asked for, and what it may be beside the others. Stores nothing."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.queues.config import MAX_PRIORITY
from app.queues.disciplines import MAX_MULTIPLIER, WHOLE


@dataclass(frozen=True, slots=True)
class CategoryConfig:
    """A category as it is asked for; the defaults are the product's."""

    name: str
    priority: int = 0
    multiplier_hundredths: int = WHOLE
    ticket_prefix: str | None = None
    ticket_first_number: int | None = None
    ticket_last_number: int | None = None
    is_active: bool = True


class Ticketed(Protocol):
    """What prints tickets: a category, or one that is asked for."""

    @property
    def ticket_prefix(self) -> str | None:
        """Null: the queue's."""

    @property
    def ticket_first_number(self) -> int | None:
        """Null: it counts with the queue."""


def ensure_valid(config: CategoryConfig) -> None:
    """`InvalidInput` that names the first field that cannot be."""
    ensure_text("name", config.name, 1, 80)
    if not 0 <= config.priority <= MAX_PRIORITY:
        raise InvalidInput("priority", f"A priority is from 0 to {MAX_PRIORITY}.")
    if not 0 <= config.multiplier_hundredths <= MAX_MULTIPLIER:
        raise InvalidInput("priorityMultiplier", f"A multiplier is from 0 to {MAX_MULTIPLIER // WHOLE}.")
    prefix, first, last = config.ticket_prefix, config.ticket_first_number, config.ticket_last_number
    if prefix is not None and not re.fullmatch(r"[A-Za-z0-9-]{0,4}", prefix):
        raise InvalidInput("ticketPrefix", "A ticket prefix is at most 4 letters, digits or dashes.")
    if first is None and last is None:
        return
    if prefix is None:
        raise InvalidInput("ticketPrefix", "Numbers of its own need a prefix of its own: two would print the same.")
    if first is None or last is None or not 0 <= first < last <= 9_999_999:
        raise InvalidInput(
            "ticketLastNumber",
            "Give both ends of the number range, from 0 to a larger last number of at most 9,999,999; or neither.",
        )


def ensure_told_apart(queue_prefix: str, categories: Iterable[Ticketed]) -> None:
    """`InvalidInput` if two that count apart could print the same ticket number on one day."""
    shared, own = {queue_prefix}, list[str]()
    for category in categories:
        if category.ticket_prefix is None:
            continue
        if category.ticket_first_number is None:
            shared.add(category.ticket_prefix)
        else:
            own.append(category.ticket_prefix)
    for place, prefix in enumerate(own):
        for other in [*shared, *own[:place]]:
            if _could_meet(prefix, other):
                raise InvalidInput(
                    "ticketPrefix",
                    f"With the prefixes `{prefix}` and `{other}` two people could hold the same number; numbers of a "
                    "category's own need a prefix that nothing else in the queue begins with.",
                )


def _could_meet(one: str, other: str) -> bool:
    # `A1` and 23 reads as `A` and 123.
    shorter, longer = sorted((one, other), key=len)
    rest = longer.removeprefix(shorter)
    return one == other or (longer.startswith(shorter) and rest.isdigit())
