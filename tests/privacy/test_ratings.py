"""What was said of a visit: exported with the person; its words destroyed with them, or when they are old."""

from datetime import UTC, datetime, timedelta

from app.core.ids import parse
from app.privacy.retention import apply_all
from app.ratings.models import Rating, RatingSource
from tests.privacy.conftest import EMAIL, Shop, Tamper

WORDS = "canary of a comment"


async def rate(shop: Shop, session: str, *, days_ago: int = 0) -> None:
    """As if it had been said so many days ago."""
    ref, at = parse(session)[1], datetime.now(UTC) - timedelta(days=days_ago)
    async with shop.business.api.runtime.dbs.app.write(ref.tenant_id) as tx:
        tx.add(
            Rating(
                tenant_id=ref.tenant_id,
                id=ref.id,
                queue_id=parse(shop.queue)[1].id,
                score=2,
                comment=WORDS,
                source=RatingSource.LINK,
                rated_at=at,
                changed_at=at,
            )
        )


async def said(shop: Shop, tamper: Tamper) -> dict[str, tuple[int, bool]]:
    """By session, the score and whether there are words."""
    rows = await tamper("select id, score, comment_sealed from ratings where tenant_id = $1", shop.tenant_id)
    found = {str(row["id"]): (row["score"], row["comment_sealed"] is not None) for row in rows}
    return {
        name: found[str(parse(joined.id)[1].id)]
        for name, joined in (("jane", shop.jane), ("stranger", shop.stranger))
        if str(parse(joined.id)[1].id) in found
    }


async def test_exported_and_erased_with_the_person(shop: Shop, tamper: Tamper) -> None:
    await rate(shop, shop.jane.id)
    await rate(shop, shop.stranger.id)
    file = await shop.file(await shop.done("PersonExport", email=EMAIL))
    (rating,) = file["data"]["ratings"]
    assert (rating["score"], rating["comment"]) == (2, WORDS)
    await shop.done("PersonErase", email=EMAIL)
    assert await said(shop, tamper) == {"jane": (2, False), "stranger": (2, True)}


async def test_words_are_kept_as_long_as_the_tenant_keeps_sessions(shop: Shop, tamper: Tamper) -> None:
    await rate(shop, shop.jane.id, days_ago=31)
    await rate(shop, shop.stranger.id, days_ago=29)
    system = shop.business.api.runtime.dbs.system
    await apply_all(system)
    assert await said(shop, tamper) == {"jane": (2, True), "stranger": (2, True)}, "for ever, unless it is set"
    await shop.ask("RetentionSet", sessionDays=30)
    await apply_all(system)
    assert await said(shop, tamper) == {"jane": (2, False), "stranger": (2, True)}
