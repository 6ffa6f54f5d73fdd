"""Captured statements as a pgbench script: what stays, what is made anew, and what is refused."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from bench.capture import Statement, Transaction
from bench.script import Captured, columns_of, script

QUEUE, SESSION = UUID(int=1), UUID(int=2)
LOCK = "SELECT queue_lines.revision \nFROM queue_lines WHERE queue_lines.id IN ($1::UUID) FOR NO KEY UPDATE"
UPDATE = (
    "UPDATE queue_lines SET revision=$1::INTEGER, last_change_at=$2::TIMESTAMP WITH TIME ZONE"
    " WHERE queue_lines.id = $3::UUID"
)
INSERT = (
    "INSERT INTO sessions (id, queue_id, ticket_number, party_size, email, ticket_serial)"
    " VALUES ($1::UUID, $2::UUID, $3::VARCHAR, $4::INTEGER, $5::VARCHAR, $6::INTEGER)"
)


def join(revision: int, party_size: int = 1, session: UUID = SESSION) -> Captured:
    """A join as it is captured: the line stood at `revision`."""
    statements = [
        Statement(LOCK, (QUEUE,)),
        Statement(UPDATE, (revision + 1, datetime(2026, 1, 1, tzinfo=UTC), QUEUE)),
        Statement(INSERT, (session, QUEUE, f"A{revision:03d}", party_size, None, revision + 1)),
    ]
    keys = {QUEUE: ":queue", session: "gen_random_uuid()"}
    return Captured(Transaction(statements, committed=True), {"revision": revision}, keys)


def test_columns_are_found_in_every_kind_of_statement() -> None:
    assert columns_of(UPDATE) == {
        1: ("queue_lines", "revision"),
        2: ("queue_lines", "last_change_at"),
        3: ("queue_lines", "id"),
    }
    assert columns_of(INSERT)[6] == ("sessions", "ticket_serial")
    assert columns_of("SELECT 1 FROM sessions WHERE sessions.status IN ($1, $2) AND sessions.id = $3::UUID") == {
        1: ("sessions", "status"),
        3: ("sessions", "id"),
    }


def test_numbers_follow_the_locked_row_and_keys_are_made_anew() -> None:
    made = script([join(7)], [join(8, session=UUID(int=3))])

    lock = "SELECT queue_lines.revision FROM queue_lines WHERE queue_lines.id IN (:queue::UUID) FOR NO KEY UPDATE"
    update = (
        "UPDATE queue_lines SET revision=:line_revision::INTEGER,"
        " last_change_at=clock_timestamp()::TIMESTAMP WITH TIME ZONE WHERE queue_lines.id = :queue::UUID;"
    )
    insert = (
        "INSERT INTO sessions (id, queue_id, ticket_number, party_size, email, ticket_serial) VALUES"
        " (gen_random_uuid()::UUID, :queue::UUID, :any_ticket_number_4_3::VARCHAR, :same_party_size_4_4::INTEGER,"
        " NULL::VARCHAR, :line_last_ticket_serial::INTEGER);"
    )
    add = "\\set line_revision :line_revision + 1"
    assert made.lines == ["begin;", f"{lock} \\gset line_", add, update, insert, "commit;"]
    assert made.constants == {"any_ticket_number_4_3": "A007", "same_party_size_4_4": "1"}


def test_what_varies_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="same_party_size"):
        script([join(7)], [join(8, party_size=2)])


def test_an_operation_that_is_not_the_same_twice_is_refused() -> None:
    shorter = join(8)
    shorter.transaction.statements.pop()

    with pytest.raises(ValueError, match="not the same twice"):
        script([join(7)], [shorter])
