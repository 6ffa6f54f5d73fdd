"""What can be done with a queue's lists and codes: add, remove, create, revoke. What they do at a join is elsewhere.

Every verb holds the line, so that a join finds them all before or all after it, and is told in the queue's log: how
many of which kind, and of nobody by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.access import repository
from app.access.codes import fresh_serial
from app.access.models import AccessCode, AccessCodeKind, AccessList
from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.queues.config import MAX_PRIORITY
from app.queues.events import QueueUpdated
from app.queues.line import LockedLine, lock, write_down

MAX_BATCH = 1_000
# Their ids have to fit into one request.
MAX_REVOKED = 500
MAX_ENTRIES = 100_000
MAX_CODES = 100_000
MAX_USES = 1_000_000
MAX_LIFE = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class CodeConfig:
    """Codes as they are asked for: so many alike."""

    kind: AccessCodeKind
    count: int = 1
    priority: int | None = None
    max_uses: int | None = 1
    expires_at: datetime | None = None
    label: str | None = None


async def add_entries(tx: WriteTx, queue_id: UUID, kind: AccessList, user_identifiers: Sequence[str]) -> int:
    """Put people on a list; how many were not on it yet. Raises `InvalidInput`, `NotFound`."""
    _validate_identifiers(user_identifiers)
    line = await lock(tx, queue_id)
    added = await repository.add_entries(tx, queue_id, kind, user_identifiers)
    if await repository.count_entries(tx, queue_id, kind) > MAX_ENTRIES:
        raise InvalidInput("userIdentifiers", f"A list has at most {MAX_ENTRIES:,} people; remove some first.")
    return _changed(tx, line, kind, "added", added)


async def remove_entries(tx: WriteTx, queue_id: UUID, kind: AccessList, user_identifiers: Sequence[str]) -> int:
    """Take people off a list; how many were on it. Who is in line already keeps the place."""
    _validate_identifiers(user_identifiers)
    line = await lock(tx, queue_id)
    removed = await repository.remove_entries(tx, queue_id, kind, user_identifiers)
    return _changed(tx, line, kind, "removed", removed)


async def create_codes(
    tx: WriteTx, queue_id: UUID, config: CodeConfig, idempotency_key: str | None = None
) -> Sequence[AccessCode]:
    """Make codes that are alike but for their text. Raises `InvalidInput`, `IdempotencyConflict`, `NotFound`."""
    _validate_codes(config)
    if (first := await first_result(tx, "accessCodeCreate", idempotency_key, queue_id, config)) is not None:
        return await repository.codes_of_batch(tx, first)
    line = await lock(tx, queue_id)
    if config.expires_at is not None and not line.now < config.expires_at <= line.now + MAX_LIFE:
        raise InvalidInput("expiresAt", f"`expiresAt` is at most {MAX_LIFE.days} days to come, or null for never.")
    if await repository.count_codes(tx, queue_id) + config.count > MAX_CODES:
        raise InvalidInput("count", f"A queue has at most {MAX_CODES:,} codes, used and revoked ones included.")
    batch_id = new_id()
    codes = [
        AccessCode(
            tenant_id=tx.tenant,
            queue_id=queue_id,
            batch_id=batch_id,
            serial=serial,
            kind=config.kind,
            priority=config.priority,
            max_uses=config.max_uses,
            label=config.label,
            expires_at=config.expires_at,
            created_at=line.now,
            created_by=tx.actor.label,
        )
        for serial in await _free_serials(tx, queue_id, config.count)
    ]
    tx.add_all(codes)
    remember(tx, "accessCodeCreate", idempotency_key, batch_id, queue_id, config)
    _note(tx, line, {"codes": config.kind, "created": config.count})
    await tx.flush()
    return sorted(codes, key=lambda code: code.id)


async def revoke_codes(tx: WriteTx, queue_id: UUID, ids: Sequence[UUID]) -> Sequence[AccessCode]:
    """Make codes useless from now on. Whoever used one keeps the place; a code that is revoked already stays so."""
    if not 1 <= len(ids) <= MAX_REVOKED:
        raise InvalidInput("codeIds", f"Give 1 to {MAX_REVOKED} codes.")
    line = await lock(tx, queue_id)
    codes = await repository.hold_codes_by_id(tx, queue_id, ids)
    if len(codes) != len(set(ids)):
        raise NotFound("AccessCode")
    fresh = [code for code in codes if code.revoked_at is None]
    for code in fresh:
        code.revoked_at = line.now
    if fresh:
        _note(tx, line, {"codes": sorted({code.kind for code in fresh}), "revoked": len(fresh)})
        await tx.flush()
    return codes


async def _free_serials(tx: WriteTx, queue_id: UUID, count: int) -> list[int]:
    # One in ten million batches meets a number that is taken; the line's lock keeps others from taking them now.
    serials: set[int] = set()
    while len(serials) < count:
        serials |= {fresh_serial() for _ in range(count - len(serials))}
        serials -= await repository.serials_taken(tx, queue_id, sorted(serials))
    return sorted(serials)


def _changed(tx: WriteTx, line: LockedLine, kind: AccessList, what: str, count: int) -> int:
    if count:
        if kind is AccessList.BYPASS:
            line.queue.bypass_count += count if what == "added" else -count
        _note(tx, line, {"list": kind, what: count})
    return count


def _note(tx: WriteTx, line: LockedLine, change: dict[str, Any]) -> None:
    write_down(tx, line, lambda state: QueueUpdated(state, {"access": change}))


def _validate_identifiers(user_identifiers: Sequence[str]) -> None:
    if not 1 <= len(user_identifiers) <= MAX_BATCH:
        raise InvalidInput("userIdentifiers", f"Give 1 to {MAX_BATCH:,} people at once.")
    for one in user_identifiers:
        ensure_text("userIdentifiers", one, 1, 200)


def _validate_codes(config: CodeConfig) -> None:
    if not 1 <= config.count <= MAX_BATCH:
        raise InvalidInput("count", f"1 to {MAX_BATCH:,} codes are made at once.")
    if (config.kind is AccessCodeKind.PRIORITY) != (config.priority is not None):
        raise InvalidInput("priority", "A code of the kind `PRIORITY` needs a priority, and no other has one.")
    if config.priority is not None and not 0 <= config.priority <= MAX_PRIORITY:
        raise InvalidInput("priority", f"A priority is from 0 to {MAX_PRIORITY}; the higher, the sooner.")
    if config.max_uses is not None and not 1 <= config.max_uses <= MAX_USES:
        raise InvalidInput("maxUses", f"`maxUses` is from 1 to {MAX_USES:,}, or null for as often as people like.")
    if config.expires_at is not None and config.expires_at.tzinfo is None:
        raise InvalidInput("expiresAt", "`expiresAt` needs a time zone, e.g. `2030-01-01T00:00:00Z`.")
    ensure_text("label", config.label or "", 0, 80)
