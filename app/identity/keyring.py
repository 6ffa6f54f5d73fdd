"""The keys that sign tokens: created, rotated, published. What a token says is not decided here.

Each purpose (users' access tokens, admission tokens) has keys of its own: a key of one verifies nothing of the other.
Every key is published as NEXT before it signs as ACTIVE, and verifies as RETIRED for as long as anything it signed is
good; a process that meets a key it does not know looks again. So rotation fails no request.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidTag
from joserfc.jwk import KeyParameters, OKPKey, RSAKey

from app.core.crypto import decrypt, derive_key, encrypt
from app.core.db import Database, WriteTx
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.identity import repository
from app.identity.models import KeyPurpose, KeyStatus, SigningKey
from app.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

Algorithm = Literal["RS256", "Ed25519"]
PrivateKey = RSAKey | OKPKey

LONGEST_ADMISSION = timedelta(days=7)
"""No admission token lives longer: what bounds how long the keys that have signed one are published."""

_KID = re.compile(r"[A-Za-z0-9_-]{43}")
# A retired key signs nothing. Longer than what it signed, and the JWKS somebody keeps, can live.
_KEEP_RETIRED: Final = {
    KeyPurpose.ACCESS: timedelta(days=2),
    KeyPurpose.ADMISSION: LONGEST_ADMISSION + timedelta(days=2),
}
# Unknown keys may be made up: looking again is limited, and what all ask at once is asked once.
_LOAD_PAUSE_SECONDS = 0.2
# How long a process may go on signing with a key that another has retired.
_FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its id, and the one algorithm it is used with."""

    kid: str
    algorithm: Algorithm
    key: PrivateKey


class KeyRing:
    """One process's view of the keys. Belongs to the loop that uses it."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret
        self._keys: dict[tuple[KeyPurpose, str], Key] = {}
        self._published: list[dict[str, Any]] = []
        self._signers: dict[KeyPurpose, Key] = {}
        self._loaded_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def signer(self, purpose: KeyPurpose) -> Key:
        """The active key of a purpose, with its private half."""
        await self._load_if_older_than(_FRESH_SECONDS)
        if purpose not in self._signers:
            raise SettingsError("There is no signing key that VQ_SECRET_KEY opens: run `vq seed` or `vq keys rotate`.")
        return self._signers[purpose]

    async def verifier(self, purpose: KeyPurpose, kid: str) -> Key | None:
        """A key of a purpose by id, whatever its status; looked up afresh if it is unknown here."""
        if not _KID.fullmatch(kid):
            return None
        # The first look may have begun before the key was there and be shared with others; the second has not.
        for _ in range(2):
            # A key of the other purpose is known, and no reason to look again.
            if any((each, kid) in self._keys for each in KeyPurpose):
                break
            await self._load()
        return self._keys.get((purpose, kid))

    async def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys of all purposes as a JSON Web Key Set, the next ones included."""
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
        self._keys = {(row.purpose, row.kid): self._keys.get((row.purpose, row.kid)) or _public(row) for row in rows}
        self._published = [row.public_jwk for row in rows]
        before, self._signers = self._signers, {}
        for row in rows:
            if row.status is not KeyStatus.ACTIVE:
                continue
            known = before.get(row.purpose)
            signer = known if known is not None and known.kid == row.kid else _open(self._secret, row)
            if signer is not None:
                self._signers[row.purpose] = signer


def algorithms(settings: Settings) -> Mapping[KeyPurpose, Algorithm]:
    """What new keys of each purpose are made for."""
    return {
        KeyPurpose.ACCESS: settings.access_token_algorithm,
        KeyPurpose.ADMISSION: settings.admission_token_algorithm,
    }


async def ensure_keys(system: Database, settings: Settings) -> None:
    """Create the keys of a new installation. Safe to run twice and beside itself."""
    async with system.read(None) as tx:
        rows = await repository.signing_keys(tx)
    for purpose, algorithm in algorithms(settings).items():
        ready = {
            row.status
            for row in rows
            if row.purpose is purpose and not _is_outdated(row, algorithm) and _unseal(settings.secret, row) is not None
        }
        if not {KeyStatus.ACTIVE, KeyStatus.NEXT} <= ready:
            await _arrange(system, settings.secret, purpose, algorithm, advance=False)


async def rotate(system: Database, settings: Settings, purpose: KeyPurpose) -> Key:
    """Let the next key sign from now on, publish a new next one, and say which one signs."""
    return await _arrange(system, settings.secret, purpose, algorithms(settings)[purpose], advance=True)


async def rotate_keys(settings: Settings, purposes: Sequence[KeyPurpose]) -> dict[KeyPurpose, Key]:
    """`rotate` for a command: opens and closes its own connection."""
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="vq keys")
    try:
        return {purpose: await rotate(system, settings, purpose) for purpose in purposes}
    finally:
        await system.dispose()


async def _arrange(system: Database, secret: str, purpose: KeyPurpose, algorithm: Algorithm, *, advance: bool) -> Key:
    # Two at most are needed. Made beforehand, because it takes a while and nothing slow happens in a block.
    spare = [await asyncio.to_thread(_generate, algorithm) for _ in range(2)]
    async with system.write(None) as tx:
        await repository.lock_keys(tx)
        rows = [row for row in await repository.signing_keys(tx) if row.purpose is purpose]
        for row in rows:
            if row.status is KeyStatus.RETIRED:
                continue
            if _open(secret, row) is None:
                logger.warning("A signing key cannot be opened with this VQ_SECRET_KEY; it is replaced.")
                _retire(tx, row)
            elif not advance and _is_outdated(row, algorithm):
                _retire(tx, row)
        active, upcoming = _with(rows, KeyStatus.ACTIVE), _with(rows, KeyStatus.NEXT)
        if advance and active is not None:
            _retire(tx, active)
            active = None
        # There is one ACTIVE at most, at every moment: the old one goes first.
        await tx.flush()
        if active is None:
            active, upcoming = upcoming or _new(tx, secret, purpose, spare.pop()), None
            active.status, active.activated_at = KeyStatus.ACTIVE, tx.now()
        if upcoming is None:
            _new(tx, secret, purpose, spare.pop())
        await tx.flush()
        await repository.drop_keys_retired_before(tx, purpose, tx.now() - _KEEP_RETIRED[purpose])
        return _public(active)


def _generate(algorithm: Algorithm) -> PrivateKey:
    parameters: KeyParameters = {"use": "sig", "alg": algorithm}
    if algorithm == "Ed25519":
        return OKPKey.generate_key("Ed25519", parameters=parameters, private=True)
    return RSAKey.generate_key(2048, parameters=parameters, private=True)


def _is_outdated(row: SigningKey, algorithm: Algorithm) -> bool:
    """A next key of another algorithm than the one set has signed nothing yet, and is replaced before it does."""
    return row.status is KeyStatus.NEXT and row.algorithm != algorithm


def _with(rows: Sequence[SigningKey], status: KeyStatus) -> SigningKey | None:
    return next((row for row in rows if row.status is status), None)


def _retire(tx: WriteTx, row: SigningKey) -> None:
    row.status, row.retired_at = KeyStatus.RETIRED, tx.now()


def _new(tx: WriteTx, secret: str, purpose: KeyPurpose, key: PrivateKey) -> SigningKey:
    kid = key.thumbprint()
    public = key.as_dict(private=False)
    row = SigningKey(
        kid=kid,
        purpose=purpose,
        algorithm=str(public["alg"]),
        public_jwk={**public, "kid": kid},
        private_sealed=encrypt(_sealing_key(secret), key.as_pem(private=True), _binding(kid)),
        status=KeyStatus.NEXT,
        created_at=tx.now(),
    )
    tx.add(row)
    return row


def _public(row: SigningKey) -> Key:
    kind = OKPKey if row.algorithm == "Ed25519" else RSAKey
    return Key(row.kid, _algorithm(row), kind.import_key(row.public_jwk))


def _open(secret: str, row: SigningKey) -> Key | None:
    if (pem := _unseal(secret, row)) is None:
        return None
    # Some 80 ms for RSA, whose numbers are checked.
    kind = OKPKey if row.algorithm == "Ed25519" else RSAKey
    return Key(row.kid, _algorithm(row), kind.import_key(pem))


def _unseal(secret: str, row: SigningKey) -> bytes | None:
    try:
        return decrypt(_sealing_key(secret), row.private_sealed, _binding(row.kid))
    except InvalidTag:
        return None


def _algorithm(row: SigningKey) -> Algorithm:
    return "Ed25519" if row.algorithm == "Ed25519" else "RS256"


def _sealing_key(secret: str) -> bytes:
    return derive_key(secret, "signing keys")


def _binding(kid: str) -> str:
    return f"signing key {kid}"
