"""A short memory of how tenants, users and keys stand, so that not every request asks the database. Never the truth.

An answer is at most two seconds old, or newer than the last `forget` of its tenant.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar, cast
from uuid import UUID

from app.core.clock import Clock
from app.core.db import Database
from app.identity import repository as users
from app.identity.api_keys import repository as api_keys
from app.identity.api_keys.repository import KeyStanding
from app.identity.repository import Standing
from app.tenants import repository as tenants
from app.tenants.models import TenantStatus
from app.tenants.service import demands_in
from app.tenants.values import TenantDemands

LIFETIME = timedelta(seconds=2)
_MAX_ENTRIES = 50_000

Answer = TypeVar("Answer")
# What is asked: about the tenant itself, about a user and the sign-in of their token, or about a secret of an API key.
_Question = tuple[UUID, UUID] | str | None


@dataclass(frozen=True, slots=True)
class _Entry:
    task: "asyncio.Task[object]"
    good_until: datetime


class TenantStanding(NamedTuple):
    """How a tenant stands."""

    status: TenantStatus
    demands: TenantDemands


class Standings:
    """What is known, by tenant. Belongs to the loop that uses it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[UUID, dict[_Question, _Entry]] = {}
        self._count = 0

    async def tenant(self, tenant_id: UUID) -> TenantStanding | None:
        """How a tenant stands; None if there is no such tenant."""

        async def load() -> TenantStanding | None:
            async with self._database.read(tenant_id) as tx:
                found = await tenants.find(tx, tenant_id)
            return None if found is None else TenantStanding(found.status, demands_in(found))

        return await self._answer(tenant_id, None, load)

    async def user(self, tenant_id: UUID, user_id: UUID, login_id: UUID, *, at_least: int = 0) -> Standing | None:
        """How a user stands; None if user or sign-in is gone.

        A token may be newer than what is remembered: asked afresh if the permission version is below `at_least`.
        """

        async def load() -> Standing | None:
            async with self._database.read(tenant_id) as tx:
                return await users.standing(tx, user_id, login_id)

        question = (user_id, login_id)
        standing = await self._answer(tenant_id, question, load)
        if standing is not None and standing.permission_version < at_least:
            self._known.get(tenant_id, {}).pop(question, None)
            standing = await self._answer(tenant_id, question, load)
        return standing

    async def key(self, tenant_id: UUID, prefix: str) -> KeyStanding | None:
        """How the API key stands of which a secret begins like this; None if there is none."""

        async def load() -> KeyStanding | None:
            async with self._database.read(tenant_id) as tx:
                return await api_keys.standing(tx, prefix)

        return await self._answer(tenant_id, prefix, load)

    def forget(self, tenant_id: UUID) -> None:
        """Something about this tenant, its users or its API keys has changed."""
        self._known.pop(tenant_id, None)

    async def _answer(self, tenant_id: UUID, question: _Question, load: Callable[[], Awaitable[Answer]]) -> Answer:
        now = self._clock.now()
        known = self._known.setdefault(tenant_id, {})
        entry = known.get(question)
        if entry is None or entry.good_until <= now:
            self._make_room(now)
            entry = _Entry(asyncio.create_task(self._load(load), name="standing"), now + LIFETIME)
            # Registered before anybody waits, so that what all ask at once is asked once.
            self._known.setdefault(tenant_id, {})[question] = entry
        try:
            # Shielded: the one who gives up must not take the answer from the others.
            return cast(Answer, await asyncio.shield(entry.task))
        except Exception:
            # A failure is nothing to remember.
            if self._known.get(tenant_id, {}).get(question) is entry:
                del self._known[tenant_id][question]
            raise

    async def _load(self, load: Callable[[], Awaitable[Answer]]) -> object:
        return await load()

    def _make_room(self, now: datetime) -> None:
        self._count += 1
        if self._count < _MAX_ENTRIES:
            return
        self._known = {
            tenant_id: fresh
            for tenant_id, entries in self._known.items()
            if (fresh := {question: entry for question, entry in entries.items() if entry.good_until > now})
        }
        self._count = sum(map(len, self._known.values()))
