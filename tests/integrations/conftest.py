"""An application with a clock that stands still, its relay and worker driven by hand, and systems that stand in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from app.core.clock import ManualClock, SystemClock
from app.core.db import Databases
from app.core.events import EventRow
from app.core.events.relay import Relay
from app.core.ids import parse
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.models import Job
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import JobRunner
from app.integrations import fan
from app.reactions import JOBS
from app.settings import Settings
from tests.jobs.support import databases, forget
from tests.servers import own_database
from tests.support.api import Api, Business, Caller, Joined, new_app
from tests.support.stand_ins.frame import standing_in
from tests.support.stand_ins.hubspot import TOKEN, HubSpotStandIn
from tests.support.stand_ins.stripe import KEY, SECRET, StripeStandIn


@dataclass
class World:
    """One business, what follows from what happens there, and the systems it uses."""

    api: Api
    business: Business
    clock: ManualClock
    relay: Relay
    runner: JobRunner

    async def create(self, adapter: str, options: Any, credentials: Any, **values: Any) -> Any:
        """The result of `integrationCreate`."""
        given = {"adapter": adapter, "name": f"Our {adapter}", "options": options, "credentials": credentials}
        return await self.business.admin(CREATE, i=given | values)

    async def hubspot(self, stand_in: HubSpotStandIn, **options: Any) -> str:
        """An integration's id."""
        created = await self.create("HUBSPOT", {"baseUrl": stand_in.base} | options, {"accessToken": TOKEN})
        return str(created["integration"]["id"])

    async def stripe(self, stand_in: StripeStandIn) -> tuple[str, str]:
        """An integration's id, and the path of its callbacks."""
        secrets = {"secretKey": KEY, "webhookSecret": SECRET}
        created = await self.create("STRIPE", {"baseUrl": stand_in.base}, secrets)
        url = httpx.URL(created["integration"]["callbackUrl"])
        return str(created["integration"]["id"]), url.path

    async def paid_queue(self, **fee: Any) -> str:
        """A queue that costs 5 EUR."""
        queue = await self.business.queue(siteOrigins=["https://shop.example"])
        given = {"amount": 500, "currency": "EUR", "description": "Booking fee"} | fee
        answer = await self.business.admin(SET_FEE, i={"queueId": queue, "fee": given})
        assert answer["__typename"] == "QueueSetFeeSuccess", answer
        return queue

    async def pay(self, joined: Joined, caller: Caller | None = None, **values: Any) -> Any:
        """The result of `sessionPay`."""
        given = {"sessionId": joined.id, "returnUrl": "https://shop.example/back"} | values
        return await (caller or joined.visitor)(PAY, i=given)

    async def session(self, joined: Joined, caller: Caller | None = None) -> Any:
        return await (caller or self.business.admin)(SESSION, id=joined.id)

    async def settle(self) -> list[str]:
        """Relay everything and run every job that is due, until there is none; the names of what ran, in order."""
        while await self.relay.relay_once():
            pass
        ran: list[str] = []
        while due := await self._due():
            for name, ref in due:
                await self.runner.run(ref)
                ran.append(name)
            while await self.relay.relay_once():
                pass
        return ran

    async def events(self, *types: str) -> list[EventRow]:
        async with self.api.runtime.dbs.app.read(self.tenant_id) as tx:
            found = await tx.exec(
                select(EventRow)
                .where(col(EventRow.type).in_(types))
                .order_by(col(EventRow.occurred_at), col(EventRow.revision))
            )
            return list(found)

    @property
    def tenant_id(self) -> Any:
        return self._tenant

    def __post_init__(self) -> None:
        self._tenant: Any = None

    async def _due(self) -> list[tuple[str, JobRef]]:
        async with self.api.runtime.dbs.app.read(self.tenant_id) as tx:
            found = await tx.exec(
                select(Job.name, Job.id)
                .where(col(Job.done_at).is_(None), col(Job.failed_at).is_(None), Job.due_at <= self.clock.now())
                .order_by(col(Job.created_at), col(Job.name))
            )
            return [(name, JobRef(self.tenant_id, job_id)) for name, job_id in found]


CREATE = """mutation($i: IntegrationCreateInput!) { integrationCreate(input: $i) { __typename
  ... on IntegrationCreateSuccess { integration { id kind adapter name options enabled callbackUrl revision } }
  ... on UserError { message } ... on InvalidInputError { field } } }"""
SET_FEE = """mutation($i: QueueSetFeeInput!) { queueSetFee(input: $i) { __typename
  ... on QueueSetFeeSuccess { queue { id revision paymentSeconds fee { amount currency description refund } } }
  ... on UserError { message } ... on InvalidInputError { field } } }"""
PAY = """mutation($i: SessionPayInput!) { sessionPay(input: $i) { __typename
  ... on SessionPaySuccess { payment { status amount currency checkoutUrl paidAt } }
  ... on UserError { message } ... on InvalidInputError { field }
  ... on IntegrationFailedError { reason retryAfterSeconds } } }"""
SESSION = """query($id: ID!) { session(id: $id) { id status onHold position paymentDueAt cancelledBy
  payment { status amount currency description checkoutUrl paidAt refundedAt error }
  customer { status name url error lookedUpAt fields { name value } } } }"""


@pytest.fixture(scope="session")
def settings(migrated_settings: Settings) -> Settings:
    """A relay serves a whole database, and the API tests' would take these tests' events."""
    there = own_database(migrated_settings, "background")
    # Each test has an application of its own, and none shows anybody the page of documents.
    return there.model_copy(update={"outbound_networks": ("127.0.0.0/8",), "graphiql": False})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def dbs(settings: Settings, clock: ManualClock) -> AsyncIterator[Databases]:
    async with databases(settings, clock) as opened:
        await forget(opened, settings)
        yield opened
        await forget(opened, settings)


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock) -> AsyncIterator[World]:
    app = new_app(settings, clock)
    transport = httpx.ASGITransport(app)
    dispatcher = Dispatcher(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        api = Api(app, http)
        business = await api.new_business()
        relay = Relay(dbs.system, api.runtime.bus, {}, dispatcher, sealing_key=b"key", fans=(fan.fan_out,))
        made = World(api, business, clock, relay, JobRunner(settings, clock, dbs.app, JOBS, dispatcher))
        made._tenant = parse(await business.queue())[1].tenant_id
        yield made
    await dispatcher.close()


@pytest.fixture
async def hubspot() -> AsyncIterator[HubSpotStandIn]:
    async with standing_in(HubSpotStandIn()) as opened:
        yield opened


@pytest.fixture
async def stripe() -> AsyncIterator[StripeStandIn]:
    async with standing_in(StripeStandIn()) as opened:
        yield opened
