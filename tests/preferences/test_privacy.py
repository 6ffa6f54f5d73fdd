"""What somebody has chosen and answered is exported and erased with them; that they opted out stays in force."""

from sqlmodel import col, select

from app.core.events import EventRow
from app.core.events.reactions import Fact
from app.notifications.channels.interface import Inbound
from app.notifications.models import Notification, NotificationChannel, NotificationKind
from app.notifications.preferences.service import is_opted_out
from app.notifications.replies import service as replies
from app.privacy.retention import apply_all
from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, IDENTIFIER, PHONE, Shop, Tamper, shop, tamper

__all__ = ["shop", "tamper"]
SMS, NUMBER = NotificationChannel.SMS, PHONE.replace(" ", "")


async def say(shop: Shop, *texts: str) -> None:
    """Jane answers messages, and is answered."""
    db = shop.business.api.runtime.dbs.app
    for text in texts:
        async with db.write(shop.tenant_id) as tx:
            assert await replies.take(tx, None, Inbound(text, SMS, NUMBER, text))
        async with db.read(shop.tenant_id) as read:
            found = select(EventRow).where(EventRow.type == "NOTIFICATION_REPLY_RECEIVED")
            row = (await read.exec(found.order_by(col(EventRow.occurred_at).desc()).limit(1))).one()
        async with db.write(shop.tenant_id) as tx:
            at = row.occurred_at
            fact = Fact(row.id, shop.tenant_id, row.aggregate_type, row.aggregate_id, 1, at, row.type, "{}", None)
            await replies.answer(tx, fact)


async def owned(shop: Shop, tamper: Tamper) -> dict[str, int]:
    """How many rows say something about her."""
    tables = {"notification_preferences": "true", "notification_replies": "true", "notification_opt_outs": "opted_out"}
    return {
        table: (await tamper(f"select count(*) from {table} where tenant_id = $1 and {which}", shop.tenant_id))[0][0]
        for table, which in tables.items()
    }


async def test_it_is_exported_and_erased_and_the_opt_out_stays(shop: Shop, tamper: Tamper) -> None:
    chosen = await shop.jane.visitor(operation("NotificationPreferencesSet"), input={"locale": "fr"})
    assert chosen["__typename"] == "NotificationPreferencesSetSuccess"
    await say(shop, "L", "canary words", "STOP")
    assert await owned(shop, tamper) == {
        "notification_preferences": 1,
        "notification_replies": 3,
        "notification_opt_outs": 1,
    }
    data = (await shop.file(await shop.done("PersonExport", email=EMAIL, userIdentifier=IDENTIFIER)))["data"]
    assert [row["locale"] for row in data["notification_preferences"]] == ["fr"]
    assert sorted(row["text"] for row in data["notification_replies"]) == ["L", "STOP", "canary words"]
    done = await shop.done("PersonErase", email=EMAIL, userIdentifier=IDENTIFIER)
    assert (done["status"], done["counts"]["replies"]) == ("DONE", 3)
    assert await owned(shop, tamper) == {
        "notification_preferences": 0,
        "notification_replies": 0,
        "notification_opt_outs": 1,
    }
    async with shop.business.api.runtime.dbs.app.read(shop.tenant_id) as tx:
        assert await is_opted_out(tx, SMS, PHONE)
        owed = (await tx.exec(select(Notification).where(Notification.kind == NotificationKind.REPLY))).all()
        assert len(owed) == 3
        assert {row.body for row in owed} == {""}
        assert all(row.recipient.startswith("erased:") for row in owed)


async def test_what_a_business_does_not_keep_is_destroyed(shop: Shop, tamper: Tamper) -> None:
    await say(shop, "L")
    await shop.jane.visitor(operation("NotificationPreferencesSet"), input={"locale": "fr"})
    kept = await shop.business.admin(operation("RetentionSet"), input={"notificationDays": 30, "sessionDays": 30})
    assert kept["__typename"] == "RetentionSetSuccess"
    system = shop.business.api.runtime.dbs.system
    assert await apply_all(system)
    assert (await owned(shop, tamper))["notification_replies"] == 1
    old = "received_at = received_at - interval '31 days'"
    await tamper(f"update notification_replies set {old} where tenant_id = $1", shop.tenant_id)
    await tamper("update sessions set ended_at = ended_at - interval '31 days' where tenant_id = $1", shop.tenant_id)
    assert await apply_all(system)
    assert await owned(shop, tamper) == {
        "notification_preferences": 0,
        "notification_replies": 0,
        "notification_opt_outs": 0,
    }
