"""Who decides who carries messages, and what is not shown of it; over the API, by the contract's operations."""

import asyncio
from typing import Any

import pytest

from app.core.ids import decode
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from app.notifications.channels.interface import TryLater
from app.notifications.models import NotificationChannel
from app.notifications.providers import repository, service
from app.notifications.providers.gate import ProviderGate
from app.notifications.providers.models import MessageProvider
from app.notifications.providers.service import MAX_PROVIDERS, providers_for
from tests.contract.operations import operation
from tests.message_providers.conftest import PUBLIC_URL, SID, TOKEN, account, create, created, listed
from tests.support.api import Api, Business, GraphQLFailed


async def update(business: Business, made: dict[str, Any], **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await business.admin(
        operation("MessageProviderUpdate"), input={"messageProviderId": made["id"]} | values
    )
    return answer


async def usable(api: Api, business: Business, channel: NotificationChannel) -> list[str]:
    """Who would carry a message, in order."""
    tenant_id = decode("User", await _anybody(business)).tenant_id
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        found = await providers_for(tx, api.runtime.settings, channel)
        names = await repository.by_ids(tx, [each.provider_id for each in found if each.provider_id is not None])
    return [each.name if each.provider_id is None else names[each.provider_id].name for each in found]


async def _anybody(business: Business) -> str:
    return str((await business.admin("{ viewer { ... on User { id } } }"))["id"])


async def test_a_provider_s_whole_life(api: Api, business: Business) -> None:
    made = await created(business.admin, **account(ratePerMinute=60))
    assert (made["kind"], made["channels"], made["revision"]) == ("TWILIO", ["SMS"], 1)
    assert (made["tryOrder"], made["enabled"], made["resendWhenInDoubt"], made["isInstalled"]) == (
        100,
        True,
        True,
        True,
    )
    assert made["options"] == account()["options"], "as it was given"
    assert made["credentialNames"] == ["authToken"]
    assert made["callbackUrl"] == f"{PUBLIC_URL}/callbacks/{made['id']}"
    assert made["health"] == {
        "state": "WORKING",
        "failures": 0,
        "pausedUntil": None,
        "lastError": None,
        "lastErrorAt": None,
    }
    assert await listed(business.admin) == [made]

    changed = (await update(business, made, name="SMS", tryOrder=5, ratePerMinute=None, enabled=None))[
        "messageProvider"
    ]
    assert (changed["name"], changed["tryOrder"], changed["ratePerMinute"], changed["enabled"]) == (
        "SMS",
        5,
        None,
        True,
    )
    assert changed["revision"] == 2
    assert (await update(business, made, name="SMS"))["messageProvider"]["revision"] == 2, "nothing has changed"

    gone = await business.admin(operation("MessageProviderDelete"), input={"messageProviderId": made["id"]})
    assert gone["messageProviderId"] == made["id"]
    assert await listed(business.admin) == []
    with pytest.raises(GraphQLFailed) as refusal:
        await update(business, made, name="x")
    assert refusal.value.code == "NOT_FOUND"


async def test_credentials_are_shown_to_nobody(api: Api, business: Business) -> None:
    answer = await business.admin.send(operation("MessageProviderCreate"), input=account())
    shown = await business.admin.send(operation("MessageProviderList"))
    audit = await business.admin.send(
        "{ auditEntries(first: 50) { edges { node { data changes { before after } } } } }"
    )
    assert TOKEN not in answer.text + shown.text + audit.text
    ref = decode("MessageProvider", answer.json()["data"]["messageProviderCreate"]["messageProvider"]["id"])
    async with api.runtime.dbs.system.read(ref.tenant_id) as tx:
        row = await tx.get(MessageProvider, ref)
    assert row is not None
    assert row.credentials == {"authToken": TOKEN}
    assert TOKEN.encode() not in row.credentials_sealed  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "PIGEON"}, "kind"),
        ({"kind": "twilio"}, "kind"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"channels": []}, "channels"),
        ({"channels": ["EMAIL"]}, "channels"),
        ({"channels": ["SMS", "EMAIL"]}, "channels"),
        ({"tryOrder": -1}, "tryOrder"),
        ({"tryOrder": 1_001}, "tryOrder"),
        ({"ratePerMinute": 0}, "ratePerMinute"),
        ({"ratePerMinute": 60_001}, "ratePerMinute"),
        ({"options": []}, "options"),
        ({"options": "text"}, "options"),
        ({"options": {"accountSid": SID}}, "options.sender"),
        ({"options": {"accountSid": SID, "sender": "+1", "more": 1}}, "options.more"),
        ({"options": {"account_sid": SID, "sender": "+1"}}, "options.accountSid"),
        ({"options": {"accountSid": SID, "sender": "+1", "baseUrl": "ftp://x"}}, "options.baseUrl"),
        ({"options": {"accountSid": SID, "sender": "x" * 9_000}}, "options"),
        ({"credentials": {}}, "credentials.authToken"),
        ({"credentials": {"authToken": ""}}, "credentials.authToken"),
        ({"credentials": {"authToken": [TOKEN]}}, "credentials.authToken"),
        ({"credentials": {"authToken": TOKEN, "password": TOKEN}}, "credentials.password"),
        ({"credentials": TOKEN}, "credentials"),
    ],
)
async def test_what_is_not_taken(shared: Business, values: dict[str, Any], field: str) -> None:
    answer = await create(shared.admin, **account(**values))
    assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field)
    assert TOKEN not in str(answer)
    assert await listed(shared.admin) == []


@pytest.fixture(scope="module")
async def shared(api: Api) -> Business:
    return await api.new_business()


async def test_other_options_need_the_credentials_again(business: Business) -> None:
    """Else whoever may configure could send a token they were never shown to themselves."""
    made = await created(business.admin, **account())
    elsewhere = account("https://elsewhere.example")["options"]
    assert (await update(business, made, options=elsewhere))["__typename"] == "CredentialsRequiredError"
    assert await listed(business.admin) == [made]
    both = await update(business, made, options=elsewhere, credentials={"authToken": "another-one"})
    assert (both["messageProvider"]["options"], both["messageProvider"]["revision"]) == (elsewhere, 2)
    same = await update(business, made, options=elsewhere)
    assert same["messageProvider"]["revision"] == 2, "the same options lead nowhere else"


async def test_a_name_is_one_provider_s(business: Business) -> None:
    made = await created(business.admin, **account())
    assert (await create(business.admin, **account()))["__typename"] == "MessageProviderNameTakenError"
    other = await created(business.admin, **account(name="Others"))
    answer = await update(business, other, name=made["name"])
    assert answer["__typename"] == "MessageProviderNameTakenError"


async def test_there_are_twenty_at_most_however_many_create_at_once(api: Api, business: Business) -> None:
    names = [f"Provider {number}" for number in range(MAX_PROVIDERS + 5)]
    answers = await asyncio.gather(*(create(business.admin, **account(name=name)) for name in names))
    kinds = sorted(answer["__typename"] for answer in answers)
    assert kinds == ["LimitReachedError"] * 5 + ["MessageProviderCreateSuccess"] * MAX_PROVIDERS
    assert len(await listed(business.admin)) == MAX_PROVIDERS


async def test_two_who_change_one_do_it_one_after_the_other(business: Business) -> None:
    made = await created(business.admin, **account())
    answers = await asyncio.gather(*(update(business, made, tryOrder=number) for number in range(1, 6)))
    assert sorted(answer["messageProvider"]["revision"] for answer in answers) == [2, 3, 4, 5, 6]


async def test_only_administrators_decide(api: Api, business: Business) -> None:
    assert [role for role, allowed in MATRIX.items() if Permission.MESSAGE_PROVIDER_WRITE in allowed] == [
        Role.SUPER_ADMIN,
        Role.ADMIN,
    ]
    made = await created(business.admin, **account())
    manager, stranger = await business.user(Role.MANAGER), (await api.new_business()).admin
    for caller, code in ((manager, "FORBIDDEN"), (stranger, "NOT_FOUND"), (api.anonymous, "UNAUTHENTICATED")):
        for name in ("MessageProviderUpdate", "MessageProviderDelete", "MessageProviderTest"):
            with pytest.raises(GraphQLFailed) as refusal:
                await caller(operation(name), input={"messageProviderId": made["id"]})
            assert refusal.value.code == code, name
    assert await listed(business.admin) == [made]
    assert await listed(stranger) == []


async def test_they_are_tried_in_their_order_and_the_installation_s_last_of_all(api: Api, business: Business) -> None:
    assert await usable(api, business, NotificationChannel.SMS) == []
    second = await created(business.admin, **account(name="second", tryOrder=20))
    first = await created(business.admin, **account(name="first", tryOrder=10))
    third = await created(business.admin, **account(name="third", tryOrder=20))
    assert await usable(api, business, NotificationChannel.SMS) == ["first", "second", "third"]
    assert await usable(api, business, NotificationChannel.WHATSAPP) == [], "none of them carries it"
    await update(business, first, enabled=False)
    assert await usable(api, business, NotificationChannel.SMS) == ["second", "third"]
    installed = api.runtime.settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:25"})
    tenant_id = decode("MessageProvider", first["id"]).tenant_id
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        (own,) = await providers_for(tx, installed, NotificationChannel.EMAIL)
    assert (own.provider_id, own.name) == (None, "SMTP")
    mail = {"host": "mail.shop.example", "sender": "us@shop.example"}
    await created(business.admin, kind="SMTP", name="mail", options=mail, credentials={})
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        (ours,) = await providers_for(tx, installed, NotificationChannel.EMAIL)
    assert ours.provider_id is not None
    assert [each["name"] for each in await listed(business.admin)] == ["first", "second", "third", "mail"]
    assert {second["tryOrder"], third["tryOrder"]} == {20}


async def test_how_it_does_is_shown_and_forgotten_when_it_is_changed(api: Api, business: Business) -> None:
    made = await created(business.admin, **account())
    ref = decode("MessageProvider", made["id"])
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        (found,) = await providers_for(tx, api.runtime.settings, NotificationChannel.SMS)
    await ProviderGate(api.runtime.dbs.app, ref.tenant_id).failed(found, TryLater("It answered 401.", is_ours=True))
    (shown,) = await listed(business.admin)
    assert (shown["health"]["state"], shown["health"]["failures"]) == ("PAUSED", 1)
    assert (shown["health"]["lastError"], shown["health"]["lastErrorAt"] is None) == ("It answered 401.", False)
    changed = (await update(business, made, credentials={"authToken": "the right one"}))["messageProvider"]
    assert changed["health"]["state"] == "WORKING"


async def test_what_is_not_installed_any_more_is_passed_over(api: Api, business: Business) -> None:
    made = await created(business.admin, **account(name="plug-in"))
    await created(business.admin, **account(name="ours"))
    ref = decode("MessageProvider", made["id"])
    async with api.runtime.dbs.app.write(ref.tenant_id) as tx:
        (await repository.lock(tx, ref.id)).kind = "PLUG_IN"
    assert await usable(api, business, NotificationChannel.SMS) == ["ours"]
    assert {each["name"]: each["isInstalled"] for each in await listed(business.admin)} == {
        "plug-in": False,
        "ours": True,
    }
    assert (await update(business, made, credentials={}))["__typename"] == "ProviderNotInstalledError"
    assert (await update(business, made, enabled=False))["messageProvider"]["enabled"] is False


async def test_what_can_be_chosen_says_what_it_takes(business: Business) -> None:
    kinds = {each["kind"]: each for each in await business.admin(operation("MessageProviderKindList"))}
    twilio = kinds["TWILIO"]
    assert (twilio["channels"], twilio["reports"], twilio["repeatsSafely"]) == (["SMS"], True, False)
    assert {"accountSid", "sender"} <= set(twilio["optionsSchema"]["required"])
    assert twilio["credentialsSchema"]["required"] == ["authToken"]
    for kind in kinds.values():
        # A form can be drawn from it: every value is called as it has to be given, and explained.
        for schema in (kind["optionsSchema"], kind["credentialsSchema"]):
            for name, place in schema.get("properties", {}).items():
                assert "_" not in name, kind["kind"]
                assert place.get("description"), f"{kind['kind']}: {name}"


async def test_no_address_no_callbacks(api: Api, business: Business) -> None:
    made = await created(business.admin, **account())
    ref = decode("MessageProvider", made["id"])
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        row = await repository.find(tx, ref.id)
    assert row is not None
    private = api.runtime.settings.model_copy(update={"public_url": None})
    assert service.callback_url(row, private) is None
    assert service.built(row, private).around.callback_url is None
    assert service.built(row, api.runtime.settings).around.callback_url == made["callbackUrl"]
