"""A business with a queue, somebody who receives its webhooks, and a worker's carrier by the tests' own clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.clock import ManualClock, SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.settings import Settings
from app.webhooks.carrier import Carrier
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller
from tests.support.stand_ins.frame import standing_in
from tests.support.waiting import eventually
from tests.webhooks.receiver import Receiver


class Later(ManualClock):
    """The present, and as much later as it was moved: messages are signed with times receivers believe."""

    def __init__(self) -> None:
        self._present, self._ahead = SystemClock(), timedelta(0)

    def now(self) -> datetime:
        """As `Clock`."""
        return self._present.now() + self._ahead

    def advance(self, **delta: float) -> datetime:
        """Later than so far."""
        self._ahead += timedelta(**delta)
        return self.now()


@dataclass
class Hooks:
    """Everything a test of webhooks needs."""

    business: Business
    receiver: Receiver
    carrier: Carrier
    clock: Later
    settings: Settings
    app: Database
    system: Database

    @property
    def admin(self) -> Caller:
        return self.business.admin

    async def endpoint(self, receiver: Receiver | None = None, **values: Any) -> str:
        """A new endpoint's id; its receiver knows the secret."""
        receiver = receiver or self.receiver
        made = await self.create(**({"name": "Warehouse", "url": receiver.url} | values))
        assert made["__typename"] == "WebhookEndpointCreateSuccess", made
        receiver.secrets.append(made["secret"])
        return str(made["endpoint"]["id"])

    async def create(self, **values: Any) -> Any:
        """The answer to creating one."""
        return await self.admin(operation("WebhookEndpointCreate"), input=values)

    async def update(self, endpoint_id: str, **values: Any) -> Any:
        """The answer to changing one."""
        return await self.admin(operation("WebhookEndpointUpdate"), input={"endpointId": endpoint_id} | values)

    async def ping(self, endpoint_id: str) -> Any:
        """The delivery of a test."""
        answer = await self.admin(operation("WebhookEndpointPing"), input={"endpointId": endpoint_id})
        assert answer["__typename"] == "WebhookEndpointPingSuccess", answer
        return answer["delivery"]

    async def log(self, **filter: Any) -> list[Any]:
        """The newest deliveries, oldest first."""
        page = await self.admin(operation("WebhookDeliveryList"), first=100, filter=filter or None)
        return [edge["node"] for edge in reversed(page["edges"])]

    async def details(self, delivery_id: str) -> Any:
        """One delivery in full."""
        return await self.admin(operation("WebhookDeliveryDetails"), id=delivery_id)

    async def one(self, endpoint_id: str) -> Any:
        """An endpoint as it is listed."""
        page = await self.admin(operation("WebhookEndpointList"), first=20)
        return next(edge["node"] for edge in page["edges"] if edge["node"]["id"] == endpoint_id)

    async def relayed(self, count: int, **filter: Any) -> list[Any]:
        """The log, once so many deliveries are owed."""

        async def is_there() -> bool:
            return len(await self.log(**filter)) >= count

        await eventually(is_there)
        return await self.log(**filter)

    async def carry(self) -> None:
        """Everything that is due."""
        async with asyncio.timeout(20):
            await self.carrier.carry_due()


@pytest.fixture
async def hooks(api: Api, business: Business, migrated_settings: Settings) -> AsyncIterator[Hooks]:
    clock = Later()
    # Nobody here is slow but whom a test makes so: a busy machine is no reason to try again.
    patient = {"outbound_networks": ("127.0.0.0/8",), "webhook_timeout_seconds": 20.0}
    there = migrated_settings.model_copy(update=patient)
    app = Database(role_url(there, APP_ROLE), secret=there.secret, pool_size=4, clock=clock)
    system = Database(role_url(there, SYSTEM_ROLE), secret=there.secret, pool_size=2, clock=clock)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(app.dispose)
        opened.push_async_callback(system.dispose)
        async with system.write(None) as tx:
            # What other tests have left behind is nobody's any more.
            await tx.rows("update webhook_lanes set due_at = null")
        receiver = await opened.enter_async_context(standing_in(Receiver(clock)))
        yield Hooks(business, receiver, Carrier(there, app, system), clock, there, app, system)
