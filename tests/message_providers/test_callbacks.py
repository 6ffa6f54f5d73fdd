"""Callbacks as providers send them, signed by their own library; and what whoever is not one gets to know."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from twilio.request_validator import RequestValidator

from app.api.callbacks import MAX_BYTES
from app.core.clock import SystemClock
from app.core.ids import decode, encode
from app.notifications.providers import service
from app.notifications.providers.service import NewMessageProvider
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import Tenant
from tests.contract.operations import operation
from tests.message_providers.conftest import PUBLIC_URL, SID, TOKEN, account, created
from tests.support.api import Api, Business, Caller, open_api
from tests.support.holdings import platform

DELIVERED = {"MessageSid": "SM1", "MessageStatus": "delivered", "AccountSid": SID}


@pytest.fixture
async def provider(business: Business) -> dict[str, Any]:
    return await created(business.admin, **account())


def signature(url: str, form: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    """As Twilio signs it."""
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)}


async def post(
    api: Api, address: str, form: dict[str, str] | None = None, *, signed: str | None = None, **headers: str
) -> httpx.Response:
    """A form to an address; signed for it, or for another one."""
    given = DELIVERED if form is None else form
    return await api.http.post(
        address.removeprefix(PUBLIC_URL), data=given, headers=signature(signed or address, given) | headers
    )


async def early(api: Api, provider: dict[str, Any]) -> list[tuple[str, bool]]:
    """What was reported: of messages nobody has sent, it is kept for a while."""
    ref = decode("MessageProvider", provider["id"])
    async with api.runtime.dbs.system.read(ref.tenant_id) as tx:
        rows = await tx.rows(
            "select provider_id, provider_message_id, is_delivered from early_reports where tenant_id = $1 order by 2",
            ref.tenant_id,
        )
    assert all(row[0] == ref.id for row in rows)
    return [(row[1], row[2]) for row in rows]


async def test_a_signed_report_is_taken_also_twice(api: Api, provider: dict[str, Any]) -> None:
    for _ in range(2):
        answer = await post(api, provider["callbackUrl"])
        assert answer.status_code == 200, answer.text
    assert await early(api, provider) == [("SM1", True)]


async def test_what_somebody_writes_is_heard_once(api: Api, provider: dict[str, Any]) -> None:
    form = {"MessageSid": "SM2", "SmsStatus": "received", "AccountSid": SID, "From": "+4930901820", "Body": "L"}
    for _ in range(2):
        answer = await post(api, provider["callbackUrl"], form)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    tenant_id, key = decode("MessageProvider", provider["id"])
    async with api.runtime.dbs.system.read(tenant_id) as tx:
        rows = await tx.rows("select provider_id from notification_replies where tenant_id = $1", tenant_id)
    assert [row[0] for row in rows] == [key]
    assert await early(api, provider) == []


async def test_the_query_is_signed_too(api: Api, provider: dict[str, Any]) -> None:
    asked = provider["callbackUrl"] + "?bodySHA256=&x=a%20b"
    assert (await post(api, asked)).status_code == 200
    assert (await post(api, asked, signed=provider["callbackUrl"])).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "queue.example:1"])
async def test_what_the_client_calls_us_is_not_what_is_signed(api: Api, provider: dict[str, Any], host: str) -> None:
    """Behind a proxy the Host header is anybody's: the address is the one the provider was told."""
    assert (await post(api, provider["callbackUrl"], host=host)).status_code == 200
    forged = provider["callbackUrl"].replace(PUBLIC_URL, f"https://{host}")
    refused = await api.http.post(
        forged.removeprefix(f"https://{host}"), data=DELIVERED, headers=signature(forged, DELIVERED) | {"host": host}
    )
    assert refused.status_code == 403


async def test_whoever_is_not_believed_learns_nothing(api: Api, business: Business, provider: dict[str, Any]) -> None:
    tenant_id, key = decode("MessageProvider", provider["id"])
    other = await created((await api.new_business()).admin, **account())
    addresses = {
        "wrong token": (provider["callbackUrl"], signature(provider["callbackUrl"], DELIVERED, "guessed")),
        "unsigned": (provider["callbackUrl"], {}),
        "another tenant's signature": (provider["callbackUrl"], signature(other["callbackUrl"], DELIVERED)),
        "unknown": (f"/callbacks/{encode('MessageProvider', tenant_id, uuid4())}", {}),
        "another tenant's id": (f"/callbacks/{encode('MessageProvider', uuid4(), key)}", {}),
        "another kind": (f"/callbacks/{encode('Queue', tenant_id, key)}", {}),
        "no id": ("/callbacks/somebody", {}),
        "long": (f"/callbacks/{'x' * 5_000}", {}),
    }
    answers = {}
    for name, (address, headers) in addresses.items():
        answer = await api.http.post(address.removeprefix(PUBLIC_URL), data=DELIVERED, headers=headers)
        kept = {key: value for key, value in answer.headers.items() if key not in ("date", "x-request-id")}
        answers[name] = answer.status_code, answer.text, kept
    assert len({str(answer) for answer in answers.values()}) == 1, answers
    assert answers["unknown"][0] == 403
    assert await early(api, provider) == []


async def test_what_is_switched_off_still_reports_and_what_is_deleted_does_not(
    api: Api, business: Business, provider: dict[str, Any]
) -> None:
    await business.admin(
        operation("MessageProviderUpdate"), input={"messageProviderId": provider["id"], "enabled": False}
    )
    assert (await post(api, provider["callbackUrl"])).status_code == 200
    await business.admin(operation("MessageProviderDelete"), input={"messageProviderId": provider["id"]})
    assert (await post(api, provider["callbackUrl"])).status_code == 403


async def test_a_suspended_tenant_hears_nothing(api: Api, business: Business, provider: dict[str, Any]) -> None:
    operator = await platform(api)
    tenant_id = decode("MessageProvider", provider["id"]).tenant_id
    await _set(operator, "tenantSuspend", tenantId=encode("Tenant", tenant_id, tenant_id))
    assert (await post(api, provider["callbackUrl"])).status_code == 403
    await _set(operator, "tenantReactivate", tenantId=encode("Tenant", tenant_id, tenant_id))
    assert (await post(api, provider["callbackUrl"])).status_code == 200


async def _set(caller: Caller, mutation: str, **values: Any) -> None:
    kind = mutation[0].upper() + mutation[1:]
    answer = await caller(f"mutation($i: {kind}Input!) {{ {mutation}(input: $i) {{ __typename }} }}", i=values)
    assert answer["__typename"] == f"{kind}Success", answer


async def test_too_much_is_not_read(api: Api, provider: dict[str, Any]) -> None:
    path = provider["callbackUrl"].removeprefix(PUBLIC_URL)
    assert (await api.http.post(path, content=b"x" * (MAX_BYTES + 1))).status_code == 413
    assert (await api.http.post(path, content=b"x" * MAX_BYTES)).status_code == 403
    assert (await api.http.put(path)).status_code == 405


async def test_bytes_that_are_no_form_are_refused(api: Api, provider: dict[str, Any]) -> None:
    path = provider["callbackUrl"].removeprefix(PUBLIC_URL)
    for body in (b"\xff\xfe", b"a", b"%00=%00", b"=" * 5_000):
        assert (await api.http.post(path, content=body)).status_code == 403


async def test_whatsapp_s_challenge_is_answered_to_who_knows_the_word(api: Api, business: Business) -> None:
    made = await created(
        business.admin,
        kind="WHATSAPP_CLOUD",
        name="WhatsApp",
        options={"phoneNumberId": "4711"},
        credentials={"accessToken": "access", "appSecret": "secret", "verifyToken": "the-word-we-chose"},
    )
    path = made["callbackUrl"].removeprefix(PUBLIC_URL)
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "the-word-we-chose"}
    answer = await api.http.get(path, params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await api.http.get(path, params=asked | {"hub.verify_token": "a guess"})).status_code == 403


async def test_who_guesses_is_slowed_down(carrying_settings: Settings) -> None:
    """What is believed is never counted: a provider sends as many reports as there are."""
    settings = carrying_settings.model_copy(
        update={"rate_limit_requests": 5, "rate_limit_exempt": (), "bus_prefix": f"guess-{uuid4().hex[:8]}:"}
    )
    async with open_api(settings, SystemClock()) as api:
        made = await _made(api)
        refused = [await api.http.post("/callbacks/guess", data=DELIVERED) for _ in range(7)]
        assert [each.status_code for each in refused] == [403] * 5 + [429] * 2
        assert int(refused[-1].headers["retry-after"]) >= 1
        assert [(await post(api, made["callbackUrl"])).status_code for _ in range(7)] == [200] * 7


async def _made(api: Api) -> dict[str, Any]:
    """A provider, without asking the API for it: that is counted, too."""
    business = await api.new_business()
    tenant_id = (await _tenant(api, business)).id
    given = account()
    async with api.runtime.dbs.app.write(tenant_id) as tx:
        new = NewMessageProvider(given["kind"], given["name"], given["options"], given["credentials"])
        row = await service.create(tx, new)
    return {
        "id": encode("MessageProvider", tenant_id, row.id),
        "callbackUrl": service.callback_url(row, api.runtime.settings),
    }


async def _tenant(api: Api, business: Business) -> Tenant:
    async with api.runtime.dbs.system.read(None) as tx:
        found = await tenants.by_slug(tx, business.slug)
    assert found is not None
    return found
