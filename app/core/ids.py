"""Opaque ids: what clients see instead of keys. Not a secret; possession of an id grants nothing.

An id names its kind and its tenant, so that a public operation (a join by an anonymous visitor) knows which tenant to
bind before anything is read. A forged tenant finds nothing: row-level security and composite keys see to that.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID, uuid4

from app.core.errors import NotFound


class Ref(NamedTuple):
    """A decoded id."""

    tenant_id: UUID
    id: UUID


def new_id() -> UUID:
    """A fresh random key."""
    return uuid4()


def encode(kind: str, tenant_id: UUID, id: UUID) -> str:
    """The opaque id of a `kind` (the GraphQL type's name)."""
    return urlsafe_b64encode(f"{kind}:{tenant_id.hex}:{id.hex}".encode()).rstrip(b"=").decode()


# The queue of a rush is named in every join. What is no id is not kept, and ids are short.
@lru_cache(maxsize=4_096)
def parse(text: str) -> tuple[str, Ref]:
    """Kind and keys of an opaque id. `NotFound` for anything that is not one."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
        kind, tenant_hex, id_hex = raw.split(":")
        ref = Ref(UUID(hex=tenant_hex), UUID(hex=id_hex))
    except (ValueError, Base64Error):
        raise NotFound from None
    # One spelling per id: caches and clients compare ids as strings.
    if encode(kind, *ref) != text:
        raise NotFound(kind if kind.isidentifier() else "Object")
    return kind, ref


def decode(kind: str, text: str) -> Ref:
    """Keys of an opaque id that must be of this kind. `NotFound` otherwise."""
    try:
        found, ref = parse(text)
    except NotFound:
        raise NotFound(kind) from None
    if found != kind:
        raise NotFound(kind)
    return ref
