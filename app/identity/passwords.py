"""Passwords: what is accepted, hashing and checking. Slow on purpose, so it runs beside the loop, and before any block.

argon2id is written; bcrypt is accepted, as imports bring it, and replaced when its owner next signs in.
"""

import asyncio
import unicodedata
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NewType

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from app.identity.errors import WeakPassword

HashedPassword = NewType("HashedPassword", str)

MIN_LENGTH = 8
MAX_LENGTH = 128
# bcrypt reads no more; hashes that are imported were made of what it read.
_BCRYPT_BYTES = 72

# OWASP's floor: 19 MiB, 2 passes; 27 ms here.
_argon2 = Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1)
_hasher = PasswordHash((_argon2, BcryptHasher()))
# As many at once as may take memory and cores from everybody else: the pool is the semaphore.
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")

# Checked in place of an account's hash where there is no account, so that the answer takes as long. Nobody's password:
# what was hashed is 32 random bytes that were thrown away. A test fails if the parameters above leave it behind.
NOBODYS_HASH = HashedPassword(
    "$argon2id$v=19$m=19456,t=2,p=1$deMASFkiS7VkaeUu2c6hKw$Yh68nygCOyzt56FKl6XoOPTJHJdxVDKQlfXAvH+/Obw"
)
# What accounts have in place of a password that was never set. When the one above changes, the former goes on here.
_NOBODYS = frozenset({NOBODYS_HASH})

# The most used of leaked passwords that are long enough to pass otherwise.
_MOST_USED = """
12345678 123456789 1234567890 12345678910 0123456789 87654321 987654321 9876543210 11223344 1q2w3e4r 1q2w3e4r5t
1qaz2wsx qwerty123 qwertyui qwertyuiop qwerty12 qwerty1234 asdfghjk asdfghjkl zxcvbnm1 q1w2e3r4 a1b2c3d4 abc12345
abcd1234 abcdefgh abcdefg1 password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword
pa55word letmein1 letmein123 welcome1 welcome123 iloveyou iloveyou1 sunshine sunshine1 princess princess1 football
football1 baseball baseball1 superman superman1 starwars whatever trustno1 computer internet michelle jennifer
administrator admin123 admin1234 changeme changeme1 changeit default1 secret123 test1234 testtest monkey123
dragon123 master123 shadow123
"""
_COMMON = frozenset(_MOST_USED.split())


class _UnreadableError(ValueError):
    """Text that cannot be encoded, such as half a surrogate pair."""


async def hash_new(password: str, *known_words: str) -> HashedPassword:
    """Check a password that is being set, and hash it. `known_words` (e-mail, name, slug) must not be it.

    Raises `WeakPassword`.
    """
    ensure_strong(password, *known_words)
    return await hash_set(password)


async def hash_set(password: str) -> HashedPassword:
    """Hash a password the operator has decided on, such as the demo users'."""
    return await asyncio.get_running_loop().run_in_executor(_pool, _hash, password)


async def verify(
    password: str, stored: HashedPassword, other_kinds: Collection[str] = ()
) -> tuple[bool, HashedPassword | None]:
    """Whether it is the password, and the hash to store instead where the stored one is of an older kind.

    A hash of each of the other kinds is computed as well: it takes as long whichever the stored one is.
    """
    nobodys = [NOBODYS_HASH, *map(_nobodys, other_kinds)]
    beside = {kind_of(hashed): hashed for hashed in nobodys if kind_of(hashed) != kind_of(stored)}
    return await asyncio.get_running_loop().run_in_executor(_pool, _verify_all, password, stored, [*beside.values()])


def kind_of(stored: str) -> str:
    """Algorithm and parameters, e.g. `$2b$12$`: what decides how long checking takes."""
    return stored[:7] if BcryptHasher.identify(stored) else stored.rsplit("$", 2)[0]


def is_anybodys(stored: str) -> bool:
    """Whether somebody knows the password: who came by a provider has none, until they set one."""
    return stored not in _NOBODYS


def ensure_strong(password: str, *known_words: str) -> None:
    """`WeakPassword` unless it is 8 to 128 characters and none of the first that anybody would try."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    try:
        folded = _normal(password).decode().casefold()
    except _UnreadableError:
        raise WeakPassword("The password has characters that are not text.") from None
    if len(set(folded)) < 3 or folded in _COMMON:
        raise WeakPassword("This is one of the passwords that are tried first.")
    guesses = {part for word in known_words for part in (word.casefold(), word.casefold().partition("@")[0])}
    if folded in guesses:
        raise WeakPassword("The password must not be your name, e-mail address or business.")


def _normal(password: str) -> bytes:
    # The same letters typed on another keyboard may arrive composed differently.
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        raise _UnreadableError from None


def _hash(password: str) -> HashedPassword:
    return HashedPassword(_argon2.hash(_normal(password)))


def _nobodys(kind: str) -> HashedPassword:
    """A hash of this kind that is nobody's password."""
    if kind.startswith("$2"):
        return HashedPassword(f"{kind}{'.' * 22}{'.' * 31}")
    salt, digest = NOBODYS_HASH.rsplit("$", 2)[1:]
    return HashedPassword(f"{kind}${salt}${digest}")


def _verify_all(
    password: str, stored: HashedPassword, beside: Sequence[HashedPassword]
) -> tuple[bool, HashedPassword | None]:
    verified = _verify(password, stored)
    for each in beside:
        _verify(password, each)
    return verified


def _verify(password: str, stored: HashedPassword) -> tuple[bool, HashedPassword | None]:
    try:
        given = _normal(password)
        imported = BcryptHasher.identify(stored)
        if not _hasher.verify(given[:_BCRYPT_BYTES] if imported else given, stored):
            return False, None
    except (_UnreadableError, UnknownHashError, ValueError):
        # Nothing anybody could have set (bcrypt takes no NUL, for one).
        return False, None
    return True, _hash(password) if imported or _argon2.check_needs_rehash(stored) else None
