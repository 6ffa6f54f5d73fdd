"""Whether a provider may be given a message right now: breaker and rate, kept in PostgreSQL for all workers together.

Sends nothing and waits for nobody: whoever is told to wait comes back. What is decided is decided in `rules.py`.
"""

from dataclasses import dataclass
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.db import Database
from app.notifications.channels.interface import Accepted, InDoubt, Outcome, Refused, TryLater
from app.notifications.providers import repository, rules
from app.notifications.providers.service import Usable


@dataclass(frozen=True, slots=True)
class Open:
    """It may be given one message."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It may not, for so many seconds: it is failing, or has enough for the moment."""

    seconds: float


class ProviderGate:
    """One tenant's gate. Providers that do well and have no rate cost it nothing: they are waved through unwritten."""

    def __init__(self, db: Database, tenant_id: UUID) -> None:
        self._db = db
        self._tenant_id = tenant_id

    async def enter(self, usable: Usable) -> Open | Wait:
        """Ask to send one message. Who is let in says afterwards how it went; who dies meanwhile keeps nobody out."""
        if usable.rate_per_minute is None and usable.health.is_well:
            return Open()
        async with self._db.write(self._tenant_id, SYSTEM) as tx:
            before = await repository.hold_health(tx, usable.key)
            after, wait = rules.entered(before, tx.now(), usable.rate_per_minute)
            if after != before:
                await repository.put_health(tx, usable.key, after)
        return Open() if wait is None else Wait(rules.spread(wait))

    async def settle(self, usable: Usable, outcome: Outcome) -> None:
        """Say how it went, whichever way it did."""
        if isinstance(outcome, Accepted | Refused):
            await self.succeeded(usable, outcome)
        else:
            await self.failed(usable, outcome)

    async def succeeded(self, usable: Usable, outcome: Accepted | Refused) -> None:
        """The provider has answered for good; that a message was refused for its own sake is no fault of it."""
        if usable.health.is_well:
            return
        async with self._db.write(self._tenant_id, SYSTEM) as tx:
            before = await repository.hold_health(tx, usable.key)
            await repository.put_health(tx, usable.key, rules.succeeded(before))

    async def failed(self, usable: Usable, outcome: TryLater | InDoubt) -> None:
        """The provider was the reason why the message did not go."""
        if usable.provider.servers_vary:
            return
        async with self._db.write(self._tenant_id, SYSTEM) as tx:
            before = await repository.hold_health(tx, usable.key)
            await repository.put_health(tx, usable.key, rules.failed(before, tx.now(), outcome))
