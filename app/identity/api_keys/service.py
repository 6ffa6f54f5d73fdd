"""What can be done with API keys: create, update, rotate, revoke. Who shows one is found by `authentication.py`.

A secret is shown in the answer that makes it and never again: only its hash is kept. Nobody is given, by way of a key,
what they may not do themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.core.events import Event, record
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.identity.api_keys import events, repository
from app.identity.api_keys.errors import ApiKeyEnded, OutlivesOwnKey, ScopeNotGrantable, TooManySecrets
from app.identity.api_keys.events import API_KEY
from app.identity.api_keys.models import ApiKey, ApiKeySecret, ApiKeyStatus, status_of
from app.identity.api_keys.text import new_key_text, read_key_text
from app.identity.permissions import Permission
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

# Each rotation leaves those before it as long as it promised; this bounds how many are good at once.
MAX_GOOD_SECRETS = 5
LONGEST_OVERLAP = timedelta(days=30)
LONGEST_LIFE = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class Issued:
    """A key, and the text of its newest secret, which nobody can be shown again."""

    key: ApiKey
    secret: str


class KeyChanges(TypedDict, total=False):
    """What is to be different."""

    name: str
    scopes: list[str]
    expires_at: datetime | None


async def create(tx: WriteTx, name: str, scopes: Iterable[str], expires_at: datetime | None) -> Issued:
    """Create a key with its first secret.

    Raises `InvalidInput`, `ScopeNotGrantable`, `OutlivesOwnKey`, `LimitReached`.
    """
    now, who = tx.now(), tx.actor.label
    key = ApiKey(
        tenant_id=tx.tenant,
        id=new_id(),
        name=_name(name),
        scopes=_scopes(scopes),
        expires_at=_expiry(expires_at, now),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    _ensure_grantable(tx.actor, key.scopes)
    _ensure_no_longer(tx.actor, key.expires_at)
    limits = await tenants.hold_limits(tx)
    if await repository.count_live(tx, now) >= limits.api_keys:
        raise LimitReached("apiKeys", limits.api_keys)
    tx.add(key)
    await tx.flush()
    issued, prefix = _issue(tx, key)
    record(tx, API_KEY, key.id, key.revision, events.ApiKeyCreated(prefix, key.scopes, key.expires_at), now)
    return issued


async def update(tx: WriteTx, key_id: UUID, changes: KeyChanges) -> ApiKey:
    """Rename a key, change what it may do or when it expires; nothing is recorded if everything is so already.

    Effective at once, on open sockets too. Raises `InvalidInput`, `ScopeNotGrantable`, `OutlivesOwnKey`, `ApiKeyEnded`,
    `NotFound`.
    """
    key = await _hold(tx, key_id)
    wanted: KeyChanges = {}
    if "name" in changes:
        wanted["name"] = _name(changes["name"])
    if "scopes" in changes:
        wanted["scopes"] = _scopes(changes["scopes"])
    if "expires_at" in changes:
        wanted["expires_at"] = _expiry(changes["expires_at"], tx.now())
    changed = sorted(name for name, value in wanted.items() if getattr(key, name) != value)
    if not changed:
        return key
    # Of the key as it will be: somebody who may do less than it does can take from it, and nothing else.
    _ensure_grantable(tx.actor, wanted.get("scopes", key.scopes))
    if "expires_at" in changed:
        _ensure_no_longer(tx.actor, wanted["expires_at"])
    for name in changed:
        setattr(key, name, wanted[name])  # type: ignore[literal-required]
    _note(tx, key, events.ApiKeyUpdated(changed, key.scopes, key.expires_at))
    return key


async def rotate(tx: WriteTx, key_id: UUID, overlap: timedelta) -> Issued:
    """Give a key another secret; those before it stay good for the overlap, or until their own earlier end.

    Two who rotate at once get a secret each, and both are good: nothing that works stops before its promised end.
    Raises `InvalidInput`, `ScopeNotGrantable`, `OutlivesOwnKey`, `TooManySecrets`, `ApiKeyEnded`, `NotFound`.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        most = int(LONGEST_OVERLAP.total_seconds())
        raise InvalidInput("overlapSeconds", f"`overlapSeconds` is from 0 to {most:,}.")
    key = await _hold(tx, key_id)
    # Whoever is shown a secret can do all it can.
    _ensure_grantable(tx.actor, key.scopes)
    _ensure_no_longer(tx.actor, key.expires_at)
    now = tx.now()
    good = await repository.good_secrets(tx, key.id, now)
    end = now + overlap
    if overlap and len(good) >= MAX_GOOD_SECRETS:
        raise TooManySecrets(MAX_GOOD_SECRETS)
    for secret in good:
        secret.ends_at = end if secret.ends_at is None else min(secret.ends_at, end)
    issued, prefix = _issue(tx, key)
    _note(tx, key, events.ApiKeyRotated(prefix, end))
    return issued


async def revoke(tx: WriteTx, key_id: UUID, reason: str | None = None) -> ApiKey:
    """End a key for good, on open sockets too. Nothing happens if it was revoked already.

    Raises `InvalidInput`, `NotFound`.
    """
    ensure_text("reason", reason or "", 0, 200)
    key = await repository.lock(tx, key_id)
    if key.revoked_at is None:
        key.revoked_at, key.revoke_reason = tx.now(), reason
        _note(tx, key, events.ApiKeyRevoked())
    return key


async def _hold(tx: WriteTx, key_id: UUID) -> ApiKey:
    key = await repository.lock(tx, key_id)
    if status_of(key, tx.now()) is not ApiKeyStatus.ACTIVE:
        raise ApiKeyEnded
    return key


def _issue(tx: WriteTx, key: ApiKey) -> tuple[Issued, str]:
    text = new_key_text(tx.tenant)
    read = read_key_text(text)
    assert read is not None
    tx.add(
        ApiKeySecret(
            tenant_id=tx.tenant,
            id=new_id(),
            api_key_id=key.id,
            prefix=read.prefix,
            secret_hash=read.hash,
            created_at=tx.now(),
        )
    )
    return Issued(key, text), read.prefix


def _note(tx: WriteTx, key: ApiKey, event: Event) -> None:
    key.revision += 1
    key.updated_at, key.updated_by = tx.now(), tx.actor.label
    record(tx, API_KEY, key.id, key.revision, event, key.updated_at)


def _name(name: str) -> str:
    ensure_text("name", name, 1, 80)
    return name.strip()


def _scopes(scopes: Iterable[str]) -> list[str]:
    wanted = sorted(set(scopes))
    if not wanted:
        raise InvalidInput("scopes", "Give at least one permission: a key without any opens nothing.")
    for scope in wanted:
        if scope not in set(Permission):
            raise InvalidInput(
                "scopes", "There is no such permission; the query `permissionMatrix` shows those there are."
            )
    return wanted


def _expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    if expires_at.tzinfo is None or not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidInput(
            "expiresAt",
            "Give a time within the next 10 years, with its zone: `2027-01-01T00:00:00Z`; or null for never.",
        )
    return expires_at


def _ensure_grantable(actor: Actor, scopes: Iterable[str]) -> None:
    beyond = [scope for scope in scopes if not actor.may(scope)]
    if beyond and actor.kind is not ActorKind.SYSTEM:
        raise ScopeNotGrantable(beyond)


def _ensure_no_longer(actor: Actor, end: datetime | None) -> None:
    # Of the key that is shown, or of its secret where that was rotated and has only its overlap left.
    own = actor.expires_at if actor.kind is ActorKind.API_KEY else None
    if own is not None and (end is None or end > own):
        raise OutlivesOwnKey(own)
