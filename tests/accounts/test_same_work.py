"""Strangers cannot tell who has an account by what it costs to answer them: the same statements run, in the same order.

Nothing here looks at a clock. A statement more or less would be found by whoever looks at many answers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import event

from app.core.db.driver import TenantConnection
from app.identity import passwords, repository
from app.identity.accounts import service
from tests.accounts.people import customer, done, new_address, open_registration, send, tenant_of
from tests.support.api import PASSWORD, Api, Business

# Who asks: whatever else runs in this process (the relay, for one) is not asked for.
_asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextmanager
def statements(api: Api, business: Business, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What an operation sends to the database, by the ORM and past it; nothing is remembered from operations before."""
    seen: list[str] = []
    api.runtime.authenticator.forget(tenant_of(business))

    def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if _asking.get():
            seen.append(" ".join(statement.split()))

    fetch = TenantConnection.fetch

    async def noted(self: TenantConnection, query: str, *given: Any, **options: Any) -> Any:
        note(None, None, query)
        return await fetch(self, query, *given, **options)

    dbs = api.runtime.dbs
    engines = [each.sync_engine for db in (dbs.app, dbs.system) for each in (db.engine, db._read_pool)]
    with monkeypatch.context() as patch:
        patch.setattr(TenantConnection, "fetch", noted)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        token = _asking.set(True)
        try:
            yield seen
        finally:
            _asking.reset(token)
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("mutation", ["userRegister", "passwordRequestReset"])
async def test_asking_for_a_code(api: Api, business: Business, monkeypatch: pytest.MonkeyPatch, mutation: str) -> None:
    await open_registration(business)
    _, known = await customer(api, business)
    cost = []
    for email in (known, new_address()):
        with statements(api, business, monkeypatch) as seen:
            await done(api.anonymous, mutation, tenantSlug=business.slug, email=email)
        cost.append(seen)
    assert cost[0] == cost[1]
    assert len([each for each in cost[0] if each.lower().startswith("insert into account_messages")]) == 1


@pytest.mark.parametrize(("ask", "bring"), [("userRegister", "userConfirm"), ("passwordRequestReset", "passwordReset")])
async def test_bringing_a_wrong_code(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch, ask: str, bring: str
) -> None:
    await open_registration(business)
    _, known = await customer(api, business)
    hashed, cost = [], []
    set_hash = passwords.hash_set

    async def counted(password: str) -> Any:
        hashed.append(password)
        return await set_hash(password)

    monkeypatch.setattr(passwords, "hash_set", counted)
    for email in (known, new_address()):
        asked = await done(api.anonymous, ask, tenantSlug=business.slug, email=email)
        with statements(api, business, monkeypatch) as seen:
            answer = await send(api.anonymous, bring, codeToken=asked["codeToken"], code="no code", password=PASSWORD)
        assert answer["__typename"] == "CodeRefusedError"
        cost.append(seen)
    assert cost[0] == cost[1]
    assert len(hashed) == 2, "the slow part is done before anything is known"


async def test_a_statement_more_would_be_noticed(api: Api, business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_registration(business)
    _, known = await customer(api, business)
    ask = service.request_password_reset

    async def careless(tx: Any, codes: Any, email: str, locale: str | None) -> Any:
        if (user := await repository.by_email(tx, email)) is not None:
            await repository.lock(tx, user.id)
        return await ask(tx, codes, email, locale)

    monkeypatch.setattr(service, "request_password_reset", careless)
    cost = []
    for email in (known, new_address()):
        with statements(api, business, monkeypatch) as seen:
            await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=email)
        cost.append(seen)
    assert cost[0] != cost[1]
