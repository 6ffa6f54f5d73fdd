"""Keys rotated by command while two real processes are at work: not one request fails, whoever signs with which key."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from joserfc.jws import extract_compact

from app.core.clock import SystemClock
from app.core.db import Database, Databases
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.identity import repository
from app.identity.authentication import Authenticator
from app.identity.keyring import rotate
from app.identity.models import KeyPurpose
from app.settings import Settings
from tests.commands.runs import vq
from tests.commands.test_workers import Fleet, fleet_of_two
from tests.servers import own_database
from tests.support.api import open_api
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

VIEWER = "{ viewer { ... on User { id } } }"


@dataclass
class Load:
    """Requests with every token there is, in turn, each over a connection of its own: so both processes answer."""

    fleet: Fleet
    tokens: list[str]
    answered: int = 0
    failed: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            for number in itertools.count():
                token = self.tokens[number % len(self.tokens)]
                headers = {"authorization": f"Bearer {token}", "connection": "close"}
                try:
                    answer = await http.post(self.fleet.url, json={"query": VIEWER}, headers=headers)
                    if not (answer.json().get("data") or {}).get("viewer"):
                        self.failed.append(answer.text)
                except httpx.HTTPError as problem:
                    self.failed.append(repr(problem))
                self.answered += 1

    async def goes_on(self, requests: int) -> None:
        """Until so many more were answered."""
        goal = self.answered + requests
        await eventually(lambda: self.answered >= goal or bool(self.failed), within=60)

    async def published(self) -> set[str]:
        async with httpx.AsyncClient(trust_env=False) as http:
            found = await http.get(self.fleet.url.replace("/graphql", "/.well-known/jwks.json"))
        return {key["kid"] for key in found.json()["keys"]}


@asynccontextmanager
async def another_process(settings: Settings) -> AsyncIterator[Authenticator]:
    """What a process knows that has started just now: it signs with the newest key at once."""
    dbs = Databases(
        app=Database(role_url(settings, APP_ROLE), secret=settings.secret, clock=SystemClock(), name="rotation app"),
        system=Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, clock=SystemClock(), name="rotation"),
    )
    authenticator = Authenticator(settings, dbs)
    yield authenticator
    await authenticator.stop()
    await dbs.dispose()


def kid_of(token: str) -> str:
    return str(extract_compact(token.encode()).headers()["kid"])


async def test_a_rotation_fails_no_request(migrated_settings: Settings) -> None:
    settings = own_database(migrated_settings, "rotation")
    assert settings.database_url is not None
    assert settings.redis_url is not None
    variables = {
        "VQ_DATABASE_URL": settings.database_url,
        "VQ_REDIS_URL": settings.redis_url,
        "VQ_SECRET_KEY": settings.secret,
    }
    async with open_api(settings, SystemClock()) as api:
        business = await api.new_business()
        assert business.admin.token is not None
        actor = await api.runtime.authenticator.authenticate(business.admin.token)
        assert actor.login_id is not None
        async with api.runtime.dbs.app.read(actor.tenant_id) as tx:
            assert actor.id is not None
            user = await repository.get(tx, actor.id)
        with fleet_of_two(settings) as fleet:
            load = Load(fleet, [business.admin.token])
            askers = [asyncio.create_task(load.ask()) for _ in range(2)]
            for is_by_command in (True, False):
                await load.goes_on(10)
                before = await load.published()
                if is_by_command:
                    rotated = await asyncio.to_thread(vq, "keys", "rotate", env=variables)
                    assert rotated.returncode == 0, rotated.stderr
                else:
                    await rotate(api.runtime.dbs.system, settings, KeyPurpose.ACCESS)
                async with another_process(settings) as fresh:
                    token = await fresh.tokens.access_token(user, actor.login_id)
                # Published before it signed: whoever keeps the key set knows it already.
                assert kid_of(token) in before
                assert kid_of(token) not in {kid_of(known) for known in load.tokens}
                load.tokens.append(token)
                await load.goes_on(10)
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)
            assert load.failed == []
            assert len({kid_of(token) for token in load.tokens}) == 3
            assert {kid_of(token) for token in load.tokens} <= await load.published()
