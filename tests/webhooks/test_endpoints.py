"""What can be done with endpoints: refusals, secrets that overlap, endpoints that are gone or fail, replays."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from app.core.ids import parse
from app.identity.accounts.models import AccountMessage, MessageKind
from tests.contract.operations import operation
from tests.support.api import Api
from tests.support.stand_ins.frame import Reply, standing_in
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Receiver

JOINED = ["SESSION_JOINED"]


async def told_of_disabled(hooks: Hooks) -> int:
    """How many messages to administrators are owed."""
    tenant_id = parse(await hooks.business.queue())[1].tenant_id
    async with hooks.system.read(tenant_id) as tx:
        found = await tx.exec(
            select(AccountMessage).where(
                AccountMessage.tenant_id == tenant_id, AccountMessage.kind == MessageKind.WEBHOOK_DISABLED
            )
        )
        return len(found.all())


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": " "}, ("InvalidInputError", "name")),
        ({"url": "ftp://hooks.example"}, ("InvalidInputError", "url")),
        ({"url": "https://user:password@hooks.example/"}, ("InvalidInputError", "url")),
        ({"url": "https://hooks.example/" + "x" * 2_000}, ("InvalidInputError", "url")),
        ({"eventTypes": ["SESSION_JOINED", "NOPE"]}, ("UnknownEventTypesError", ["NOPE"])),
    ],
)
async def test_what_cannot_be_is_refused(hooks: Hooks, given: dict[str, Any], refusal: tuple[str, object]) -> None:
    answer = await hooks.create(**({"name": "Warehouse", "url": "https://hooks.example/"} | given))
    assert (answer["__typename"], answer.get("field", answer.get("eventTypes"))) == refusal
    assert (await hooks.admin(operation("WebhookEndpointList"), first=20))["edges"] == []


async def test_contenders_do_not_go_past_the_limit(hooks: Hooks) -> None:
    given = {"name": "Warehouse", "url": "https://hooks.example/", "eventTypes": JOINED}
    answers = await asyncio.gather(*(hooks.create(**given) for _ in range(22)))
    assert sorted(each["__typename"] for each in answers) == [
        *["LimitReachedError"] * 2,
        *["WebhookEndpointCreateSuccess"] * 20,
    ]


async def test_rotated_secrets_sign_side_by_side_until_the_overlap_ends(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    (old,) = hooks.receiver.secrets
    rotated = await hooks.admin(
        operation("WebhookSecretRotate"), input={"endpointId": endpoint_id, "overlapSeconds": 60}
    )
    new = rotated["secret"]
    assert (new.startswith("whsec_"), new != old) == (True, True)
    assert [each["endsAt"] is None for each in rotated["endpoint"]["secrets"]] == [True, False]
    for knows in (old, new):
        hooks.receiver.secrets = [knows]
        await hooks.ping(endpoint_id)
        await hooks.carry()
    assert hooks.receiver.types == ["WEBHOOK_PINGED"] * 2
    hooks.clock.advance(seconds=61)
    for knows in (new, old):
        hooks.receiver.secrets = [knows]
        await hooks.ping(endpoint_id)
        await hooks.carry()
    assert len(hooks.receiver.messages) == 3
    assert hooks.receiver.refused == ["signature"]
    listed = str(await hooks.admin(operation("WebhookEndpointList"), first=20))
    assert old not in listed
    assert new not in listed


async def test_who_is_gone_is_told_nothing_more_and_others_hear_of_it(hooks: Hooks) -> None:
    async with standing_in(Receiver()) as watching:
        endpoint_id = await hooks.endpoint(eventTypes=JOINED)
        await hooks.endpoint(watching, name="Watching", eventTypes=["WEBHOOK_ENDPOINT_DISABLED"])
        queue_id = await hooks.business.queue()
        await hooks.business.join(queue_id)
        (delivery,) = await hooks.relayed(1, endpointId=endpoint_id)
        hooks.receiver.orders = [Reply(410)]
        await hooks.carry()
        gone = await hooks.one(endpoint_id)
        assert (gone["isEnabled"], gone["disabledReason"]) == (False, "GONE")
        told = await hooks.details(delivery["id"])
        assert (told["status"], told["attemptCount"], told["nextAttemptAt"]) == ("FAILED", 1, None)
        await hooks.relayed(1, eventType="WEBHOOK_ENDPOINT_DISABLED")
        await hooks.carry()
        (message,) = watching.messages
        assert message["data"] == {"name": "Warehouse", "reason": "GONE"}
        assert message["object"] == {"type": "WebhookEndpoint", "id": endpoint_id}
    assert await told_of_disabled(hooks) == 1
    # Nothing is owed to it meanwhile, and nothing can be asked of it.
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    await hooks.business.join(queue_id)
    for name, given in (
        ("WebhookEndpointPing", {"endpointId": endpoint_id}),
        ("WebhookDeliveryReplay", {"deliveryId": delivery["id"]}),
        (
            "WebhookRangeReplay",
            {"endpointId": endpoint_id, "since": since, "until": "2500-01-01T00:00:00Z"},
        ),
    ):
        assert (await hooks.admin(operation(name), input=given))["__typename"] == "WebhookEndpointDisabledError"
    # Enabled again, it can be sent what failed and what it missed.
    assert (await hooks.update(endpoint_id, isEnabled=True))["endpoint"]["disabledReason"] is None
    await hooks.endpoint(name="For the relay", eventTypes=["SESSION_CANCELLED"])
    joined = await hooks.business.join(queue_id)
    await hooks.business.act("sessionCancel", joined.id, joined.visitor)
    await hooks.relayed(1, eventType="SESSION_CANCELLED")
    given = {"endpointId": endpoint_id, "since": since, "until": "2500-01-01T00:00:00Z"}
    replayed = await hooks.admin(operation("WebhookRangeReplay"), input=given)
    # The third join is on its way by itself.
    assert (replayed["__typename"], replayed["eventCount"]) == ("WebhookRangeReplaySuccess", 2)
    await hooks.carry()
    joins = [each for each in hooks.receiver.messages if each["type"] == "SESSION_JOINED"]
    assert len({each["data"]["session"]["id"] for each in joins}) == len(joins) == 3
    again = await hooks.admin(operation("WebhookRangeReplay"), input=given | {"allEvents": True})
    assert again["eventCount"] == 3
    await hooks.carry()
    ids = [asked.headers["webhook-id"] for asked in hooks.receiver.asked]
    # Each as often as it was sent, under one id: receivers know what they have had.
    assert len(set(ids)) == 4


async def test_who_takes_nothing_for_days_is_switched_off(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    hooks.receiver.always = Reply(500)
    queue_id = await hooks.business.queue()
    await hooks.business.join(queue_id)
    (delivery,) = await hooks.relayed(1)
    await hooks.carry()
    hooks.clock.advance(hours=119)
    await hooks.carry()
    assert (await hooks.one(endpoint_id))["isEnabled"]
    hooks.clock.advance(hours=1)
    await hooks.carry()
    off = await hooks.one(endpoint_id)
    assert (off["isEnabled"], off["disabledReason"]) == (False, "FAILING")
    assert await told_of_disabled(hooks) == 1
    # What waits is kept, and goes out once it is enabled again.
    assert (await hooks.details(delivery["id"]))["status"] == "PENDING"
    hooks.receiver.always = None
    await hooks.update(endpoint_id, isEnabled=True)
    hooks.clock.advance(hours=1)
    await hooks.carry()
    assert hooks.receiver.types == ["SESSION_JOINED"]
    assert (await hooks.one(endpoint_id))["health"]["failingSince"] is None


async def test_one_event_is_replayed_with_its_id(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=[])
    delivery = await hooks.ping(endpoint_id)
    await hooks.carry()
    replayed = await hooks.admin(operation("WebhookDeliveryReplay"), input={"deliveryId": delivery["id"]})
    assert replayed["delivery"]["status"] == "PENDING"
    await hooks.carry()
    pings = [
        asked.headers["webhook-id"]
        for asked, message in zip(hooks.receiver.asked, hooks.receiver.messages, strict=True)
        if message["type"] == "WEBHOOK_PINGED"
    ]
    assert len(pings) == 2
    assert pings[0] == pings[1]
    told = await hooks.details(delivery["id"])
    assert [each["number"] for each in told["attempts"]] == [2, 1]


async def test_another_tenant_s_endpoints_are_not_found(api: Api, hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    delivery = await hooks.ping(endpoint_id)
    other = await api.new_business()
    for name, given in (
        ("WebhookEndpointUpdate", {"endpointId": endpoint_id, "name": "Mine"}),
        ("WebhookSecretRotate", {"endpointId": endpoint_id}),
        ("WebhookEndpointPing", {"endpointId": endpoint_id}),
        ("WebhookEndpointDelete", {"endpointId": endpoint_id}),
        ("WebhookDeliveryReplay", {"deliveryId": delivery["id"]}),
    ):
        body = (await other.admin.send(operation(name), input=given)).json()
        assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND", name
    theirs = await other.queue()
    body = (
        await hooks.admin.send(
            operation("WebhookEndpointUpdate"), input={"endpointId": endpoint_id, "queueIds": [theirs]}
        )
    ).json()
    assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await hooks.one(endpoint_id))["revision"] == 2


async def test_a_deleted_endpoint_takes_its_log_along(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    await hooks.ping(endpoint_id)
    deleted = await hooks.admin(operation("WebhookEndpointDelete"), input={"endpointId": endpoint_id})
    assert deleted["endpointId"] == endpoint_id
    await hooks.carry()
    assert hooks.receiver.asked == []
    assert await hooks.log() == []
