"""Several statements in one: fewer waits for the database where each is short. Knows no table.

Reads become members of one row, each a list of tuples; changes become parts of one statement, which do not see each
other's work.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class Statement(NamedTuple):
    """A statement in PostgreSQL's own words, without a semicolon; `$1` is the first value."""

    text: str
    values: tuple[object, ...]


_PARAMETER = re.compile(r"\$([0-9]+)")


def reads_in_one(statements: Sequence[Statement]) -> Statement:
    """One row with the rows of each, as tuples."""
    return Statement(_reads(_numbered(statements)), _values(statements))


def changes_in_one(statements: Sequence[Statement]) -> Statement:
    """All of it or nothing, in no order."""
    if len(statements) == 1:
        return statements[0]
    return Statement(_changes(_numbered(statements)), _values(statements))


def _numbered(statements: Sequence[Statement]) -> tuple[tuple[str, int], ...]:
    """Texts, and how many values stand before each one's own."""
    numbered, before = [], 0
    for statement in statements:
        numbered.append((statement.text, before))
        before += len(statement.values)
    return tuple(numbered)


def _values(statements: Sequence[Statement]) -> tuple[object, ...]:
    return tuple(value for statement in statements for value in statement.values)


# Texts are the code's own, and so are the few ways in which they are put together.
@lru_cache(maxsize=256)
def _reads(numbered: tuple[tuple[str, int], ...]) -> str:
    parts = (f"array(select row(part.*) from ({_shifted(*each)}) as part)" for each in numbered)
    return f"select {', '.join(parts)}"


@lru_cache(maxsize=256)
def _changes(numbered: tuple[tuple[str, int], ...]) -> str:
    parts = (f"part_{number} as ({_shifted(*each)})" for number, each in enumerate(numbered))
    return f"with {', '.join(parts)} select"


def _shifted(text: str, before: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + before}", text)
