"""People brought over from another system keep their passwords; what is wrong with a line keeps no other out."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from app.cli import main
from app.core.errors import InvalidInput
from app.identity import passwords, repository
from app.identity.accounts.imports import bring, hash_as_brought, read
from app.identity.errors import InvalidCredentials
from app.identity.logins import Source, sign_in
from app.identity.models import Role, User
from app.identity.passwords import NOBODYS_HASH, HashedPassword, is_anybodys, kind_of
from app.identity.proofs import Credentials
from app.identity.repository_upkeep import delete_expired
from tests.accounts.people import new_address
from tests.identity.house import Business, House

PASSWORD = "as it was over there"
# Always the same, because tests are named after it.
_BCRYPT = BcryptHasher(rounds=4).hash(PASSWORD, salt=b"$2b$04$R8DbOupu0UeFzEY7G2LGgO")
_ARGON2 = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD, salt=b"sixteen bytes it")


async def stored(house: House, shop: Business, email: str) -> User:
    """A user's row."""
    async with house.dbs.app.read(shop.id) as tx:
        found = await repository.by_email(tx, email)
    assert found is not None
    return found


@pytest.mark.parametrize("brought", [_BCRYPT, _ARGON2], ids=["bcrypt", "argon2id"])
async def test_a_hash_that_was_brought_is_good_and_replaced_at_the_first_sign_in(house: House, brought: str) -> None:
    shop, email = await house.business(), new_address()
    async with house.dbs.system.write(shop.id) as tx:
        assert await bring(tx, read({"email": email, "password_hash": brought})) is not None
    assert (await stored(house, shop, email)).password_hash == brought
    tokens = house.authenticator.tokens
    with pytest.raises(InvalidCredentials):
        await sign_in(house.dbs, tokens, Credentials(shop.tenant.slug, email, "another"), Source())
    assert (await stored(house, shop, email)).password_hash == brought
    for _ in range(2):
        await sign_in(house.dbs, tokens, Credentials(shop.tenant.slug, email, PASSWORD), Source())
    assert (await stored(house, shop, email)).password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        _BCRYPT.replace("$04$", "$20$"),
        _BCRYPT.replace("$04$", "$03$"),
        _BCRYPT[:-1],
        _BCRYPT + "\n",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43,
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43,
        "$argon2id$v=19$m=8,t=99,p=1$c29tZXNhbHRzb21l$" + "A" * 43,
    ],
)
def test_what_cannot_be_checked_in_good_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        hash_as_brought(text)


@pytest.mark.parametrize(
    "line",
    [
        {"email": "no address"},
        {"email": "a@b.example", "role": "SUPER_ADMIN"},
        {"email": "a@b.example", "role": "CLERK"},
        {"email": "a@b.example", "email_verified": "perhaps"},
        {"email": "a@b.example", "password_hash": "x"},
    ],
)
def test_a_wrong_line_is_refused(line: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        read(line)


def test_a_line_may_leave_out_all_but_the_address() -> None:
    new = read({"email": " A@B.Example ", "first_name": " "})
    assert (new.email, new.role, new.email_verified, new.first_name) == ("a@b.example", Role.CUSTOMER, False, None)
    assert not is_anybodys(new.password)


async def test_by_command(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, known, new = await house.business(), new_address(), new_address()
    for name, value in {
        "VQ_DATABASE_URL": house.settings.database_url,
        "VQ_REDIS_URL": house.settings.redis_url,
        "VQ_SECRET_KEY": house.settings.secret,
    }.items():
        monkeypatch.setenv(name, str(value))
    file = tmp_path / "people.csv"
    file.write_text(
        "\ufeffemail,password_hash,role,email_verified,last_name\r\n"
        f"{known},{_BCRYPT},STAFF,true,Möller\r\nnobody,,,,\r\n{new},,,,\r\n",
        encoding="utf-8",
    )
    command = ["users", "import", str(file), "--tenant", shop.tenant.slug]
    assert await asyncio.to_thread(main, command) == 1
    said = capsys.readouterr()
    assert said.out == "2 accounts made, 0 were there, 1 lines refused.\n"
    assert said.err.startswith("line 3: email: ")
    user = await stored(house, shop, known)
    assert (user.role, user.last_name, user.email_verified) == (Role.STAFF, "Möller", True)
    assert await asyncio.to_thread(main, command) == 1
    assert capsys.readouterr().out == "0 accounts made, 2 were there, 1 lines refused.\n"
    for wrong in (["--tenant", "no-such-business"], ["--tenant", shop.tenant.slug]):
        path = file if wrong[1] != shop.tenant.slug else tmp_path / "missing.csv"
        assert await asyncio.to_thread(main, ["users", "import", str(path), *wrong]) == 1


async def test_a_sign_in_takes_everybody_the_same_work_wherever_somebody_was_imported(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    check = passwords._verify

    def counted(password: str, stored: HashedPassword) -> tuple[bool, HashedPassword | None]:
        computed.append(kind_of(stored))
        return check(password, stored)

    monkeypatch.setattr(passwords, "_verify", counted)
    shop, email = await house.business(), new_address()
    ours = kind_of(NOBODYS_HASH)

    async def work(email: str, password: str = "another") -> list[str]:
        computed.clear()
        with suppress(InvalidCredentials):
            await sign_in(
                house.dbs, house.authenticator.tokens, Credentials(shop.tenant.slug, email, password), Source()
            )
        return sorted(computed)

    assert await work(shop.admin.email) == await work(new_address()) == [ours]
    async with house.dbs.system.write(shop.id) as tx:
        for address, brought in ((email, _BCRYPT), (new_address(), _ARGON2), (new_address(), "")):
            await bring(tx, read({"email": address, "password_hash": brought}))
    everything = sorted([ours, "$2b$04$", "$argon2id$v=19$m=8,t=1,p=1"])
    assert await work(email) == await work(shop.admin.email) == await work(new_address()) == everything
    await work(email, PASSWORD)
    await delete_expired(house.dbs.system)
    assert await work(email) == await work(new_address()) == sorted([ours, "$argon2id$v=19$m=8,t=1,p=1"])
