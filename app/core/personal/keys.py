"""The keys a tenant's personal data is sealed with, as one process knows them. Reads and writes no table.

Every tenant has data keys (AES-256-GCM; the newest active version seals, older ones still open) and one index key
(HMAC-SHA256), each random and wrapped by the installation's master key. Blocks learn their tenant's keys when they
begin (`app/core/db/engine.py`), so that a row can be read where no database can be asked, its block long over.
"""

import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.crypto import decrypt, derive_key, encrypt

FRESH_SECONDS: Final = 20.0
"""A block looks again at keys that were learnt before. A new version seals only when all must have seen it."""

ACTIVE_AFTER_SECONDS: Final = 60.0
"""From the making of a version to its first use: longer than FRESH_SECONDS and the longest block together."""

# Nobody's block has asked for so long: rows that were read then are gone, and so may be the tenant.
_FORGET_SECONDS: Final = 900.0
INDEX_VERSION: Final = 0
FIRST_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_VERSION_BYTES: Final = 2
_INDEX_BYTES: Final = 16


class KeyUse(StrEnum):
    """DATA keys seal and are rotated; the INDEX key stays, because what is found by it would have to change with it."""

    DATA = "DATA"
    INDEX = "INDEX"


class PersonalDataClosed(Exception):
    """A value cannot be opened or sealed: its key is not known here, or it belongs to another tenant, row or column."""


class WrappedKey(NamedTuple):
    """A key as it is stored. `is_active`: old enough to seal."""

    use: KeyUse
    version: int
    wrapped: bytes
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class MasterKey:
    """What wraps tenants' keys: derived from the installation's secret, and stored nowhere."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "MasterKey":
        """The one of an installation."""
        return cls(derive_key(secret, "tenants' keys"))

    def make(self, tenant_id: UUID, use: KeyUse, version: int) -> WrappedKey:
        """A fresh random key."""
        plain = AESGCM.generate_key(256)
        return WrappedKey(use, version, encrypt(self.key, plain, _binding(tenant_id, use, version)))

    def open(self, tenant_id: UUID, stored: WrappedKey) -> bytes:
        """The key itself. `PersonalDataClosed` if another master key has wrapped it."""
        try:
            return decrypt(self.key, stored.wrapped, _binding(tenant_id, stored.use, stored.version))
        except InvalidTag:
            raise PersonalDataClosed(
                "A tenant's key cannot be opened with this VQ_SECRET_KEY: set the one it was made with."
            ) from None


class TenantKeys:
    """One tenant's keys, open."""

    __slots__ = ("_ciphers", "_index_key", "_seals_with", "seen_at", "version")

    def __init__(self, index_key: bytes, data_keys: dict[int, bytes], version: int) -> None:
        self._index_key = index_key
        self._ciphers = {number: AESGCM(key) for number, key in data_keys.items()}
        self.version = version
        self._seals_with = version.to_bytes(_VERSION_BYTES, "big"), self._ciphers[version]
        self.seen_at = monotonic()

    @classmethod
    def unwrapped(cls, master: MasterKey, tenant_id: UUID, stored: Iterable[WrappedKey]) -> "TenantKeys":
        """From what is stored of a tenant: its index key and at least one data key that is active."""
        index_key, data_keys, version = b"", {}, 0
        for each in stored:
            if each.use is KeyUse.INDEX:
                index_key = master.open(tenant_id, each)
            else:
                data_keys[each.version] = master.open(tenant_id, each)
                if each.is_active:
                    version = max(version, each.version)
        if not index_key or not version:
            raise PersonalDataClosed("A tenant has no key that is active.")
        return cls(index_key, data_keys, version)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Version, nonce and ciphertext; `bound_to` has to be given again, so that no value can be moved elsewhere."""
        version, cipher = self._seals_with
        nonce = os.urandom(_NONCE_BYTES)
        return version + nonce + cipher.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The plain bytes. `PersonalDataClosed` if key, value or binding is another."""
        cipher = self._ciphers.get(int.from_bytes(sealed[:_VERSION_BYTES], "big"))
        start = _VERSION_BYTES + _NONCE_BYTES
        try:
            if cipher is not None:
                return cipher.decrypt(sealed[_VERSION_BYTES:start], sealed[start:], bound_to)
        except InvalidTag:
            pass
        raise PersonalDataClosed("A value was not sealed with this tenant's key for this row and column.")

    def index(self, place: bytes, plain: bytes) -> bytes:
        """Equal for equal values of one column, and tells nothing else to who has not the key."""
        return hmac.digest(self._index_key, place + b"\x00" + plain, "sha256")[:_INDEX_BYTES]


def version_of(sealed: bytes) -> int:
    """With which version of its tenant's key a value is sealed."""
    return int.from_bytes(sealed[:_VERSION_BYTES], "big")


def keys_of(tenant_id: UUID) -> TenantKeys:
    """A tenant's keys. `PersonalDataClosed` if no block of the tenant has begun here, or it is gone."""
    try:
        return _known[tenant_id]
    except KeyError:
        raise PersonalDataClosed(
            "This process does not know the tenant's keys: it has none, or no block began."
        ) from None


def keys_to_look_up(tenant_id: UUID) -> TenantKeys:
    """The same; for a tenant that does not exist keys that find nothing, by the same steps."""
    return _known.get(tenant_id, _NOBODYS)


def are_fresh(tenant_id: UUID) -> bool:
    """Whether a block may begin without looking; whoever is told "no" looks for all who ask in the meantime."""
    now = monotonic()
    found = _known.get(tenant_id)
    if found is None:
        return tenant_id.int == 0
    if now - found.seen_at < FRESH_SECONDS:
        return True
    found.seen_at = now
    return False


def look_again(tenant_id: UUID) -> None:
    """Whoever was to look could not: the next block looks."""
    if (found := _known.get(tenant_id)) is not None:
        found.seen_at = min(found.seen_at, monotonic() - FRESH_SECONDS)


def remember(tenant_id: UUID, keys: TenantKeys) -> None:
    """From now on blocks of the tenant in this process use these."""
    _known[tenant_id] = keys
    long_ago = monotonic() - _FORGET_SECONDS
    for unused in [each for each, keys in _known.items() if keys.seen_at < long_ago]:
        del _known[unused]


def forget(tenant_id: UUID) -> None:
    """The tenant is gone, or its keys were never committed."""
    _known.pop(tenant_id, None)


def _binding(tenant_id: UUID, use: KeyUse, version: int) -> str:
    return f"key of tenant {tenant_id} {use} {version}"


# Of the process, not of an engine: a row knows its tenant and nothing of the engine it has come from. Keyed by random
# ids, so that two installations in one process (tests) do not meet.
_known: dict[UUID, TenantKeys] = {}
_NOBODYS = TenantKeys(os.urandom(32), {1: os.urandom(32)}, 1)
