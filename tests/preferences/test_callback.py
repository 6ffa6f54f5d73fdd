"""What people answer by SMS, as Twilio posts it, signed by its own library: from HTTP to what counts."""

from typing import Any

from app.core.ids import decode
from app.notifications.models import NotificationChannel
from app.notifications.preferences.service import is_opted_out
from tests.message_providers.conftest import SID, account, api, business, carrying_settings, created
from tests.message_providers.test_callbacks import post
from tests.support.api import Api, Business

__all__ = ["api", "business", "carrying_settings"]
ANNA = "+4930901820"


def written(text: str, sid: str) -> dict[str, str]:
    return {"MessageSid": sid, "AccountSid": SID, "From": ANNA, "Body": text, "SmsStatus": "received"}


async def outcomes(api: Api, provider: dict[str, Any]) -> list[tuple[str, str]]:
    ref = decode("MessageProvider", provider["id"])
    async with api.runtime.dbs.system.read(ref.tenant_id) as tx:
        rows = await tx.rows(
            "select channel, outcome from notification_replies where tenant_id = $1 and provider_id = $2 order by 2",
            *ref,
        )
    return [(row[0], row[1]) for row in rows]


async def test_an_answer_by_sms_is_taken_once_and_stop_counts_at_once(api: Api, business: Business) -> None:
    provider = await created(business.admin, **account())
    tenant_id = decode("MessageProvider", provider["id"]).tenant_id
    for _ in range(2):
        assert (await post(api, provider["callbackUrl"], written("STOP", "SM1"))).status_code == 200
    assert await outcomes(api, provider) == [("SMS", "RECEIVED")]
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        assert await is_opted_out(tx, NotificationChannel.SMS, ANNA)


async def test_what_is_not_signed_opts_nobody_out(api: Api, business: Business) -> None:
    provider = await created(business.admin, **account())
    tenant_id = decode("MessageProvider", provider["id"]).tenant_id
    refused = await post(api, provider["callbackUrl"], written("STOP", "SM1"), signed="https://evil.example/")
    assert refused.status_code == 403
    assert await outcomes(api, provider) == []
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        assert not await is_opted_out(tx, NotificationChannel.SMS, ANNA)
