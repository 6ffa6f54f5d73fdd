"""Answering a retried mutation with its first result, in the same transaction as the work. Not a cache.

A caller sends the same key again when it does not know whether the first try arrived. Refusals are not kept: a retry
of a refused mutation is tried afresh.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel, select

from app.core.actor import ActorKind
from app.core.crypto import fingerprint
from app.core.db import WriteTx, time_column
from app.core.errors import UserFacingError
from app.core.texts import ensure_text


class IdempotencyConflict(UserFacingError):
    """The key was used before with other input."""


class IdempotencyKey(SQLModel, table=True):
    """The first result of a key, by the id of what it made or called."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_created_idx", "created_at"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    scope: str = Field(primary_key=True, max_length=100)
    key: str = Field(primary_key=True, max_length=200)
    input_hash: str = Field(max_length=64)
    result_id: UUID
    created_at: datetime = time_column()


async def first_result(tx: WriteTx, scope: str, key: str | None, *given: object) -> UUID | None:
    """Id of the first result of this key, or None if this is the first try.

    Holds a lock on the key until the transaction ends, so two tries at once cannot both be first.
    Raises `IdempotencyConflict` if the key came with other input, `InvalidInput` for an unusable key.
    """
    if key is None:
        return None
    ensure_text("idempotencyKey", key, 1, 200)
    scope = _of_caller(tx, scope)
    await tx.exec(  # type: ignore[call-overload]
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        params={"name": f"{tx.tenant}:{scope}:{key}"},
    )
    found = (
        await tx.exec(
            select(IdempotencyKey).where(
                IdempotencyKey.tenant_id == tx.tenant, IdempotencyKey.scope == scope, IdempotencyKey.key == key
            )
        )
    ).one_or_none()
    if found is None:
        return None
    if found.input_hash != fingerprint(*given):
        raise IdempotencyConflict(
            f"The idempotency key `{key}` was used before with other input. Use a new random key for every new request."
        )
    return found.result_id


def remember(tx: WriteTx, scope: str, key: str | None, result_id: UUID, *given: object) -> None:
    """Keep the result of a first try."""
    if key is not None:
        tx.add(
            IdempotencyKey(
                tenant_id=tx.tenant,
                scope=_of_caller(tx, scope),
                key=key,
                input_hash=fingerprint(*given),
                result_id=result_id,
                created_at=tx.now(),
            )
        )


def _of_caller(tx: WriteTx, scope: str) -> str:
    # Staff have keys of their own: a stranger who sends the same one does not get what they got. Visitors and strangers
    # share, so that a retry made with the token of the first answer is still the same try.
    return f"{scope}:{tx.actor.id}" if tx.actor.kind is ActorKind.USER else scope
