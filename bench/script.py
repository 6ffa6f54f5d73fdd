"""Turns captured transactions into a pgbench script that does the same to other rows, again and again.

Constants stay what they were; keys, times, counters and numbers become what pgbench has to make anew each time. What
differs between two captures of one operation without a rule here is refused: a reference must not be wrong silently.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bench.capture import Statement, Transaction

Columns = dict[int, tuple[str, str]]

_INSERT = re.compile(r"INSERT INTO (\w+) \((.+?)\) VALUES \((.+)\)")
_UPDATE = re.compile(r"UPDATE (\w+) SET (.+) WHERE")
_COMPARED = re.compile(r"(\w+)\.(\w+) (?:=|IN) \(?\$(\d+)")
_ASSIGNED = re.compile(r"(\w+)=\$(\d+)")
_PLACEHOLDER = re.compile(r"\$(\d+)\b")

_LINE = "queue_lines"
# New each time, by SQL or by a number the script has computed from the locked row.
_FRESH = {
    # Of parameters only: looked up by index, as a constant would be. A volatile function would be tried on every row.
    ("sessions", "user_identifier"): "md5(:queue::text || :line_last_sequence::text)",
    ("sessions", "ticket_serial"): ":line_last_ticket_serial",
    ("sessions", "rank_sequence"): ":line_last_sequence",
    ("events", "id"): "gen_random_uuid()",
    ("events", "revision"): ":line_revision",
}
# Differs from time to time, but neither its size nor any key depends on it: the captured value serves.
_ANY = {
    ("sessions", "ticket_number"),
    ("events", "data"),
    ("events", "request_id"),
    ("queue_lines", "last_called_ticket"),
    ("queue_lines", "service_seconds_mean"),
}


@dataclass(frozen=True, slots=True)
class Captured:
    """A transaction, the queue's hot row before it, and which of its keys stand for what (as SQL)."""

    transaction: Transaction
    line_before: Mapping[str, Any]
    keys: Mapping[UUID, str]


@dataclass(slots=True)
class Script:
    """A pgbench script and the constants it is started with (`-D`)."""

    lines: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(self.lines) + "\n"


def script(captures: Sequence[Captured], again: Sequence[Captured], head: Sequence[str] = ()) -> Script:
    """The script of some transactions. `again` is the same operation captured once more."""
    first, second = _rendered(captures), _rendered(again)
    if first.lines != second.lines:
        differing = [pair for pair in zip(first.lines, second.lines, strict=False) if pair[0] != pair[1]]
        raise ValueError(f"the operation is not the same twice: {differing or 'another number of statements'}")
    for name, value in first.constants.items():
        if not name.startswith("any_") and second.constants[name] != value:
            raise ValueError(f"no rule says how `{name}` varies: {value!r}, then {second.constants[name]!r}")
    first.lines[:0] = head
    return first


def columns_of(sql: str) -> Columns:
    """Which column each placeholder is bound to; those in expressions are left out."""
    found: Columns = {}
    if insert := _INSERT.match(sql):
        table, names, values = insert.groups()
        for name, value in zip(names.split(", "), values.split(", "), strict=True):
            if placeholder := _PLACEHOLDER.match(value):
                found[int(placeholder[1])] = (table, name)
    if update := _UPDATE.match(sql):
        table, assignments = update.groups()
        found |= {int(number): (table, name) for name, number in _ASSIGNED.findall(assignments)}
    found |= {int(number): (table, name) for table, name, number in _COMPARED.findall(sql)}
    return found


def _rendered(captures: Sequence[Captured]) -> Script:
    done = Script()
    for captured in captures:
        done.lines.append("begin;")
        for statement in captured.transaction.statements:
            done.lines.append(_statement(done, captured, statement))
            if _locks_line(statement.sql):
                done.lines += _line_after(captured)
        done.lines.append("commit;")
    return done


def _statement(done: Script, captured: Captured, statement: Statement) -> str:
    columns = columns_of(statement.sql)
    place = len(done.lines)

    def placeholder(match: re.Match[str]) -> str:
        number = int(match[1])
        return _bound(done, captured, columns.get(number), statement.values[number - 1], f"{place}_{number}")

    sql = _PLACEHOLDER.sub(placeholder, " ".join(statement.sql.split()))
    if _locks_line(statement.sql):
        return f"{sql} \\gset line_"
    if _chooses_session(statement.sql):
        return f"{sql} \\gset session_"
    return f"{sql};"


def _bound(done: Script, captured: Captured, column: tuple[str, str] | None, value: object, place: str) -> str:
    match value:
        case None:
            return "NULL"
        case UUID() if UUID(int=value.int) in captured.keys:
            return captured.keys[UUID(int=value.int)]
        case datetime():
            return "clock_timestamp()"
        case int() if column is not None and column[0] == _LINE and column[1] in captured.line_before:
            return f":line_{column[1]}"
    if column in _FRESH:
        return _FRESH[column]
    kind = "any" if column in _ANY else "same"
    name = f"{kind}_{column[1] if column else 'value'}_{place}"
    done.constants[name] = str(value)
    return f":{name}"


def _line_after(captured: Captured) -> list[str]:
    """The row's numbers as the transaction leaves them: what it added then is added to what is there now."""
    lines = []
    for statement in captured.transaction.statements:
        for number, (table, name) in columns_of(statement.sql).items():
            after, before = statement.values[number - 1], captured.line_before.get(name)
            is_number = isinstance(after, int) and isinstance(before, int)
            if table == _LINE and statement.sql.startswith("UPDATE") and is_number:
                lines.append(f"\\set line_{name} :line_{name} + {after - before}")
    return lines


def _locks_line(sql: str) -> bool:
    return f"FROM {_LINE}" in " ".join(sql.split()) and "FOR NO KEY UPDATE" in sql


def _chooses_session(sql: str) -> bool:
    return "FROM sessions" in " ".join(sql.split()) and "ORDER BY" in sql and "LIMIT" in sql
