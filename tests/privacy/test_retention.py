"""How long what is kept: each tenant as it has set, to the day, and nobody else's."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.core.ids import parse
from app.privacy.retention import apply_all
from app.settings import Settings
from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, IDENTIFIER, Shop, Tamper

FOREVER = {"sessionDays": None, "loginDays": None, "notificationDays": None, "originDays": None}


async def age(shop: Shop, tamper: Tamper, days: int) -> None:
    """Let what has happened be so old."""
    for table, column in (("sessions", "ended_at"), ("logins", "expires_at")):
        await tamper(
            f"update {table} set {column} = now() - make_interval(days => $2)"
            f" where tenant_id = $1 and {column} is not null",
            shop.tenant_id,
            days,
        )
    await tamper(
        "update events set occurred_at = now() - make_interval(days => $2) where tenant_id = $1", shop.tenant_id, days
    )


async def left(shop: Shop, tamper: Tamper) -> dict[str, int]:
    """How many rows still say who people were."""
    counts = {
        "sessions": "select count(*) from sessions where tenant_id = $1 and email_sealed is not null",
        "notes": "select count(*) from session_notes where tenant_id = $1",
        "logins": "select count(*) from logins where tenant_id = $1",
        "origins": "select count(*) from events where tenant_id = $1 and (address is not null or agent is not null)",
    }
    return {name: (await tamper(query, shop.tenant_id))[0]["count"] for name, query in counts.items()}


async def run(shop: Shop) -> None:
    await apply_all(shop.business.api.runtime.dbs.system)


async def test_set_shown_and_recorded(shop: Shop) -> None:
    assert await shop.business.admin(operation("RetentionNow")) == FOREVER
    answer = await shop.ask("RetentionSet", sessionDays=30, originDays=90)
    assert answer["retention"] == FOREVER | {"sessionDays": 30, "originDays": 90}
    assert await shop.business.admin(operation("RetentionNow")) == answer["retention"]
    await shop.ask("RetentionSet", sessionDays=30, originDays=90)
    await shop.ask("RetentionSet", sessionDays=7)
    entries = await shop.business.admin(operation("AuditEntryList"), filter={"types": ["RETENTION_SET"]})
    first, second = (edge["node"]["changes"] for edge in reversed(entries["edges"]))
    assert {"field": "retentions.session_days", "before": None, "after": 30} in first
    assert {"field": "retentions.session_days", "before": 30, "after": 7} in second
    assert {"field": "retentions.origin_days", "before": 90, "after": None} in second


async def test_what_is_older_goes_and_what_is_younger_stays(shop: Shop, tamper: Tamper) -> None:
    for joined in (shop.jane, shop.stranger):
        await shop.business.act("sessionCancel", joined.id)
    whole = await left(shop, tamper)
    assert min(whole.values()) > 0
    await shop.ask("RetentionSet", sessionDays=30, loginDays=30, originDays=30)
    whole = await left(shop, tamper)
    await age(shop, tamper, 29)
    await run(shop)
    assert await left(shop, tamper) == whole
    await age(shop, tamper, 31)
    await run(shop)
    assert await left(shop, tamper) == dict.fromkeys(whole, 0)
    (counted,) = await tamper("select count(*) from sessions where tenant_id = $1", shop.tenant_id)
    assert counted["count"] == 2
    await run(shop)


async def test_who_still_waits_is_not_forgotten(shop: Shop, tamper: Tamper) -> None:
    await shop.ask("RetentionSet", sessionDays=1)
    await tamper("update sessions set joined_at = now() - interval '9 days' where tenant_id = $1", shop.tenant_id)
    await run(shop)
    assert (await left(shop, tamper))["sessions"] == 2


async def test_without_being_set_nothing_goes(shop: Shop, tamper: Tamper) -> None:
    for joined in (shop.jane, shop.stranger):
        await shop.business.act("sessionCancel", joined.id)
    await age(shop, tamper, 4_000)
    before = await left(shop, tamper)
    await run(shop)
    assert await left(shop, tamper) == before


async def test_a_file_goes_with_its_time_and_says_no_more_whose_it_was(shop: Shop, tamper: Tamper) -> None:
    export = await shop.done("PersonExport", email=EMAIL, userIdentifier=IDENTIFIER)
    await tamper("update privacy_requests set content_ends_at = now() where tenant_id = $1", shop.tenant_id)
    assert (await shop.business.api.http.get(export["downloadUrl"])).status_code == 404
    await run(shop)
    (row,) = await tamper(
        "select content_sealed, subject_sealed from privacy_requests where tenant_id = $1", shop.tenant_id
    )
    assert (row["content_sealed"], row["subject_sealed"]) == (None, None)


@pytest.mark.parametrize(
    ("input", "field"), [({"sessionDays": 0}, "sessionDays"), ({"originDays": 3_651}, "originDays")]
)
async def test_days_have_bounds(shop: Shop, input: dict[str, Any], field: str) -> None:
    answer = await shop.ask("RetentionSet", **input)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_nobody_is_recognised_by_their_address_either(shop: Shop, tamper: Tamper) -> None:
    """Who came without a name or a contact is told apart by the hash of their address, and by nothing sealed."""
    stranger = await shop.business.join(shop.queue)
    await tamper("update sessions set address_hash = 'hash' where id = $1", parse(stranger.id)[1].id)
    await shop.business.act("sessionCancel", stranger.id)
    await shop.ask("RetentionSet", sessionDays=30)
    await age(shop, tamper, 31)
    await run(shop)
    (row,) = await tamper("select address_hash from sessions where id = $1", parse(stranger.id)[1].id)
    assert row["address_hash"] is None


async def test_what_goes_wrong_with_one_tenant_stops_no_other(shop: Shop, tamper: Tamper) -> None:
    api = shop.business.api
    await shop.ask("RetentionSet", loginDays=30)
    other = await api.new_business()
    await other.admin(operation("RetentionSet"), input={"loginDays": 30})
    stuck, behind = tenant_ids = [shop.tenant_id, parse(await other.queue())[1].tenant_id]
    await tamper("update logins set expires_at = now() - interval '31 days' where tenant_id = any($1)", tenant_ids)
    await tamper("create function stuck() returns trigger language plpgsql as $$ begin raise exception 'stuck'; end $$")
    await tamper(
        "create trigger stuck before delete on logins for each row"
        f" when (old.tenant_id = '{stuck}') execute function stuck()"
    )
    try:
        assert not await apply_all(api.runtime.dbs.system)
    finally:
        await tamper("drop function stuck cascade")
    left = {
        row["tenant_id"]
        for row in await tamper("select distinct tenant_id from logins where tenant_id = any($1)", tenant_ids)
    }
    assert (stuck in left, behind in left) == (True, False)


async def test_it_goes_in_portions_that_wait_for_nobody(
    shop: Shop, tamper: Tamper, migrated_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.privacy.retention._BATCH", 2)
    await shop.ask("RetentionSet", sessionDays=30, loginDays=30, originDays=30)
    for _ in range(4):
        await shop.business.api.sign_in(shop.business.slug, EMAIL)
    for joined in (shop.jane, shop.stranger):
        await shop.business.act("sessionCancel", joined.id)
    await age(shop, tamper, 31)
    assert migrated_settings.database_url is not None
    holder = await asyncpg.connect(migrated_settings.database_url.replace("+asyncpg", ""))
    try:
        async with holder.transaction():
            for table in ("logins", "sessions"):
                held = f"select 1 from {table} where tenant_id = $1 order by id limit 1 for update"
                await holder.fetch(held, shop.tenant_id)
            async with asyncio.timeout(10):
                await run(shop)
            assert await left(shop, tamper) == {"sessions": 1, "notes": 1, "logins": 1, "origins": 0}
    finally:
        await holder.close()
    await run(shop)
    assert await left(shop, tamper) == dict.fromkeys(("sessions", "notes", "logins", "origins"), 0)
