"""What has changed between two schemas for those who use the old one, and whether it may. Compares; writes nothing.

A field, argument or value may go once it was deprecated in a release with a date, and the date has come.
"""

import re
from dataclasses import dataclass
from datetime import date

from graphql import (
    BreakingChange,
    BreakingChangeType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

from app.core.graphql.deprecation import dates_of, deprecations

_REMOVALS = {
    BreakingChangeType.FIELD_REMOVED,
    BreakingChangeType.ARG_REMOVED,
    BreakingChangeType.VALUE_REMOVED_FROM_ENUM,
}
# As graphql-core says it: `Field Queue.slug was removed.`, `Argument Query.queue(id:) was removed.`
_REMOVED = re.compile(r"^(?:Field|Argument|Enum value) (\S+) was removed\.$")


@dataclass(frozen=True, slots=True)
class Evolution:
    """What has changed."""

    broken: tuple[str, ...]
    """Clients of the old schema fail, and nobody told them in time."""
    announced: tuple[str, ...]
    """Removals whose date has come."""
    dangerous: tuple[str, ...]
    """Clients that expect nothing new may fail: a new member of a union, a new value of an enum."""


def compared(released: str, current: str, today: date) -> Evolution:
    """How one schema has become the other. Both are texts in the schema language."""
    old, new = build_schema(released), build_schema(current)
    announced: list[str] = []
    broken: list[str] = []
    for change in find_breaking_changes(old, new):
        (announced if _is_due(old, change, today) else broken).append(change.description)
    dangerous = [change.description for change in find_dangerous_changes(old, new)]
    return Evolution(tuple(sorted(broken)), tuple(sorted(announced)), tuple(sorted(dangerous)))


def _is_due(old: GraphQLSchema, change: BreakingChange, today: date) -> bool:
    """Whether the old schema has said that this would go, and when, and it is time."""
    found = _REMOVED.match(change.description)
    if change.type not in _REMOVALS or found is None:
        return False
    dates = dates_of(dict(deprecations(old)).get(found[1], ""))
    return dates is not None and dates.until <= today
