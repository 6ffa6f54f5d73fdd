"""One-time codes: what they are good for, for how long, how often, and what of them is kept."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.identity.accounts.codes import (
    INVITATION_LIFETIME,
    LIFETIME,
    MOST_TRIES,
    Codes,
    Issued,
    Recipient,
    tenant_of,
)
from app.identity.accounts.errors import CodeRefused, TooManyCodes
from app.identity.accounts.models import AccountMessage, MessageChannel, MessageKind
from tests.identity.house import Business, House, unique

KIND = MessageKind.CHANGE_EMAIL


def somebody() -> Recipient:
    """An address nobody else in the run has."""
    return Recipient(MessageChannel.EMAIL, f"{unique('somebody')}@mail.example")


async def issued(
    house: House, shop: Business, to: Recipient | None = None, kind: MessageKind = KIND, subject_id: UUID | None = None
) -> tuple[Issued, str]:
    """A code that was issued, and what the message says."""
    codes = house.authenticator.codes
    async with house.acting(shop.admin) as tx:
        fresh = await codes.issue(tx, kind, to or somebody(), subject_id=subject_id or shop.admin.id)
    message = await row(house, shop, fresh)
    unsealed = codes.unsealed(message)
    assert unsealed is not None
    return fresh, unsealed.code


async def row(house: House, shop: Business, fresh: Issued) -> AccountMessage:
    """The message as it is stored."""
    async with house.dbs.app.read(shop.id) as tx:
        return (await tx.exec(select(AccountMessage).where(AccountMessage.id == fresh.message_id))).one()


async def redeemed(
    house: House, shop: Business, token: str, code: str, kind: MessageKind = KIND, subject_id: UUID | None = None
) -> bool:
    """Whether the code was taken."""
    async with house.acting(shop.admin) as tx:
        return await house.authenticator.codes.redeem(tx, kind, token, code, subject_id=subject_id) is not None


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_has_six_digits_and_is_good_once(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    assert len(code) == 6
    assert code.isdecimal()
    assert fresh.expires_at - house.clock.now() == LIFETIME == timedelta(minutes=10)
    assert tenant_of(fresh.token) == shop.id
    assert await redeemed(house, shop, fresh.token, code)
    assert not await redeemed(house, shop, fresh.token, code)


async def test_a_code_may_be_typed_with_spaces(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    assert await redeemed(house, shop, fresh.token, f" {code[:3]} {code[3:]}\n")


async def test_the_fifth_try_is_the_last(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    for _ in range(MOST_TRIES - 1):
        assert not await redeemed(house, shop, fresh.token, wrong(code))
    assert (await row(house, shop, fresh)).tries == 4
    assert await redeemed(house, shop, fresh.token, code)

    fresh, code = await issued(house, shop)
    for _ in range(MOST_TRIES):
        assert not await redeemed(house, shop, fresh.token, wrong(code))
    assert not await redeemed(house, shop, fresh.token, code)
    assert (await row(house, shop, fresh)).tries == MOST_TRIES == 5


async def test_a_code_is_good_for_ten_minutes(house: House) -> None:
    shop = await house.business()
    (early, early_code), (late, late_code) = await issued(house, shop), await issued(house, shop)
    house.clock.advance(seconds=LIFETIME.total_seconds() - 1)
    assert await redeemed(house, shop, early.token, early_code)
    house.clock.advance(seconds=1)
    assert not await redeemed(house, shop, late.token, late_code)


async def test_a_code_is_bound_to_its_kind_subject_request_and_tenant(house: House) -> None:
    shop, other = await house.business(), await house.business()
    fresh, code = await issued(house, shop)
    second, _ = await issued(house, shop)
    assert not await redeemed(house, shop, fresh.token, code, MessageKind.RESET_PASSWORD)
    assert not await redeemed(house, shop, fresh.token, code, subject_id=uuid4())
    assert not await redeemed(house, shop, second.token, code)
    assert not await redeemed(house, other, fresh.token, code)
    assert not await redeemed(house, shop, "vqc_nonsense", code)
    assert not await redeemed(house, shop, "", code)
    assert (await row(house, shop, fresh)).tries == 0, "nobody else's tries count"
    assert await redeemed(house, shop, fresh.token, code, subject_id=shop.admin.id)


async def test_what_is_no_token_names_no_tenant() -> None:
    for token in ("", "vqc_", "vqr_" + "A" * 43, "vqc_" + "A" * 42, "vqc_ä", "vqc_" + "A" * 60, "\x00"):
        with pytest.raises(CodeRefused):
            tenant_of(token)


async def test_the_newest_code_of_a_subject(house: House) -> None:
    shop, subject = await house.business(), uuid4()
    _, old = await issued(house, shop, kind=MessageKind.SECOND_FACTOR, subject_id=subject)
    house.clock.advance(seconds=1)
    _, new = await issued(house, shop, kind=MessageKind.SECOND_FACTOR, subject_id=subject)
    codes = house.authenticator.codes
    async with house.acting(shop.admin) as tx:
        assert old == new or await codes.redeem_newest(tx, MessageKind.SECOND_FACTOR, subject, old) is None
        assert await codes.redeem_newest(tx, MessageKind.SECOND_FACTOR, uuid4(), new) is None
        assert await codes.redeem_newest(tx, MessageKind.SECOND_FACTOR, subject, new) is not None


async def test_of_twenty_who_bring_a_code_at_once_one_is_taken(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    taken = await asyncio.gather(*(redeemed(house, shop, fresh.token, code) for _ in range(20)))
    assert taken.count(True) == 1


async def test_of_twenty_wrong_tries_at_once_five_are_looked_at(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    guesses = [f"{(int(code) + 1 + step) % 1_000_000:06}" for step in range(20)]
    assert not any(await asyncio.gather(*(redeemed(house, shop, fresh.token, guess) for guess in guesses)))
    assert (await row(house, shop, fresh)).tries == MOST_TRIES
    assert not await redeemed(house, shop, fresh.token, code)


async def test_an_address_is_sent_so_many_messages_an_hour_whoever_asks(house: House) -> None:
    shop, to = await house.business(), somebody()
    for _ in range(6):
        await issued(house, shop, to)
        house.clock.advance(minutes=1)
    with pytest.raises(TooManyCodes) as refusal:
        await issued(house, shop, to, MessageKind.RESET_PASSWORD)
    assert refusal.value.retry_after_seconds == 54 * 60
    await issued(house, shop, somebody())
    house.clock.advance(minutes=54)
    await issued(house, shop, to)


async def test_an_address_is_sent_twenty_messages_a_day(house: House) -> None:
    shop, to = await house.business(), somebody()
    for _ in range(20):
        await issued(house, shop, to)
        house.clock.advance(minutes=20)
    with pytest.raises(TooManyCodes) as refusal:
        await issued(house, shop, to)
    assert refusal.value.retry_after_seconds == (24 * 60 - 400) * 60


async def test_ten_requests_at_once_are_counted_too(house: House) -> None:
    shop, to = await house.business(), somebody()
    answers = await asyncio.gather(*(issued(house, shop, to) for _ in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(TooManyCodes) == 4


async def test_neither_code_nor_address_is_kept_in_the_clear(house: House) -> None:
    shop, to = await house.business(), somebody()
    _, code = await issued(house, shop, to)
    async with house.dbs.system.read(None) as tx:
        stored = await tx.exec(  # type: ignore[call-overload]
            text("select string_agg(m::text, ' ') from account_messages m where tenant_id = :tenant"),
            params={"tenant": shop.id},
        )
        dump = stored.scalar_one() + await house.log_text(shop.id)
    assert to.address not in dump
    # Hexadecimal texts may hold six digits by chance; the code is nowhere as a value.
    assert f'"{code}"' not in dump
    assert f",{code}," not in dump
    assert to.address not in repr(to)
    assert code not in repr(to)


async def test_another_installations_secret_reads_and_takes_nothing(house: House) -> None:
    shop = await house.business()
    fresh, code = await issued(house, shop)
    stranger = Codes("another secret, of more than 32 characters")
    assert stranger.unsealed(await row(house, shop, fresh)) is None
    async with house.acting(shop.admin) as tx:
        assert await stranger.redeem(tx, KIND, fresh.token, code) is None


async def test_an_invitations_secret_is_long(house: House) -> None:
    shop = await house.business()
    fresh, secret = await issued(house, shop, kind=MessageKind.INVITATION)
    assert len(secret) == 43
    assert fresh.expires_at - house.clock.now() == INVITATION_LIFETIME
    house.clock.advance(days=6, hours=23)
    assert await redeemed(house, shop, fresh.token, secret, MessageKind.INVITATION)


async def test_issuing_is_recorded_once_and_names_kind_and_channel(house: House) -> None:
    shop = await house.business()
    fresh, _ = await issued(house, shop)
    assert await house.events(shop.id, fresh.message_id) == [(1, "ACCOUNT_MESSAGE_OWED")]


async def test_nothing_more_is_told_to_a_flooded_address(house: House) -> None:
    shop, to = await house.business(), somebody()
    async with house.acting(shop.admin) as tx:
        for _ in range(8):
            await house.authenticator.codes.tell(tx, MessageKind.PASSWORD_CHANGED, to, subject_id=shop.admin.id)
            await tx.flush()
    async with house.dbs.app.read(shop.id) as tx:
        rows = (await tx.exec(select(AccountMessage).where(AccountMessage.tenant_id == shop.id))).all()
    assert len(rows) == 6
    assert all(message.code_hash is None for message in rows)


async def test_strangers_keep_nobody_out_by_asking_for_codes(house: House) -> None:
    shop, to = await house.business(), somebody()
    for _ in range(6):
        await issued(house, shop, to, MessageKind.RESET_PASSWORD)
    with pytest.raises(TooManyCodes):
        await issued(house, shop, to, MessageKind.CHANGE_EMAIL)
    # What the owner's password sends comes, and so does what tells the owner.
    fresh, code = await issued(house, shop, to, MessageKind.SECOND_FACTOR)
    assert await redeemed(house, shop, fresh.token, code, MessageKind.SECOND_FACTOR)
    async with house.acting(shop.admin) as tx:
        await house.authenticator.codes.tell(tx, MessageKind.PASSWORD_CHANGED, to, subject_id=shop.admin.id)
    async with house.dbs.app.read(shop.id) as tx:
        told = await tx.exec(select(AccountMessage).where(AccountMessage.kind == MessageKind.PASSWORD_CHANGED))
        assert len(told.all()) == 1
