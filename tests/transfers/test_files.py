"""Files: whole or not at all, sealed, counted, fetched by a link that ends, and nobody else's."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from cryptography.exceptions import InvalidTag

from app.core.db import Databases
from app.core.errors import NotFound
from app.core.ids import parse
from app.tenants.errors import LimitReached
from app.transfers import files, repository
from app.transfers.models import File
from tests.audit.conftest import Tamper, tamper
from tests.support.api import Api, Business

__all__ = ["tamper"]

SECRET = b"the canary sings; "
# Three portions and a bit.
CONTENT = SECRET * (3 * files.PORTION_BYTES // len(SECRET) + 100)


@pytest.fixture
def dbs(api: Api) -> Databases:
    return api.runtime.dbs


@pytest.fixture
async def tenant_id(business: Business) -> UUID:
    tenant = await business.admin("query($s: String!) { tenant(slug: $s) { id } }", s=business.slug)
    return parse(tenant["id"])[1].tenant_id


async def stored(dbs: Databases, tenant_id: UUID, name: str = "été.csv", *, personal: bool = False) -> File:
    """A finished file that was made in pieces of an odd length, each in a block of its own."""
    async with dbs.app.write(tenant_id) as tx:
        ends_at = tx.now() + timedelta(days=7)
        file = await files.create(tx, name=name, media_type="text/csv", expires_at=ends_at, personal=personal)
    for start in range(0, len(CONTENT), 700_001):
        async with dbs.app.write(tenant_id) as tx:
            await files.append(tx, file.id, CONTENT[start : start + 700_001])
    async with dbs.app.write(tenant_id) as tx:
        return await files.finish(tx, file.id)


def path(api: Api, file: File, lifetime: timedelta = files.LINK_LIFETIME) -> str:
    link = files.link(api.runtime.settings, file, api.runtime.clock.now(), lifetime)
    assert link is not None
    return urlsplit(link).path


async def fetched(api: Api, file: File) -> httpx.Response:
    return await api.http.get(path(api, file))


async def test_a_link_gives_the_whole_file(api: Api, dbs: Databases, tenant_id: UUID) -> None:
    response = await fetched(api, await stored(dbs, tenant_id))
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A9t%C3%A9.csv"
    assert response.headers["content-type"].startswith("text/csv")
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_a_link_is_good_for_its_file_and_for_a_while(api: Api, dbs: Databases, tenant_id: UUID) -> None:
    file, now = await stored(dbs, tenant_id), api.runtime.clock.now()
    good = path(api, file)
    forged = good[:-2] + ("AA" if not good.endswith("AA") else "BB")
    old = files.link(api.runtime.settings, file, now - files.LINK_LIFETIME * 2)
    assert old is not None
    for bad in (forged, urlsplit(old).path, f"{files.PATH}/x", f"{files.PATH}/é"):
        assert (await api.http.get(bad)).status_code == 404, bad
    # Nothing outlives the file, however long a link was to be good; and there is none for what is over.
    assert path(api, file, timedelta(days=365)) == path(api, file, file.expires_at - now + timedelta(minutes=5))
    assert files.link(api.runtime.settings, file, file.expires_at) is None


async def test_what_is_not_finished_is_no_file(api: Api, dbs: Databases, tenant_id: UUID) -> None:
    async with dbs.app.write(tenant_id) as tx:
        ends_at = tx.now() + timedelta(days=7)
        file = await files.create(tx, name="half", media_type="text/csv", expires_at=ends_at, personal=False)
        await files.append(tx, file.id, CONTENT)
    now = api.runtime.clock.now()
    assert files.link(api.runtime.settings, file, now) is None
    file.finished_at = now
    assert (await fetched(api, file)).status_code == 404
    finished = await stored(dbs, tenant_id)
    for verb in (lambda tx: files.append(tx, finished.id, b"more"), lambda tx: files.finish(tx, finished.id)):
        with pytest.raises(NotFound):
            async with dbs.app.write(tenant_id) as tx:
                await verb(tx)


async def test_it_lies_sealed(dbs: Databases, tenant_id: UUID, tamper: Tamper) -> None:
    file = await stored(dbs, tenant_id)
    rows = await tamper("select content from file_portions where tenant_id = $1 order by number", tenant_id)
    contents = [bytes(row[0]) for row in rows]
    assert [len(content) <= files.PORTION_BYTES + 28 for content in contents] == [True] * file.portions
    assert SECRET not in b"".join(contents)
    assert sum(map(len, contents)) == file.size > file.length == len(CONTENT)
    # A portion that was put elsewhere does not open.
    await tamper(
        "update file_portions set content = (select content from file_portions where tenant_id = $1 and number = 2)"
        " where tenant_id = $1 and number = 1",
        tenant_id,
    )
    with pytest.raises(InvalidTag):
        _ = [piece async for piece in files.contents(dbs.app, file)]


async def test_files_have_the_room_the_tenant_has(dbs: Databases, tenant_id: UUID, tamper: Tamper) -> None:
    await tamper(
        "update tenants set limits = limits || jsonb_build_object('storage_megabytes', 3) where id = $1", tenant_id
    )
    first = await stored(dbs, tenant_id)
    with pytest.raises(LimitReached) as refused:
        await stored(dbs, tenant_id)
    assert (refused.value.limit, refused.value.maximum) == ("storageMegabytes", 3)
    async with dbs.app.read(tenant_id) as tx:
        assert first.size < await files.stored_bytes(tx) <= 3 * files.MEGABYTE
    async with dbs.app.write(tenant_id) as tx:
        await files.destroy(tx, first.id)
    async with dbs.app.write(tenant_id) as tx:
        whole = await files.store(
            tx,
            name="report.pdf",
            media_type="application/pdf",
            expires_at=tx.now() + timedelta(days=1),
            personal=False,
            content=b"%PDF",
        )
    assert (whole.portions, whole.length) == (1, 4)


async def test_another_business_has_no_such_file(api: Api, dbs: Databases, tenant_id: UUID) -> None:
    file = await stored(dbs, tenant_id)
    other = await api.new_business()
    theirs = await other.admin("query($s: String!) { tenant(slug: $s) { id } }", s=other.slug)
    other_id = parse(theirs["id"])[1].tenant_id
    for verb in (files.fetch, files.finish):
        with pytest.raises(NotFound):
            async with dbs.app.write(other_id) as tx:
                await verb(tx, file.id)
    async with dbs.app.write(other_id) as tx:
        await files.destroy(tx, file.id)
    assert (await fetched(api, file)).status_code == 200


async def test_what_has_expired_is_gone(api: Api, dbs: Databases, tenant_id: UUID, tamper: Tamper) -> None:
    file, kept = await stored(dbs, tenant_id), await stored(dbs, tenant_id)
    await tamper("update files set expires_at = now() - interval '1 second' where id = $1", file.id)
    assert (await fetched(api, file)).status_code == 404
    async with dbs.system.write(None) as tx:
        while await repository.delete_expired_files(tx, tx.now(), limit=500):
            pass
    rows = await tamper("select distinct file_id from file_portions where tenant_id = $1", tenant_id)
    assert [row[0] for row in rows] == [kept.id]


async def test_each_fetch_stands_in_the_log(api: Api, business: Business, dbs: Databases, tenant_id: UUID) -> None:
    file = await stored(dbs, tenant_id)
    await fetched(api, file)
    rows = await business.admin(
        "{ auditEntries(first: 100) { edges { node { type actor { kind } data } } } }",
    )
    told = [(edge["node"]["type"], edge["node"]["actor"]["kind"]) for edge in rows["edges"]]
    assert [each for each in told if each[0].startswith("FILE_")] == [
        ("FILE_DOWNLOADED", "ANONYMOUS"),
        ("FILE_STORED", "SYSTEM"),
    ]
