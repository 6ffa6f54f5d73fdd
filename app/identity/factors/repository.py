"""Every statement about second factors, recovery codes, and sign-ins that wait for one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, func, select

from app.core.db import ReadTx, WriteTx
from app.identity.factors.models import FactorKind, LoginChallenge, RecoveryCode, SecondFactor


async def factors_of(tx: ReadTx, user_ids: Sequence[UUID]) -> Sequence[SecondFactor]:
    """The second factors of users, confirmed or not, oldest first."""
    found = await tx.exec(
        select(SecondFactor)
        .where(SecondFactor.tenant_id == tx.tenant, col(SecondFactor.user_id).in_(user_ids))
        .order_by(col(SecondFactor.created_at), col(SecondFactor.kind))
        .execution_options(populate_existing=True)
    )
    return found.all()


async def confirmed(tx: ReadTx, user_id: UUID) -> dict[FactorKind, SecondFactor]:
    """A user's second factors that count."""
    return {factor.kind: factor for factor in await factors_of(tx, [user_id]) if factor.confirmed_at is not None}


async def factor(tx: ReadTx, user_id: UUID, kind: FactorKind) -> SecondFactor | None:
    """A user's second factor of a kind, confirmed or not."""
    return next((each for each in await factors_of(tx, [user_id]) if each.kind is kind), None)


async def delete_factors(tx: WriteTx, user_id: UUID, kinds: Sequence[FactorKind]) -> None:
    """Forget second factors, secrets included."""
    await tx.exec(
        delete(SecondFactor).where(
            col(SecondFactor.tenant_id) == tx.tenant,
            col(SecondFactor.user_id) == user_id,
            col(SecondFactor.kind).in_(kinds),
        )
    )


async def unused_recovery_code(tx: ReadTx, user_id: UUID, code_hash: str) -> RecoveryCode | None:
    """A user's recovery code by hash, unless it was used."""
    found = await tx.exec(
        select(RecoveryCode)
        .where(
            RecoveryCode.tenant_id == tx.tenant,
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == code_hash,
            col(RecoveryCode.used_at).is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def recovery_codes_left(tx: ReadTx, user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many recovery codes users have left."""
    found = await tx.exec(
        select(RecoveryCode.user_id, func.count())
        .where(
            RecoveryCode.tenant_id == tx.tenant,
            col(RecoveryCode.user_id).in_(user_ids),
            col(RecoveryCode.used_at).is_(None),
        )
        .group_by(col(RecoveryCode.user_id))
    )
    return dict(found.all())


async def delete_recovery_codes(tx: WriteTx, user_id: UUID) -> None:
    """Forget a user's recovery codes."""
    await tx.exec(
        delete(RecoveryCode).where(col(RecoveryCode.tenant_id) == tx.tenant, col(RecoveryCode.user_id) == user_id)
    )


async def challenge(tx: ReadTx, token_hash: str) -> LoginChallenge | None:
    """A sign-in that waits, as it is now."""
    found = await tx.exec(
        select(LoginChallenge)
        .where(LoginChallenge.tenant_id == tx.tenant, LoginChallenge.token_hash == token_hash)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def wrong_tries_since(tx: ReadTx, user_id: UUID, since: datetime) -> int:
    """How often a user's second factors were guessed at wrongly."""
    found = await tx.exec(
        select(func.coalesce(func.sum(LoginChallenge.tries), 0)).where(
            LoginChallenge.tenant_id == tx.tenant,
            LoginChallenge.user_id == user_id,
            LoginChallenge.created_at > since,
        )
    )
    return int(found.one())
