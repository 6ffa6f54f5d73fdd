"""How carrying goes on where endpoints and workers do not: order, pauses, leases, fairness, inner addresses."""

import asyncio
from datetime import timedelta

from app.core.ids import parse
from app.webhooks import lanes
from app.webhooks.carrier import LEASE, Carrier
from app.webhooks.models import WebhookOrdering
from tests.support.stand_ins.frame import Asked, Reply, Silence, standing_in
from tests.support.waiting import eventually
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Receiver

JOINED = ["SESSION_JOINED"]


def revisions(receiver: Receiver, queue_id: str) -> list[int]:
    """Those of a queue, as they arrived."""
    return [message["revision"] for message in receiver.messages if message["object"]["id"] == queue_id]


async def test_in_order_nothing_passes_what_has_failed_and_other_queues_go_on(hooks: Hooks) -> None:
    one, other = await hooks.business.queue(), await hooks.business.queue()

    class Picky(Receiver):
        """Takes nothing of one queue for a while."""

        is_picky = True

        async def take(self, asked: Asked) -> Reply:
            return Reply(503) if self.is_picky and asked.json()["object"]["id"] == one else await super().take(asked)

    async with standing_in(Picky()) as picky:
        endpoint_id = await hooks.endpoint(picky, eventTypes=JOINED, ordering="PER_QUEUE")
        for queue_id in (one, other, one, other, one):
            await hooks.business.join(queue_id)
        await hooks.relayed(5, endpointId=endpoint_id)
        await hooks.carry()
        assert len(revisions(picky, other)) == 2
        of_one = [asked for asked in picky.asked if asked.json()["object"]["id"] == one]
        assert len({asked.headers["webhook-id"] for asked in of_one}) == 1, "those behind it wait"
        picky.is_picky = False
        hooks.clock.advance(seconds=30)
        await hooks.carry()
        assert len(revisions(picky, one)) == 3
        for queue_id in (one, other):
            assert revisions(picky, queue_id) == sorted(revisions(picky, queue_id))


async def test_in_order_what_another_relay_still_holds_is_waited_for(hooks: Hooks) -> None:
    """A later event may be relayed first where several relays share the work."""
    queue_id = await hooks.business.queue()
    endpoint_id = parse(await hooks.endpoint(eventTypes=JOINED, ordering="PER_QUEUE"))[1]
    for _ in range(2):
        await hooks.business.join(queue_id)
    await hooks.relayed(2)
    lane = lanes.Lane(endpoint_id.tenant_id, endpoint_id.id, 1)
    key = (endpoint_id.tenant_id, parse(queue_id)[1].id)
    async with hooks.system.write(None) as tx:
        now = tx.now() + timedelta(seconds=1)
        in_order, all_of_them = WebhookOrdering.PER_QUEUE, WebhookOrdering.NONE
        assert len(await lanes.portion(tx, lane, in_order, now=now, limit=9)) == 1
        # As if the first were in the hands of another relay.
        first = "(select min(revision) from webhook_deliveries where tenant_id = $1 and aggregate_id = $2)"
        await tx.rows(
            f"update events set published_at = null where tenant_id = $1 and aggregate_id = $2 and revision = {first}",
            *key,
        )
        await tx.rows(
            f"delete from webhook_deliveries where tenant_id = $1 and aggregate_id = $2 and revision = {first}", *key
        )
        assert await lanes.portion(tx, lane, in_order, now=now, limit=9) == []
        assert len(await lanes.portion(tx, lane, all_of_them, now=now, limit=9)) == 1
        await tx.rows("update events set published_at = now() where tenant_id = $1 and aggregate_id = $2", *key)


async def test_whoever_is_down_is_asked_one_thing_now_and_then(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    queue_id = await hooks.business.queue()
    for _ in range(30):
        await hooks.business.join(queue_id)
    await hooks.relayed(30)
    hooks.receiver.always = Reply(500)
    await hooks.carry()
    assert len(hooks.receiver.asked) == 20
    assert (await hooks.one(endpoint_id))["health"]["pausedUntil"] is not None
    before, began = len(hooks.receiver.asked), hooks.clock.now()
    while hooks.clock.now() - began < timedelta(seconds=60):
        hooks.clock.advance(seconds=1)
        await hooks.carry()
    assert len(hooks.receiver.asked) - before <= 6
    # All that waited arrives within half a minute of its being back.
    hooks.receiver.always = None
    for _ in range(30):
        hooks.clock.advance(seconds=1)
        await hooks.carry()
    assert len(set(hooks.receiver.ids)) == len(hooks.receiver.ids) == 30
    assert (await hooks.one(endpoint_id))["health"]["pendingCount"] == 0


async def test_retry_after_is_kept(hooks: Hooks) -> None:
    await hooks.endpoint(eventTypes=JOINED)
    await hooks.business.join(await hooks.business.queue())
    await hooks.relayed(1)
    hooks.receiver.orders = [Reply(429, headers={"Retry-After": "300"})]
    await hooks.carry()
    for seconds in (100, 190):
        hooks.clock.advance(seconds=seconds)
        await hooks.carry()
    assert len(hooks.receiver.asked) == 1
    hooks.clock.advance(seconds=15)
    await hooks.carry()
    assert hooks.receiver.types == ["SESSION_JOINED"]


async def test_a_silent_endpoint_delays_nobody(hooks: Hooks) -> None:
    async with standing_in(Receiver()) as silent:
        silent.always = Silence()
        for _ in range(3):
            await hooks.endpoint(silent, eventTypes=JOINED)
        await hooks.endpoint(eventTypes=JOINED)
        await hooks.business.join(await hooks.business.queue())
        await hooks.relayed(4)
        carrying = asyncio.create_task(hooks.carrier.run())

        async def only_the_silent_wait() -> bool:
            statuses = sorted([each["status"] for each in await hooks.log()])
            return statuses == ["DELIVERED", *["PENDING"] * 3] and len(silent.asked) >= 3

        await eventually(only_the_silent_wait)
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


async def test_what_a_dead_worker_held_is_carried_by_another_with_the_same_id(hooks: Hooks) -> None:
    await hooks.endpoint(eventTypes=JOINED)
    await hooks.business.join(await hooks.business.queue())
    await hooks.relayed(1)
    hooks.receiver.orders = [Silence(after_taking=True)]
    dead = asyncio.create_task(Carrier(hooks.settings, hooks.app, hooks.system).carry_due())
    await eventually(lambda: len(hooks.receiver.messages) == 1)
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)
    await hooks.carry()
    assert len(hooks.receiver.asked) == 1, "its lease is not over"
    hooks.clock.advance(seconds=LEASE.total_seconds() + 1)
    await hooks.carry()
    first, second = hooks.receiver.ids
    assert first == second
    assert [each["status"] for each in await hooks.log()] == ["DELIVERED"]


async def test_workers_side_by_side_send_each_event_once(hooks: Hooks) -> None:
    await hooks.endpoint(eventTypes=JOINED)
    queue_id = await hooks.business.queue()
    for _ in range(15):
        await hooks.business.join(queue_id)
    await hooks.relayed(15)
    other = Carrier(hooks.settings, hooks.app, hooks.system)
    await asyncio.gather(hooks.carrier.carry_due(), other.carry_due())
    assert len(hooks.receiver.ids) == len(set(hooks.receiver.ids)) == 15


async def test_inner_addresses_are_not_reached_nor_redirects_followed(hooks: Hooks) -> None:
    closed = Carrier(hooks.settings.model_copy(update={"outbound_networks": ()}), hooks.app, hooks.system)
    await hooks.endpoint(eventTypes=JOINED)
    await hooks.business.join(await hooks.business.queue())
    (delivery,) = await hooks.relayed(1)
    await closed.carry_due()
    assert hooks.receiver.asked == []
    (attempt,) = (await hooks.details(delivery["id"]))["attempts"]
    assert attempt["error"] == "The address leads into an internal network, which is not asked."
    hooks.receiver.orders = [Reply(307, headers={"Location": hooks.receiver.url})]
    hooks.clock.advance(seconds=6)
    await hooks.carry()
    assert len(hooks.receiver.asked) == 1
    told = await hooks.details(delivery["id"])
    assert (told["status"], told["error"]) == ("PENDING", "The endpoint answered with status 307.")
