"""What was there before personal data was sealed is sealed by the migration, and opened by the one back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy.engine import make_url

from app.access import repository as access
from app.access.models import AccessList
from app.core.db import Database
from app.core.db.admin import alembic_config
from app.core.db.urls import APP_ROLE, role_url
from app.identity import repository as users
from app.notifications import repository as notifications
from app.sessions import repository as sessions
from app.settings import Settings
from tests.servers import own_database

BEFORE, AFTER = "0013", "0014"
SEALED = ("users", "sessions", "session_notes", "access_entries", "notifications", "logins")
PLAIN = ("anna@example.com", "Anna", "Änne", None, "+49 30 1234")

USER = """
    insert into users (tenant_id, id, email, username, first_name, last_name, phone, password_hash, role, status,
        email_verified, phone_verified, permission_version, revision, created_at, created_by, updated_at, updated_by)
    values ($1, $2, $3, $4, $5, $6, $7, '', 'ADMIN', 'ACTIVE', true, false, 1, 1, now(), '', now(), '')
"""

SESSION = """
    insert into sessions (tenant_id, id, queue_id, status, ticket_queue_id, service_day, ticket_serial, ticket_number,
        priority, rank_class, rank_time, rank_sequence, party_size, joined_at, call_count, user_identifier, email,
        phone, visitor_metadata, cancel_reason)
    values ($1, $2, $3, 'WAITING', $3, current_date, 1, 'A1', 0, 0, now(), 64, 1, now(), 0, $4, $5, $6, $7, $8)
"""
ENTRY = "insert into access_entries values ($1, $2, 'BYPASS', $3, now(), '')"
MESSAGE = """
    insert into notifications (tenant_id, id, queue_id, session_id, event_id, kind, channel, recipient, locale, subject,
        body, status, attempts, created_at)
    values ($1, $2, $2, $2, $2, 'CALLED', 'EMAIL', $3, 'en', $4, $5, 'SENT', 1, now())
"""
LOGIN = """
    insert into logins (tenant_id, id, user_id, generation, created_at, last_used_at, expires_at, methods, proved_at,
        wrong_proofs, agent, address)
    values ($1, $2, $3, 1, now(), now(), now(), '[]', now(), 0, $4, $5)
"""
NOTE = "insert into session_notes values ($1, $2, $2, 'USER', $3, now())"
VISITOR = ("anna-4", "Anna@Example.com", "030 1234", '{"who": "Anna", "n": [1]}', "Anna had to go")


def migrate(there: Settings, revision: str) -> None:
    run = command.downgrade if revision == BEFORE else command.upgrade
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(run, alembic_config(there), revision).result()


async def asked(there: Settings, *statements: tuple[Any, ...]) -> list[Any]:
    assert there.database_url is not None
    url = make_url(there.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    try:
        # Without foreign keys: people only, and no queue for them.
        await connection.execute("set session_replication_role = replica")
        return [await connection.fetch(*statement) for statement in statements]
    finally:
        await connection.close()


def tenant(id: UUID) -> tuple[Any, ...]:
    return (
        "insert into tenants values ($1, $2, 'T', null, null, 'ACTIVE', '{}', '{}', '{}', 1, now(), '', now(), '')",
        id,
        f"t-{id.hex[:8]}",
    )


def user(tenant_id: UUID, id: UUID) -> tuple[Any, ...]:
    return USER, tenant_id, id, *PLAIN


@pytest.mark.parametrize("people", [1_001])
async def test_there_and_back(migrated_settings: Settings, people: int) -> None:
    there = own_database(migrated_settings, "sealing", BEFORE)
    mine, others, anna, visit = uuid4(), uuid4(), uuid4(), uuid4()
    await asked(there, tenant(mine), tenant(others), user(mine, anna), user(others, uuid4()))
    await asked(there, (SESSION, mine, visit, uuid4(), *VISITOR), (NOTE, mine, visit, "Anna is late"))
    await asked(
        there,
        # Rows that are written anew in one transaction are held against it once more.
        ("alter table access_entries drop constraint access_entries_tenant_id_queue_id_fkey",),
        (ENTRY, mine, visit, "anna-4"),
        (MESSAGE, mine, visit, "anna@example.com", "Anna", "It is Anna's turn"),
        (LOGIN, mine, visit, anna, "Anna's browser", "203.0.113.7"),
    )
    many = [user(mine, uuid4()) for _ in range(people)]
    await asked(
        there,
        *(
            (statement, *given[:2], f"{number}@x.y", None, *given[4:])
            for number, (statement, *given) in enumerate(many)
        ),
    )
    migrate(there, AFTER)

    (dump, *more) = await asked(there, *((f"select t::text from {table} t",) for table in SEALED))
    assert len(dump) == people + 2
    dump = dump + [row for rows in more for row in rows]
    assert not [row for row in dump if "anna" in row[0].lower() or "@" in row[0] or "203.0" in row[0]]
    # What reads them is of today.
    migrate(there, "head")
    db = Database(role_url(there, APP_ROLE), secret=there.secret, pool_size=1)
    async with db.read(mine) as tx:
        found = await users.by_email(tx, "ANNA@example.com")
        last = await users.by_email(tx, f"{people - 1}@x.y")
        session = await sessions.get(tx, visit)
        (note,) = await sessions.notes_of(tx, [visit])
        lists = await access.lists_of_persons(tx, visit, ["anna-4", "anna-5"])
        message, login = await notifications.find(tx, visit), await users.login(tx, visit)
    await db.dispose()
    assert found is not None
    assert last is not None
    assert (found.id, found.email, found.username, found.first_name, found.last_name, found.phone) == (anna, *PLAIN)

    assert (session.user_identifier, session.email, session.phone, session.cancel_reason, note.text) == (
        *(VISITOR[:3] + VISITOR[4:]),
        "Anna is late",
    )
    assert session.visitor_metadata == {"who": "Anna", "n": [1]}

    assert lists == {"anna-4": {AccessList.BYPASS}}
    assert message is not None
    assert (message.recipient, message.subject, message.body) == ("anna@example.com", "Anna", "It is Anna's turn")
    assert login is not None
    assert (login.agent, login.address) == ("Anna's browser", "203.0.113.7")

    migrate(there, BEFORE)
    (back,) = await asked(
        there, ("select email, username, first_name, last_name, phone from users where id = $1", anna)
    )
    assert [tuple(row) for row in back] == [PLAIN]
    ((who,), (said,)) = await asked(
        there,
        ("select user_identifier, email, phone, visitor_metadata::text, cancel_reason from sessions",),
        ("select text from session_notes",),
    )
    assert (tuple(who), said["text"]) == ((*VISITOR[:3], '{"n": [1], "who": "Anna"}', VISITOR[4]), "Anna is late")
    (listed, sent, begun) = await asked(
        there,
        ("select user_identifier from access_entries",),
        ("select recipient, subject, body from notifications",),
        ("select agent, address from logins",),
    )
    assert [tuple(row) for row in (*listed, *sent, *begun)] == [
        ("anna-4",),
        ("anna@example.com", "Anna", "It is Anna's turn"),
        ("Anna's browser", "203.0.113.7"),
    ]
    with pytest.raises(asyncpg.UniqueViolationError):
        await asked(there, user(mine, uuid4()))
