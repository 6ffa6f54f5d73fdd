"""Carries events to endpoints. Runs beside the jobs of every worker; decides nothing that `rules.py` can decide.

One question a tick, whatever the number of endpoints: whose turn has come? An endpoint has one worker at a time, by a
lease that ends by itself if the worker dies. Nothing is open while an answer is waited for, and nobody who is slow or
dead delays others: they wait in a task of their own, a tenant has only so many at once, and who fails is left alone for
growing times. Redis is not needed for any of it.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.clock import Clock, SystemClock
from app.core.db import Database, WriteTx
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.errors import NotFound
from app.core.events import EventRow
from app.core.ids import new_id
from app.core.jobs.outage import Outage, is_database_away
from app.core.outbound import Answer, NoAnswer, network, send
from app.identity.accounts.codes import Codes
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import TenantStatus
from app.webhooks import lanes, payload, repository, rules, service
from app.webhooks.lanes import Lane
from app.webhooks.models import DeliveryStatus, DisableReason, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.25
LEASE: Final = timedelta(seconds=10)
"""How long a dead worker's endpoints lie still. One that is only slow renews three times in it."""
_RENEW_SECONDS: Final = 3.0
_AT_ONCE: Final = 200
"""Endpoints a process is busy with. They are waited for, which costs nothing."""
_OF_ONE_TENANT: Final = 10
_TOGETHER: Final = 10
"""Tries of one endpoint that wait for their answers side by side."""
_TURN_SECONDS: Final = 10.0
"""After so long an endpoint with more to do goes behind others that wait."""
_SUSPENDED_AGAIN: Final = timedelta(minutes=1)
_ANSWER_BYTES: Final = 8_192
_CONNECTIONS: Final = 4
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class _Try:
    """What is sent, and what came of it."""

    delivery: WebhookDelivery
    event: EventRow | None
    started_at: datetime
    seconds: float
    answer: Answer | None
    problem: str | None

    @property
    def has_arrived(self) -> bool:
        return self.answer is not None and 200 <= self.answer.status < 300


class Carrier:
    """Runs in the loop it is used from."""

    def __init__(self, settings: Settings, app: Database, system: Database) -> None:
        self._timeout = settings.webhook_timeout_seconds
        self._give_up_after = timedelta(hours=settings.webhook_disable_after_hours)
        self._allowed = [network(text) for text in settings.outbound_networks]
        self._codes = Codes(settings.secret)
        self._app = app
        self._system = system
        self._database = Outage(logger, "The database (webhooks)")
        self._busy: dict[asyncio.Task[None], Lane] = {}

    async def run(self) -> None:
        """Carry until cancelled. What was under way is tried again by somebody else, with the same id."""
        renewing = asyncio.create_task(self._renew(), name="webhook leases")
        try:
            while True:
                begun = await self._begin()
                if self._busy and (begun == 0 or len(self._busy) >= _AT_ONCE):
                    await asyncio.wait(self._busy, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                elif begun == 0:
                    await asyncio.sleep(TICK_SECONDS)
        finally:
            tasks = [renewing, *self._busy]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def carry_due(self) -> int:
        """Carry everything that is due now; how many turns of endpoints that took."""
        count = 0
        while due := await self._take(_AT_ONCE, []):
            await asyncio.gather(*(self.carry(lane) for lane in due))
            count += len(due)
        return count

    async def carry(self, lane: Lane) -> None:
        """One endpoint's turn: portion by portion, until nothing is due, it is to be left alone, or others wait."""
        until = time.monotonic() + _TURN_SECONDS
        goes_on = True
        while goes_on and time.monotonic() < until:
            goes_on = await self._carry_portion(lane)
        async with self._app.write(lane.tenant_id) as tx:
            endpoint = (await repository.by_ids(tx, [lane.endpoint_id])).get(lane.endpoint_id)
            is_open = (await tenants.get(tx, lane.tenant_id)).status is TenantStatus.ACTIVE
            ordering = endpoint.ordering if endpoint is not None and endpoint.enabled else None
            await lanes.release(tx, lane, ordering, not_before=None if is_open else tx.now() + _SUSPENDED_AGAIN)

    async def _carry_portion(self, lane: Lane) -> bool:
        """Try what is due, at most so much at a time. Whether there may be more to do right now."""
        async with self._app.read(lane.tenant_id) as tx:
            now = self._app.clock.now()
            endpoint = (await repository.by_ids(tx, [lane.endpoint_id])).get(lane.endpoint_id)
            tenant = await tenants.get(tx, lane.tenant_id)
            if endpoint is None or not endpoint.enabled or tenant.status is not TenantStatus.ACTIVE:
                return False
            state = (await repository.lanes_of(tx, [endpoint.id]))[endpoint.id]
            if state.claim != lane.claim or (state.paused_until is not None and state.paused_until > now):
                return False
            # Whoever has just failed is asked one thing first.
            limit = 1 if rules.pause_after(state.failures) else _TOGETHER
            ids = await lanes.portion(tx, lane, endpoint.ordering, now=now, limit=limit)
            deliveries = list((await repository.deliveries_by_ids(tx, ids)).values())
            happened = await repository.events_of(tx, deliveries)
            secrets = (await repository.good_secrets(tx, [endpoint.id], now))[endpoint.id]
            keys = [each.secret for each in secrets]
        if not deliveries:
            return False
        arrived = await asyncio.gather(
            *(self._try_and_settle(lane, endpoint, each, happened.get(each.id), keys) for each in deliveries)
        )
        if not any(arrived):
            failures = state.failures + 1
            async with self._app.write(lane.tenant_id) as tx:
                await lanes.note_failed_portion(tx, lane, failures, rules.pause_after(failures))
        return True

    async def _try_and_settle(
        self,
        lane: Lane,
        endpoint: WebhookEndpoint,
        delivery: WebhookDelivery,
        event: EventRow | None,
        secrets: Sequence[str],
    ) -> bool:
        made = await self._try(endpoint, delivery, event, secrets)
        async with self._app.write(lane.tenant_id) as tx:
            await self._settle(tx, lane, endpoint, made)
        return made.has_arrived

    async def _try(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, event: EventRow | None, secrets: Sequence[str]
    ) -> _Try:
        began, now = time.monotonic(), self._app.clock.now()
        if event is None:
            return _Try(delivery, None, now, 0.0, None, "The event is no longer in the log.")
        body = payload.body(event)
        headers = signed_headers(payload.message_id(delivery.id), now, body, secrets)
        try:
            answer = await send(
                "POST",
                endpoint.url,
                headers,
                body,
                timeout_seconds=self._timeout,
                body_bytes=_ANSWER_BYTES,
                allowed=self._allowed,
            )
        except NoAnswer as nothing:
            return _Try(delivery, event, now, time.monotonic() - began, None, nothing.reason)
        problem = None if 200 <= answer.status < 300 else f"The endpoint answered with status {answer.status}."
        return _Try(delivery, event, now, time.monotonic() - began, answer, problem)

    async def _settle(self, tx: WriteTx, lane: Lane, endpoint: WebhookEndpoint, made: _Try) -> None:
        """Write down what came of a try. Nothing, if the endpoint or the delivery is gone meanwhile."""
        is_gone = made.answer is not None and made.answer.status == _GONE
        try:
            held = await repository.lock(tx, lane.endpoint_id)
            delivery = await repository.lock_delivery(tx, made.delivery.id)
        except NotFound:
            return
        delivery.attempts += 1
        tx.add(
            WebhookAttempt(
                tenant_id=lane.tenant_id,
                id=new_id(),
                delivery_id=delivery.id,
                number=delivery.attempts,
                started_at=made.started_at,
                duration_ms=round(made.seconds * 1000),
                url=endpoint.url,
                status_code=None if made.answer is None else made.answer.status,
                error=made.problem,
                answer=None if made.answer is None else rules.shown_answer(made.answer.body),
            )
        )
        if delivery.status is not DeliveryStatus.PENDING:
            # Somebody who was given up for dead was not: it has been settled meanwhile.
            return
        if made.has_arrived:
            delivery.status, delivery.settled_at, delivery.error = DeliveryStatus.DELIVERED, tx.now(), None
            await lanes.note_success(tx, lane)
            return
        await self._fail(tx, lane, held, delivery, made, is_gone=is_gone)

    async def _fail(
        self,
        tx: WriteTx,
        lane: Lane,
        endpoint: WebhookEndpoint,
        delivery: WebhookDelivery,
        made: _Try,
        *,
        is_gone: bool,
    ) -> None:
        problem = made.problem or ""
        delivery.tries += 1
        delivery.error = problem
        asked_for = rules.retry_after({} if made.answer is None else made.answer.headers, tx.now())
        delay = rules.delay_after(delivery.tries, random.random())
        if delay is None or is_gone or made.event is None:
            delivery.status, delivery.settled_at = DeliveryStatus.FAILED, tx.now()
        else:
            delivery.due_at = tx.now() + max(delay, asked_for)
        await tx.flush()
        since = await lanes.note_failure(tx, lane, problem, asked_for)
        if is_gone:
            await service.disable(tx, self._codes, endpoint, DisableReason.GONE)
        elif tx.now() - since >= self._give_up_after:
            await service.disable(tx, self._codes, endpoint, DisableReason.FAILING)

    async def _begin(self) -> int:
        """Begin with what is due and fits; how many those are."""
        room = _AT_ONCE - len(self._busy)
        if room == 0:
            return 0
        busy = Counter(lane.tenant_id for lane in self._busy.values())
        try:
            due = await self._take(room, [tenant for tenant, count in busy.items() if count >= _OF_ONE_TENANT])
        except Exception as problem:  # noqa: BLE001 - written down; whatever it is, the next tick tries again
            self._note(problem, "Webhooks that are due could not be looked up; trying again.")
            await asyncio.sleep(self._database.pause_seconds())
            return 0
        self._database.worked()
        for lane in due:
            task = asyncio.create_task(self._surely_carry(lane), name=f"webhook {lane.endpoint_id}")
            self._busy[task] = lane
            task.add_done_callback(self._busy.pop)
        return len(due)

    async def _take(self, limit: int, without: list[UUID]) -> list[Lane]:
        async with self._system.write(None) as tx:
            now = tx.now()
            return await lanes.take_due(
                tx, now=now, until=now + LEASE, limit=limit, share=_OF_ONE_TENANT, without=without
            )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            mine = dict(self._busy)
            try:
                async with self._system.write(None) as tx:
                    held = await lanes.hold_on(tx, list(mine.values()), until=tx.now() + LEASE)
            except Exception as problem:  # noqa: BLE001 - the next renewal may work; if none does, the leases end
                self._note(problem, "Webhooks that are under way could not be held; trying again.")
                continue
            for task, lane in mine.items():
                if lane not in held:
                    # Another worker has it: what we would write down is not ours any more.
                    task.cancel()

    async def _surely_carry(self, lane: Lane) -> None:
        try:
            await self.carry(lane)
        except NotFound:
            pass  # the tenant is gone, with its endpoints
        except Exception as problem:  # noqa: BLE001 - written down; the others go on, and this one comes up again
            self._note(problem, "An endpoint's webhooks could not be carried; trying again.")

    def _note(self, problem: Exception, text: str) -> None:
        if is_database_away(problem):
            self._database.failed(problem)
        else:
            logger.error(text, exc_info=problem)


async def run_webhooks(settings: Settings, clock: Clock | None = None) -> None:
    """Carry in this loop until cancelled, with connections of its own."""
    clock = clock or SystemClock()
    app = Database(
        role_url(settings, APP_ROLE), secret=settings.secret, pool_size=_CONNECTIONS, name="vq-webhooks", clock=clock
    )
    system = Database(
        role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, name="vq-webhooks", clock=clock
    )
    try:
        await Carrier(settings, app, system).run()
    finally:
        await app.dispose()
        await system.dispose()
