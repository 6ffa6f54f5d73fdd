"""Bringing people over from another system, with the password hashes it has kept. Sends nothing to anybody.

A hash is good as it is (bcrypt, argon2id) and is replaced by one of ours when its owner first signs in. Who comes
without one has no password, and sets it with `passwordRequestReset`.
"""

import re
from collections.abc import Mapping

from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.identity import repository as users
from app.identity import rules
from app.identity import service as user_service
from app.identity.models import Role, User
from app.identity.passwords import NOBODYS_HASH, HashedPassword, is_anybodys, kind_of
from app.identity.service import NewUser

COLUMNS = (
    "email",
    "password_hash",
    "role",
    "username",
    "first_name",
    "last_name",
    "phone",
    "email_verified",
)
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)
# Checking one must not hold up everybody else who signs in.
_MOST_BCRYPT_ROUNDS = 14
_MOST_ARGON2_KIB, _MOST_ARGON2_PASSES = 262_144, 10
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no"})


def hash_as_brought(text: str) -> HashedPassword:
    """A hash another system has kept. `InvalidInput` for what cannot be checked, or not in good time."""
    bcrypt, argon2 = _BCRYPT.fullmatch(text), _ARGON2.fullmatch(text)
    if bcrypt is not None and 4 <= int(bcrypt[1]) <= _MOST_BCRYPT_ROUNDS:
        return HashedPassword(text)
    if argon2 is not None and int(argon2[1]) <= _MOST_ARGON2_KIB and int(argon2[2]) <= _MOST_ARGON2_PASSES:
        return HashedPassword(text)
    raise InvalidInput(
        "password_hash",
        f"Not a bcrypt hash of 4 to {_MOST_BCRYPT_ROUNDS} rounds, nor an argon2id one of at most "
        f"{_MOST_ARGON2_KIB // 1024} MiB and {_MOST_ARGON2_PASSES} passes.",
    )


def read(line: Mapping[str, str]) -> NewUser:
    """A person from a line of the file, by the names of its columns. `InvalidInput`."""
    given = {name: (line.get(name) or "").strip() for name in COLUMNS}
    role = given["role"].upper() or Role.CUSTOMER.value
    if role not in set(Role) or role == Role.SUPER_ADMIN:
        raise InvalidInput("role", "The role is CUSTOMER (if none is given), STAFF, MANAGER or ADMIN.")
    if given["email_verified"].lower() not in _TRUE | _FALSE:
        raise InvalidInput("email_verified", "Write `true`, `false` or nothing.")
    return NewUser(
        email=rules.email(given["email"]),
        password=hash_as_brought(given["password_hash"]) if given["password_hash"] else NOBODYS_HASH,
        role=Role(role),
        username=given["username"] or None,
        first_name=given["first_name"] or None,
        last_name=given["last_name"] or None,
        phone=given["phone"] or None,
        email_verified=given["email_verified"].lower() in _TRUE,
    )


async def bring(tx: WriteTx, new: NewUser) -> User | None:
    """Make the account; None if the tenant has one with this address, which stays as it is.

    Raises `InvalidInput`, `UsernameTaken`, `LimitReached`.
    """
    if await users.by_email(tx, new.email) is not None:
        return None
    if is_anybodys(new.password):
        await users.note_imported_hash(tx, kind_of(new.password))
    return await user_service.create(tx, new)
