"""Devices that can be pushed to: registered by their owners, known to nobody else, forgotten when they are gone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from app.core.actor import SYSTEM
from app.core.db import Database
from app.core.ids import encode, parse
from app.identity.models import Role
from app.notifications.devices import service
from app.notifications.devices.keys import public_push_key
from app.notifications.devices.service import MAX_DEVICES
from app.notifications.models import NotificationChannel
from app.notifications.providers.service import providers_for
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed, Joined, key_of
from tests.support.schema_walk import VALUES

REGISTER, REMOVE = operation("PushDeviceRegister"), operation("PushDeviceRemove")
BROWSER = {name: VALUES[name] for name in ("endpoint", "publicKey", "authSecret")}


def token(number: int = 0) -> str:
    return f"a-token-of-an-app:{number:04}"


async def register(caller: Caller, **device: Any) -> str:
    answer = await caller(REGISTER, input=device)
    assert answer["__typename"] == "PushDeviceRegisterSuccess", answer
    return str(answer["pushDevice"]["id"])


async def places(db: Database, joined: Joined) -> Sequence[str]:
    """Endpoints and tokens of a visitor's devices, the newest first."""
    ref = parse(joined.id)[1]
    async with db.read(ref.tenant_id) as tx:
        found = [orjson.loads(each) for each in await service.devices_of(tx, session_id=ref.id)]
    return [each.get("endpoint") or each["token"] for each in found]


@pytest.fixture
async def joined(business: Business) -> Joined:
    return await business.join(await business.queue())


async def test_a_browser_subscribes_with_the_businesss_key_and_registers(api: Api, joined: Joined) -> None:
    tenant_id = parse(joined.id)[1].tenant_id
    id = encode("Tenant", tenant_id, tenant_id)
    key = await api.anonymous(operation("PushPublicKey"), tenantId=id)
    assert key == public_push_key(api.runtime.settings.secret, tenant_id)
    device = await register(joined.visitor, webPush=BROWSER)
    assert await joined.visitor("query($id: ID!) { node(id: $id) { id } }", id=device) == {"id": device}
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        [address] = await service.devices_of(tx, session_id=key_of("Session", joined.id))
        [carrier] = await providers_for(tx, api.runtime.settings, NotificationChannel.PUSH)
    assert orjson.loads(address) == {
        "kind": "WEB_PUSH",
        "endpoint": BROWSER["endpoint"],
        "keys": {"p256dh": BROWSER["publicKey"], "auth": BROWSER["authSecret"]},
    }
    # Nobody has configured anything.
    assert carrier.name == "WEB_PUSH"


async def test_an_account_for_apps_does_not_take_browsers_away(api: Api, business: Business) -> None:
    from tests.support.stand_ins.google import ACCOUNT, KEY_ID, PRIVATE_KEY, PROJECT

    made = await business.admin(
        "mutation($i: MessageProviderCreateInput!) { messageProviderCreate(input: $i) {"
        " ... on MessageProviderCreateSuccess { messageProvider { id } } ... on UserError { message } } }",
        i={
            "kind": "FCM",
            "name": "Our app",
            "options": {"projectId": PROJECT},
            "credentials": {"clientEmail": ACCOUNT, "privateKeyId": KEY_ID, "privateKey": PRIVATE_KEY},
        },
    )
    tenant_id = parse(made["messageProvider"]["id"])[1].tenant_id
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        found = await providers_for(tx, api.runtime.settings, NotificationChannel.PUSH)
    assert [each.name for each in found] == ["FCM", "WEB_PUSH"]


async def test_the_same_device_is_one_and_new_keys_take_the_place_of_old_ones(api: Api, joined: Joined) -> None:
    first = await register(joined.visitor, webPush=BROWSER)
    assert await register(joined.visitor, webPush=BROWSER) == first
    other = BROWSER | {"authSecret": "AAAAAAAAAAAAAAAAAAAAAA"}
    assert await register(joined.visitor, webPush=other) == first
    ref = parse(joined.id)[1]
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        [address] = await service.devices_of(tx, session_id=ref.id)
        events = await tx.rows(
            "select revision, type from events where aggregate_id = $1 order by revision", key_of("PushDevice", first)
        )
    assert orjson.loads(address)["keys"]["auth"] == other["authSecret"]
    # Registering what is registered is no event.
    assert [tuple(each.values()) for each in events] == [(1, "PUSH_DEVICE_REGISTERED"), (2, "PUSH_DEVICE_REGISTERED")]


async def test_many_at_once_are_one_and_too_many_push_out_the_oldest(api: Api, joined: Joined) -> None:
    ids = await asyncio.gather(*(register(joined.visitor, fcmToken=token()) for _ in range(8)))
    assert len(set(ids)) == 1
    for number in range(1, MAX_DEVICES + 2):
        await register(joined.visitor, fcmToken=token(number))
    assert await places(api.runtime.dbs.app, joined) == [token(number) for number in range(MAX_DEVICES + 1, 1, -1)]


async def test_who_removes_a_device_removes_ones_own(api: Api, business: Business, joined: Joined) -> None:
    neighbour = await business.join(await business.queue())
    for each in (joined, neighbour):
        await register(each.visitor, fcmToken=token())
    assert (await neighbour.visitor(REMOVE, input={"fcmToken": token()}))["removed"]
    assert not (await neighbour.visitor(REMOVE, input={"fcmToken": token()}))["removed"]
    assert await places(api.runtime.dbs.app, neighbour) == []
    assert await places(api.runtime.dbs.app, joined) == [token()]


async def test_a_device_that_is_gone_is_forgotten_by_all_who_had_it(
    api: Api, business: Business, joined: Joined
) -> None:
    neighbour = await business.join(await business.queue())
    for each in (joined, neighbour):
        await register(each.visitor, webPush=BROWSER)
        await register(each.visitor, fcmToken=token())
    ref = parse(joined.id)[1]
    async with api.runtime.dbs.app.write(ref.tenant_id, SYSTEM) as tx:
        [gone] = [each for each in await service.devices_of(tx, session_id=ref.id) if "WEB_PUSH" in each]
        await service.forget(tx, gone)
    assert [await places(api.runtime.dbs.app, each) for each in (joined, neighbour)] == [[token()], [token()]]


async def test_a_users_devices_are_the_users(api: Api, business: Business, joined: Joined) -> None:
    staff = await business.user(Role.STAFF)
    device = await register(staff, webPush=BROWSER)
    me = (await staff("{ viewer { ... on User { id } } }"))["id"]
    async with api.runtime.dbs.app.read(parse(me)[1].tenant_id) as tx:
        assert len(await service.devices_of(tx, user_id=key_of("User", me))) == 1
    assert await places(api.runtime.dbs.app, joined) == []
    for caller in (joined.visitor, business.admin, (await api.new_business()).admin):
        with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
            await caller("query($id: ID!) { node(id: $id) { id } }", id=device)


async def test_strangers_and_programs_have_no_devices(api: Api, business: Business) -> None:
    made = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Till", "scopes": ["queue:read"]},
    )
    for caller, code in ((api.anonymous, "UNAUTHENTICATED"), (Caller(api, made["secret"]), "FORBIDDEN")):
        with pytest.raises(GraphQLFailed, match=code):
            await caller(REGISTER, input={"fcmToken": token()})


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "webPush"),
        ({"webPush": BROWSER, "fcmToken": token()}, "webPush"),
        ({"webPush": BROWSER | {"endpoint": "javascript:alert(1)"}}, "webPush.endpoint"),
        ({"webPush": BROWSER | {"endpoint": "https://x.example/" + "x" * 1_000}}, "webPush.endpoint"),
        ({"webPush": BROWSER | {"publicKey": "AAAA"}}, "webPush.publicKey"),
        ({"webPush": BROWSER | {"publicKey": "B" + "A" * 86}}, "webPush.publicKey"),
        ({"webPush": BROWSER | {"authSecret": "short"}}, "webPush.authSecret"),
        ({"fcmToken": "with spaces in it, and more"}, "fcmToken"),
    ],
)
async def test_what_no_device_can_have_is_refused(joined: Joined, given: dict[str, Any], field: str) -> None:
    answer = await joined.visitor(REGISTER, input=given)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_no_address_stands_in_a_table_in_plain_text(api: Api, joined: Joined) -> None:
    await register(joined.visitor, webPush=BROWSER)
    async with api.runtime.dbs.app.read(parse(joined.id)[1].tenant_id) as tx:
        rows = await tx.rows("select to_jsonb(t)::text as text from push_devices t")
        rows += await tx.rows("select to_jsonb(t)::text as text from events t where aggregate_type = 'push_device'")
    assert len(rows) == 2
    for each in rows:
        assert "push.example" not in each["text"]
        assert b"push.example".hex() not in each["text"]
