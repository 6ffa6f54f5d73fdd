"""Answering a retried mutation with its first result, in the same transaction as the work. Not a cache.

A caller sends the same key again when it does not know whether the first try arrived. Refusals are not kept: a retry
of a refused mutation is tried afresh.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel, select

from app.core.actor import Actor, ActorKind
from app.core.crypto import canonical
from app.core.db import Statement, WriteTx, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.errors import UserFacingError
from app.core.personal.keys import keys_of
from app.core.texts import ensure_text


class IdempotencyConflict(UserFacingError):
    """The key was used before with other input."""


class IdempotencyKey(SQLModel, table=True):
    """The first result of a key, by the id of what it made or called.

    Of the input a hash is kept, under the tenant's own key: inputs hold people's addresses, and a plain hash of those
    is found again by trying them all.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_created_idx", "created_at"), {"info": NOT_AUDITED})

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
    ensure_key(key)
    scope = _of_caller(tx.actor, scope)
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
    _ensure_same(key, found.input_hash, _hashed(tx.tenant, given))
    return found.result_id


def ensure_key(key: str | None) -> None:
    """`InvalidInput` for an unusable key."""
    if key is not None:
        ensure_text("idempotencyKey", key, 1, 200)


def remember(tx: WriteTx, scope: str, key: str | None, result_id: UUID, *given: object) -> None:
    """Keep the result of a first try."""
    if key is not None:
        tx.add(
            IdempotencyKey(
                tenant_id=tx.tenant,
                scope=_of_caller(tx.actor, scope),
                key=key,
                input_hash=_hashed(tx.tenant, given),
                result_id=result_id,
                created_at=tx.now(),
            )
        )


class FirstResults:
    """`first_result` and `remember` for several commands of one kind that are decided, and commit, together.

    Takes no lock: whoever uses it holds what makes tries of the same input wait for each other (the line), and where
    a key comes with other input at the very same moment, the primary key refuses one.
    """

    def __init__(self, tenant_id: UUID, scope: str) -> None:
        self._tenant_id = tenant_id
        self._scope = scope
        self._known: dict[tuple[str, str], tuple[str, UUID]] = {}
        self._new: list[tuple[str, str, str, UUID]] = []

    @classmethod
    async def of(cls, tx: WriteTx, scope: str, callers: Sequence[tuple[Actor, str | None]]) -> Self:
        """What is known of these callers' keys, which have to be usable ones."""
        if all(key is None for _, key in callers):
            return cls(tx.tenant, scope)
        (rows,) = await tx.ask(cls.asked(tx, scope, callers))
        return cls.read(tx, scope, rows)

    @staticmethod
    def asked(tx: WriteTx, scope: str, callers: Sequence[tuple[Actor, str | None]]) -> Statement:
        """`of`, to be asked together with something else."""
        keys = [(_of_caller(actor, scope), key) for actor, key in callers if key is not None]
        return Statement(_FIRST_RESULTS, (tx.tenant, [scope for scope, _ in keys], [key for _, key in keys]))

    @classmethod
    def read(cls, tx: WriteTx, scope: str, rows: Sequence[tuple[Any, ...]]) -> Self:
        """What `asked` asks."""
        results = cls(tx.tenant, scope)
        for of_caller, key, input_hash, result_id in rows:
            results._known[of_caller, key] = input_hash, result_id
        return results

    def get(self, actor: Actor, key: str | None, *given: object) -> UUID | None:
        """Id of the first result of this key, from the tables or from a command before; else None.

        Raises `IdempotencyConflict` if the key came with other input.
        """
        if key is None or (known := self._known.get((_of_caller(actor, self._scope), key))) is None:
            return None
        input_hash, result_id = known
        _ensure_same(key, input_hash, _hashed(self._tenant_id, given))
        return result_id

    def remember(self, actor: Actor, key: str | None, result_id: UUID, *given: object) -> None:
        """Keep the result of a first try."""
        if key is not None:
            scope, input_hash = _of_caller(actor, self._scope), _hashed(self._tenant_id, given)
            self._known[scope, key] = input_hash, result_id
            self._new.append((scope, key, input_hash, result_id))

    async def write(self, tx: WriteTx) -> None:
        """Write down what was remembered, with the next statement or at the end."""
        if self._new:
            # Sorted: two who write the same keys wait for each other's first, not one for each of the other's.
            tx.rows_later(_REMEMBER, tx.tenant, tx.now(), *zip(*sorted(self._new), strict=True))


_PLACE = b"idempotency_keys.input"
_FIRST_RESULTS = """
    select known.scope, known.key, input_hash, result_id
    from unnest($2::text[], $3::text[]) as asked (scope, key)
    join idempotency_keys known on known.tenant_id = $1 and known.scope = asked.scope and known.key = asked.key
"""
_REMEMBER = """
    insert into idempotency_keys (tenant_id, created_at, scope, key, input_hash, result_id)
    select $1, $2, * from unnest($3::text[], $4::text[], $5::text[], $6::uuid[])
"""


def _hashed(tenant_id: UUID, given: Sequence[object]) -> str:
    return keys_of(tenant_id).index(_PLACE, canonical(*given)).hex()


def _ensure_same(key: str, before: str, now: str) -> None:
    if before != now:
        raise IdempotencyConflict(
            f"The idempotency key `{key}` was used before with other input. Use a new random key for every new request."
        )


def _of_caller(actor: Actor, scope: str) -> str:
    # Staff and programs have keys of their own: a stranger who sends the same one does not get what they got. Visitors
    # and strangers share, so that a retry made with the token of the first answer is still the same try.
    return f"{scope}:{actor.id}" if actor.kind in (ActorKind.USER, ActorKind.API_KEY) else scope
