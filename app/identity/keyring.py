"""The keys that sign access tokens: created, rotated, published. What a token says is `tokens.py`'s business.

Every key is published as NEXT before it signs as ACTIVE, and verifies as RETIRED for as long as anything it signed is
good; a process that meets a key it does not know looks again. So rotation fails no request.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from cryptography.exceptions import InvalidTag
from joserfc.jwk import RSAKey

from app.core.crypto import decrypt, derive_key, encrypt
from app.core.db import Database, WriteTx
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.identity import repository
from app.identity.models import KeyStatus, SigningKey
from app.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

ALGORITHM = "RS256"
_KID = re.compile(r"[A-Za-z0-9_-]{43}")
# A retired key signs nothing; this is longer than any access token or cached JWKS lives.
_KEEP_RETIRED = timedelta(days=2)
# Unknown keys may be made up: looking again is limited, and what all ask at once is asked once.
_LOAD_PAUSE_SECONDS = 0.2
# How long a process may go on signing with a key that another has retired.
_FRESH_SECONDS = 60.0


class KeyRing:
    """One process's view of the keys. Belongs to the loop that uses it."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret
        self._keys: dict[str, RSAKey] = {}
        self._published: list[dict[str, Any]] = []
        self._signer: tuple[str, RSAKey] | None = None
        self._loaded_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def signer(self) -> tuple[str, RSAKey]:
        """The active key and its id."""
        await self._load_if_older_than(_FRESH_SECONDS)
        if self._signer is None:
            raise SettingsError("There is no signing key that VQ_SECRET_KEY opens: run `vq seed` or `vq keys rotate`.")
        return self._signer

    async def verifier(self, kid: str) -> RSAKey | None:
        """A key by id, whatever its status; looked up afresh if it is unknown here."""
        if not _KID.fullmatch(kid):
            return None
        # The first look may have begun before the key was there and be shared with others; the second has not.
        for _ in range(2):
            if kid in self._keys:
                break
            await self._load()
        return self._keys.get(kid)

    async def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys as a JSON Web Key Set, the next one included."""
        await self._load_if_older_than(1.0)
        return {"keys": self._published}

    async def _load_if_older_than(self, seconds: float) -> None:
        if monotonic() - self._loaded_at > seconds:
            await self._load()

    async def _load(self) -> None:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._read(), name="key ring")
        # Shielded: the one who gives up must not take the answer from the others.
        await asyncio.shield(self._loading)

    async def _read(self) -> None:
        if (pause := self._loaded_at + _LOAD_PAUSE_SECONDS - monotonic()) > 0:
            await asyncio.sleep(pause)
        async with self._database.read(None) as tx:
            rows = await repository.signing_keys(tx)
        self._loaded_at = monotonic()
        self._keys = {row.kid: self._keys.get(row.kid) or RSAKey.import_key(row.public_jwk) for row in rows}
        self._published = [row.public_jwk for row in rows]
        active = next((row for row in rows if row.status is KeyStatus.ACTIVE), None)
        if active is None:
            self._signer = None
        elif self._signer is None or self._signer[0] != active.kid:
            private = _open(self._secret, active)
            self._signer = None if private is None else (active.kid, private)


async def ensure_keys(system: Database, secret: str) -> None:
    """Create the keys of a new installation. Safe to run twice and beside itself."""
    async with system.read(None) as tx:
        rows = await repository.signing_keys(tx)
    ready = {row.status for row in rows if _open(secret, row) is not None}
    if not {KeyStatus.ACTIVE, KeyStatus.NEXT} <= ready:
        await _arrange(system, secret, advance=False)


async def rotate(system: Database, secret: str) -> str:
    """Let the next key sign from now on, publish a new next one, and return the id of the one that signs."""
    return await _arrange(system, secret, advance=True)


async def rotate_keys(settings: Settings) -> str:
    """`rotate` for a command: opens and closes its own connection."""
    system = Database(role_url(settings, SYSTEM_ROLE), pool_size=1, name="vq keys")
    try:
        return await rotate(system, settings.secret)
    finally:
        await system.dispose()


async def _arrange(system: Database, secret: str, *, advance: bool) -> str:
    # Two at most are needed. Made beforehand, because it takes a while and nothing slow happens in a block.
    spare = [await asyncio.to_thread(_generate) for _ in range(2)]
    async with system.write(None) as tx:
        await repository.lock_keys(tx)
        rows = await repository.signing_keys(tx)
        for row in rows:
            if row.status is not KeyStatus.RETIRED and _open(secret, row) is None:
                logger.warning("A signing key cannot be opened with this VQ_SECRET_KEY; it is replaced.")
                _retire(tx, row)
        active, upcoming = _with(rows, KeyStatus.ACTIVE), _with(rows, KeyStatus.NEXT)
        if advance and active is not None:
            _retire(tx, active)
            active = None
        # There is one ACTIVE at most, at every moment: the old one goes first.
        await tx.flush()
        if active is None:
            active, upcoming = upcoming or _new(tx, secret, spare.pop()), None
            active.status, active.activated_at = KeyStatus.ACTIVE, tx.now()
        if upcoming is None:
            _new(tx, secret, spare.pop())
        await tx.flush()
        await repository.drop_keys_retired_before(tx, tx.now() - _KEEP_RETIRED)
        return active.kid


def _generate() -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"use": "sig", "alg": ALGORITHM}, private=True)


def _with(rows: Sequence[SigningKey], status: KeyStatus) -> SigningKey | None:
    return next((row for row in rows if row.status is status), None)


def _retire(tx: WriteTx, row: SigningKey) -> None:
    row.status, row.retired_at = KeyStatus.RETIRED, tx.now()


def _new(tx: WriteTx, secret: str, key: RSAKey) -> SigningKey:
    kid = key.thumbprint()
    row = SigningKey(
        kid=kid,
        algorithm=ALGORITHM,
        public_jwk={**key.as_dict(private=False), "kid": kid},
        private_sealed=encrypt(_sealing_key(secret), key.as_pem(private=True), _binding(kid)),
        status=KeyStatus.NEXT,
        created_at=tx.now(),
    )
    tx.add(row)
    return row


def _open(secret: str, row: SigningKey) -> RSAKey | None:
    try:
        pem = decrypt(_sealing_key(secret), row.private_sealed, _binding(row.kid))
    except InvalidTag:
        return None
    return RSAKey.import_key(pem)


def _sealing_key(secret: str) -> bytes:
    return derive_key(secret, "signing keys")


def _binding(kid: str) -> str:
    return f"signing key {kid}"
