"""What must never stand in a log line or in somebody else's answer: who people are, their passwords, our insides.

A listener holds every record of the whole story; the story is full of secrets, and some of it goes wrong on our side.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from sqlalchemy.engine import make_url

from app.core.db.urls import APP_ROLE, admin_url, role_password
from app.core.logs import JsonFormatter
from app.settings import Settings
from tests.support.api import JOIN, PASSWORD, Api, Business, Caller

SECRET = f"zqx{uuid4().hex}"
PERSON = {
    "userIdentifier": f"person {SECRET}",
    "contact": {"email": f"{SECRET}@private.example", "phone": "+49 30 555 0199"},
    "metadata": {"note": SECRET},
}
LOGIN = """mutation($i: UserLoginInput!) { userLogin(input: $i) {
  __typename ... on UserLoginSuccess { accessToken refreshToken } ... on UserError { message }
} }"""
REFRESH = """mutation($i: LoginRefreshInput!) { loginRefresh(input: $i) {
  __typename ... on LoginRefreshSuccess { accessToken refreshToken } ... on UserError { message }
} }"""
CREATE_USER = """mutation($i: UserCreateInput!) { userCreate(input: $i) {
  __typename ... on UserCreateSuccess { user { id } } ... on UserError { message }
} }"""


class Listener(logging.Handler):
    """Keeps every record as it would be written: by our formatter, and by the plainest one there is."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.plain: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.plain.append(logging.Formatter().format(record))

    def errors(self) -> list[dict[str, Any]]:
        """The lines of errors, taken apart."""
        return [entry for line in self.lines if (entry := orjson.loads(line))["level"] == "ERROR"]

    def holds(self, *secrets: str) -> list[str]:
        """Which of these can be read in the log."""
        return [secret for secret in secrets if any(secret in line for line in [*self.lines, *self.plain])]


@pytest.fixture
def log() -> Iterator[Listener]:
    """Everything that is logged, at the greatest detail but for the test's own client."""
    listener = Listener()
    root, app, before = logging.getLogger(), logging.getLogger("app"), logging.getLogger("app").level
    root.addHandler(listener)
    app.setLevel(logging.DEBUG)
    yield listener
    root.removeHandler(listener)
    app.setLevel(before)


@asynccontextmanager
async def broken(settings: Settings, breaking: str, mending: str) -> AsyncIterator[None]:
    """A database in which something does not work, until the end of the block."""
    url = make_url(admin_url(settings)).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(breaking)
        yield
    finally:
        await connection.execute(mending)
        await connection.close()


async def test_a_day_leaves_no_personal_data_in_the_log(api: Api, business: Business, log: Listener) -> None:
    queue_id = await business.queue()
    counter_id = await business.counter(queue_id)
    email = f"staff.{SECRET}@private.example"
    new_user = {"email": email, "password": f"pw-{SECRET}", "firstName": f"first {SECRET}", "phone": "+49 30 555 0199"}
    created = await business.admin(CREATE_USER, i=new_user)
    assert created["__typename"] == "UserCreateSuccess"
    taken = await business.admin(CREATE_USER, i=new_user | {"email": email.upper()})
    assert taken["__typename"] == "EmailTakenError"
    sign_in = {"tenantSlug": business.slug, "email": email, "password": f"pw-{SECRET}"}
    granted = await api.anonymous(LOGIN, i=sign_in)
    refused = await api.anonymous(LOGIN, i=sign_in | {"password": f"wrong-{SECRET}"})
    assert refused["__typename"] == "InvalidCredentialsError"
    refreshed = await api.anonymous(REFRESH, i={"refreshToken": granted["refreshToken"]})
    joined = await business.join(queue_id, **PERSON)
    again = await api.anonymous(JOIN, i={"queueId": queue_id} | PERSON)
    assert again["__typename"] == "AlreadyWaitingError"
    bad = await api.anonymous(JOIN, i={"queueId": queue_id} | PERSON | {"contact": {"email": f"{SECRET}@"}})
    assert bad["__typename"] == "InvalidInputError"
    await business.call_next(queue_id, counter_id)
    await business.act("sessionCancel", joined.id, joined.visitor, reason=f"because {SECRET}")
    async with joined.visitor.socket() as socket:
        feed = await socket.subscribe(
            "subscription($id: ID!) { sessionChanged(sessionId: $id) { status } }", {"id": joined.id}
        )
        await feed.item()
    for document in (f'{{ queueBySlug(tenantSlug: "{SECRET}" }}', f'{{ tenant(slug: "{SECRET}") {{ nope }} }}'):
        await joined.visitor.send(document)
    await Caller(api, f"{granted['accessToken']}x").send("{ viewer { __typename } }")

    tokens = [granted["accessToken"], granted["refreshToken"], refreshed["accessToken"], refreshed["refreshToken"]]
    assert joined.visitor.token is not None
    assert log.holds(SECRET, "555 0199", joined.visitor.token, *tokens) == []


@pytest.mark.parametrize("who", ["over HTTP", "on a socket"])
async def test_a_failure_of_ours_tells_nothing(
    migrated_settings: Settings, api: Api, business: Business, log: Listener, who: str
) -> None:
    queue_id = await business.queue()
    variables = {"i": {"queueId": queue_id} | PERSON}
    async with broken(migrated_settings, "revoke insert on sessions from vq_app", "grant insert on sessions to vq_app"):
        if who == "over HTTP":
            answer = await api.anonymous.send(JOIN, **variables)
            shown, errors = answer.text, answer.json()["errors"]
        else:
            async with api.anonymous.socket() as socket:
                payload = await (await socket.subscribe(JOIN, variables)).payload()
            shown, errors = repr(payload), payload["errors"]

    (error,) = errors
    assert error["extensions"]["code"] == "INTERNAL"
    for inside in (SECRET, "555 0199", "sessions", "INSERT", "permission denied", "asyncpg", "sqlalchemy", "Traceback"):
        assert inside not in shown, inside
    (entry,) = log.errors()
    assert entry["requestId"] == error["extensions"]["requestId"]
    assert (entry["exception"], entry["path"]) == ("ProgrammingError", "queueJoin")
    assert any("app/sessions/graphql/mutations.py" in frame for frame in entry["frames"])
    password = role_password(migrated_settings, APP_ROLE)
    assert log.holds(SECRET, "555 0199", password, migrated_settings.secret) == []


async def test_a_failure_while_signing_in_tells_nothing(
    migrated_settings: Settings, api: Api, business: Business, log: Listener
) -> None:
    given = {"tenantSlug": business.slug, "email": f"admin@{business.slug}.example", "password": PASSWORD}
    async with broken(migrated_settings, "revoke insert on logins from vq_app", "grant insert on logins to vq_app"):
        answer = await api.anonymous.send(LOGIN, i=given)
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["INTERNAL"]
    assert len(log.errors()) == 1
    assert log.holds(PASSWORD, given["email"]) == []


async def test_refusals_repeat_nothing_of_other_people(api: Api, business: Business) -> None:
    """Somebody who guesses what is taken learns that it is taken, and no more."""
    queue_id = await business.queue()
    joined = await business.join(queue_id, idempotencyKey="the-same-key", **PERSON)
    others: list[dict[str, Any]] = [
        {"queueId": queue_id, "userIdentifier": PERSON["userIdentifier"]},
        {"queueId": queue_id, "idempotencyKey": "the-same-key"},
        {"queueId": queue_id, "idempotencyKey": "the-same-key", "userIdentifier": "somebody else"},
    ]
    for given in others:
        answer = await api.anonymous.send(JOIN, i=given)
        echoed = str(given.get("userIdentifier", "")) if SECRET in str(given) else "nothing"
        assert SECRET not in answer.text.replace(echoed, "")
        assert joined.visitor.token is not None
        assert joined.visitor.token not in answer.text
