"""The lottery of a pre-queue: lots that stand from the join on and that nobody can know before the opening. Pure.

There is no draw: a lot is a hash of a secret seed and the session's id. The seed's own hash is published before anybody
can have a lot, the seed at the opening; whoever has both can compute every lot again. Who may see what is not decided
here.
"""

import secrets
from collections.abc import Iterable
from hashlib import sha256

SEED_BYTES = 32
_LOT_BITS = 63


def new_seed() -> bytes:
    """A seed nobody can guess."""
    return secrets.token_bytes(SEED_BYTES)


def seed_hash(seed: bytes) -> str:
    """What is published before: the SHA-256 of the seed's bytes, in hexadecimal digits."""
    return sha256(seed).hexdigest()


def lot_of(seed: bytes, session_id: str) -> int:
    """The lot of a session, given by its opaque id: the first 63 bits of SHA-256(seed, id); the lower, the sooner."""
    digest = sha256(seed + session_id.encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _LOT_BITS)


def drawn(seed: bytes, participants: Iterable[tuple[str, float]]) -> list[str]:
    """Session ids in the order drawn, from each one's id and precedence: higher precedence first, then the lots."""
    return [id for id, _ in sorted(participants, key=lambda one: (-one[1], lot_of(seed, one[0]), one[0]))]
