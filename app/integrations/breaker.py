"""Asking another system through its breaker: left alone while it fails, tried by one when its rest is over.

What is known of a system stands in a row, so that all processes leave it alone together. Nothing is open while it is
asked.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.db import Database, WriteTx
from app.core.outbound import network
from app.integrations import repository, rules
from app.integrations.adapters.interface import AdapterFailed, Settings, Surroundings
from app.integrations.adapters.registry import ADAPTERS, AnyAdapter
from app.integrations.models import Integration
from app.settings import Settings as Installation

T = TypeVar("T")
Write = Callable[[], AbstractAsyncContextManager[WriteTx]]
"""A block in the name of whoever asks."""

_FRESH = timedelta(minutes=1)
CALLBACKS = "/integrations/callbacks"


@dataclass(frozen=True, slots=True)
class Asking:
    """What is needed to ask a tenant's systems."""

    db: Database
    clock: Clock
    settings: Installation
    tenant_id: UUID

    async def ask(self, integration_id: UUID, adapter: AnyAdapter, call: Callable[[], Awaitable[T]]) -> T:
        """Ask, unless the system is being left alone. Raises `AdapterFailed`, and says then how long to wait."""
        await self._enter(integration_id)
        try:
            answer = await call()
        except AdapterFailed as failure:
            await self._failed(integration_id, failure)
            raise
        except Exception as problem:
            # A plug-in's mistake is one of that system, for as long as it is made.
            mistake = AdapterFailed(f"{adapter.title} went wrong: {type(problem).__name__}.")
            await self._failed(integration_id, mistake)
            raise mistake from problem
        await self._succeeded(integration_id)
        return answer

    def adapter_of(self, integration: Integration) -> AnyAdapter:
        """What talks to it. Raises `AdapterFailed` where a plug-in is gone, or wants other options now."""
        kind = ADAPTERS.get(integration.adapter)
        if kind is None:
            raise AdapterFailed(f"No adapter called {integration.adapter} is installed any more.", is_refusal=True)
        return build(kind, integration, self.settings)

    async def _enter(self, integration_id: UUID) -> None:
        async with self.db.write(self.tenant_id, SYSTEM) as tx:
            health = await repository.hold_health(tx, integration_id)
            now = self.clock.now()
            if health.open_until is None:
                return
            if now < health.open_until:
                reason = health.last_error or "It failed lately."
                raise AdapterFailed(f"It is being left alone: {reason}", after=health.open_until - now)
            # The rest is over: this one tries, and whoever comes meanwhile waits for what comes of it.
            health.open_until = now + rules.TRIAL

    async def _failed(self, integration_id: UUID, failure: AdapterFailed) -> None:
        async with self.db.write(self.tenant_id, SYSTEM) as tx:
            health = await repository.hold_health(tx, integration_id)
            now = self.clock.now()
            health.last_error, health.last_failed_at = failure.reason[:500], now
            if failure.is_refusal:
                # It answers, which is all that is asked here.
                health.failure_count, health.open_until = 0, None
                return
            health.failure_count += 1
            rest = rules.rest_after(health.failure_count, failure.after)
            health.open_until = None if rest is None else now + rest

    async def _succeeded(self, integration_id: UUID) -> None:
        async with self.db.write(self.tenant_id, SYSTEM) as tx:
            now = self.clock.now()
            known = (await repository.health_of(tx, [integration_id])).get(integration_id)
            is_known = (
                known is not None and known.last_succeeded_at is not None and now < known.last_succeeded_at + _FRESH
            )
            if is_known and known is not None and not known.failure_count and known.open_until is None:
                return
            health = await repository.hold_health(tx, integration_id)
            health.failure_count, health.open_until, health.last_succeeded_at = 0, None, now


def build(kind: type[AnyAdapter], integration: Integration, installation: Installation) -> AnyAdapter:
    """An adapter from what is stored. Raises `AdapterFailed` where that fits no more."""
    try:
        options: Settings = kind.Options.model_validate(integration.options)
        credentials: Settings = kind.Credentials.model_validate(integration.credentials or {})
    except ValueError:
        raise AdapterFailed(
            "Its options or credentials do not fit any more: give them again.", is_refusal=True
        ) from None
    allowed = [network(each) for each in installation.outbound_networks]
    around = Surroundings(allowed=allowed, callback_url=callback_url(integration, installation))
    adapter: Any = kind(options, credentials, around)
    return adapter  # type: ignore[no-any-return]


def callback_url(integration: Integration, installation: Installation) -> str:
    """Where a system tells us what has happened."""
    return f"{installation.base_url}{CALLBACKS}/{integration.tenant_id.hex}{integration.id.hex}"
