"""Passwords: what is refused, and that what is stored can be checked and is renewed."""

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from app.identity import passwords
from app.identity.errors import WeakPassword
from app.identity.passwords import NOBODYS_HASH, HashedPassword, ensure_strong, hash_new, verify


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short77",
        "x" * 129,
        "aaaaaaaaaa",
        "abababababab",
        "password",
        "PassWord123",
        "qwertyuiop",
        "half \ud800 pair",
    ],
)
def test_weak_passwords(password: str) -> None:
    with pytest.raises(WeakPassword):
        ensure_strong(password)


@pytest.mark.parametrize("password", ["ada@shop.example", "ADA@shop.example", "ada.lovelace", "corner-shop"])
def test_what_everybody_knows_of_one_is_no_password(password: str) -> None:
    with pytest.raises(WeakPassword):
        ensure_strong(password, "ada@shop.example", "ada.lovelace@shop.example", "corner-shop")


@pytest.mark.parametrize(
    "password", ["demo-password", "correct horse battery", "пароль-длинный", "x1y2z3w4", "nul\x00nul nul"]
)
async def test_what_is_hashed_can_be_checked(password: str) -> None:
    stored = await hash_new(password)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await verify(password, stored) == (True, None)
    assert await verify(password + "x", stored) == (False, None)


async def test_the_same_letters_composed_otherwise_are_the_same_password() -> None:
    assert await verify("Zu\u0308rich-West", await hash_new("Z\u00fcrich-West")) == (True, None)


async def test_imported_bcrypt_is_replaced_and_reads_what_bcrypt_read() -> None:
    long = "a long pass phrase that is longer than the seventy-two bytes bcrypt looks at, by far"
    stored = HashedPassword(BcryptHasher(rounds=4).hash(long.encode()[:72]))
    right, better = await verify(long, stored)
    assert right
    assert better is not None
    assert better.startswith("$argon2id$")
    # From now on all of it counts.
    assert await verify(long, better) == (True, None)
    assert await verify(long[:-1], better) == (False, None)
    assert await verify("wrong", stored) == (False, None)


async def test_hashes_with_weaker_parameters_are_replaced() -> None:
    stored = HashedPassword(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse"))
    right, better = await verify("correct horse", stored)
    assert right
    assert better is not None
    assert await verify("correct horse", better) == (True, None)


@pytest.mark.parametrize("stored", ["", "plain", "$1$md5$crypt", "$argon2id$broken", "$2b$04$short"])
async def test_an_unreadable_hash_is_nobodys_password(stored: str) -> None:
    assert await verify("anything", HashedPassword(stored)) == (False, None)


async def test_the_hash_for_unknown_accounts_costs_what_a_real_one_does() -> None:
    real = await hash_new("correct horse battery")
    assert NOBODYS_HASH.split("$")[:4] == real.split("$")[:4]
    assert not passwords._argon2.check_needs_rehash(NOBODYS_HASH)
    assert await verify("", NOBODYS_HASH) == (False, None)
