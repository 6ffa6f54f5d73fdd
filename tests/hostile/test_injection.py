"""SQL through every place for a text or an id: it is a text, and nothing else.

A table stands there to be read, changed and dropped by whoever gets through, in the session that serves.
"""

import logging
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest
from graphql import get_named_type
from sqlalchemy.engine import make_url

from app.core.db.urls import APP_ROLE, admin_url
from app.settings import Settings
from tests.hostile.test_documents import LEFT_OUT
from tests.support.api import Api
from tests.support.bare import post
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import RootField, root_fields

SECRET = "kmh4711"
READ = "(select secret from injected limit 1)"
# In quotes of each kind, in a number's place, in a pattern, and as what is put together by the database.
INJECTIONS = [
    f"x' or 1=(cast({READ} as int)) or 'a'='",
    "x'; update injected set secret = 'gone'; --",
    'x"; update injected set secret = $$gone$$; /*',
    "%') union all select secret from injected --",
    f"' || {READ} || '",
]
# The secret, and what a database says when somebody has got as far as its parser.
TELLTALES = (SECRET, "syntax error at", "asyncpg", "sqlalchemy", "unterminated quoted", "invalid input syntax")
# Each hashes a password before it looks at anything, or is over after the first call.
FIELDS = [field for field in root_fields() if field.name not in LEFT_OUT and field.operation != "subscription"]


@pytest.fixture(scope="module")
async def mine(api: Api) -> Holdings:
    return await holdings(api)


@pytest.fixture(scope="module")
async def bait(migrated_settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees a table with which the serving role may do anything."""
    url = make_url(admin_url(migrated_settings)).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    await connection.execute(
        f"create table injected (secret text); insert into injected values ('{SECRET}'); "
        f"grant all on injected to {APP_ROLE}"
    )
    yield connection
    await connection.execute("drop table injected")
    await connection.close()


@pytest.mark.parametrize("field", FIELDS, ids=str)
async def test_sql_is_a_text(
    api: Api, mine: Holdings, bait: asyncpg.Connection, field: RootField, caplog: pytest.LogCaptureFixture
) -> None:
    admin = mine.admin
    known = {path: mine.ids[kind] for path, kind in field.ids.items()}
    for path, type_ in field.leaves.items():
        if get_named_type(type_).name not in ("String", "ID"):
            continue
        for number, injection in enumerate(INJECTIONS):
            variables = field.arguments({**known, path: injection})
            body = orjson.dumps({"query": field.document(variables), "variables": variables})
            # By somebody who may do nothing there once, else by somebody who may do everything.
            for token in (None, admin.token) if number == 0 else (admin.token,):
                status, answer = await post(api.app, body, token)
                if status == 401:
                    # Wrong proofs end a sign-in.
                    admin = await api.sign_in(mine.business.slug, f"admin@{mine.business.slug}.example")
                    status, answer = await post(api.app, body, admin.token)
                assert status == 200, (path, injection, answer)
                told = answer.replace(orjson.dumps(injection).decode()[1:-1], "")
                assert not [word for word in TELLTALES if word in told.lower()], (path, injection, answer)
                codes = {error["extensions"]["code"] for error in orjson.loads(answer).get("errors", [])}
                assert "INTERNAL" not in codes, (path, injection, answer)
    assert await bait.fetch("select secret from injected") == [(SECRET,)]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_places_are_found() -> None:
    places = [
        path
        for field in FIELDS
        for path, type_ in field.leaves.items()
        if get_named_type(type_).name in ("String", "ID")
    ]
    assert len(places) > 100
