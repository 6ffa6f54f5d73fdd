"""Everybody at once with one code, or from one address: exactly as many get in as may."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.access import service as access
from app.access.addresses import VisitorAddress
from app.access.codes import CodeSigner
from app.access.errors import AccessCodeRefused, AddressLimitReached, CodeRefusal
from app.core.actor import ANONYMOUS
from app.core.db import Database
from app.core.db.engine import constraint_name
from app.core.db.urls import APP_ROLE, role_url
from app.core.ids import Ref, decode
from app.sessions import joins, service
from app.sessions.joins import Join, JoinRequest
from app.sessions.models import Joined, Session
from tests.access.helpers import codes, coming_from, join
from tests.support.api import Api, Business
from tests.support.contenders import all_at_once
from tests.support.queue_logs import assert_sound, read_queue

AT_ONCE = 50


@pytest.fixture(scope="module")
async def db(api: Api) -> AsyncIterator[Database]:
    """Connections of the contenders: every one of them in a transaction of its own."""
    database = Database(
        role_url(api.runtime.settings, APP_ROLE), secret=api.runtime.settings.secret, pool_size=16, name="contenders"
    )
    yield database
    await database.dispose()


async def code_of(api: Api, business: Business, queue: str, kind: str = "BYPASS", **given: Any) -> tuple[Ref, str, int]:
    """The queue's key, and a code as text and as serial number."""
    ref = decode("Queue", queue)
    (code,) = await codes(business, queue, kind, **given)
    serial = CodeSigner(api.runtime.settings.secret).read(*ref, code["code"])
    assert serial is not None
    return ref, code["code"], serial


async def use_count(db: Database, queue: Ref) -> int:
    async with db.read(queue.tenant_id) as tx:
        (row,) = await tx.rows("select use_count from access_codes where queue_id = $1", queue.id)
    return int(row["use_count"])


@pytest.mark.parametrize("maximum", [1, 7])
async def test_fifty_processes_at_once_on_one_code(api: Api, business: Business, db: Database, maximum: int) -> None:
    queue = await business.queue()
    ref, _, serial = await code_of(api, business, queue, maxUses=maximum)
    request = JoinRequest(ref.id, code=serial)
    answers = await all_at_once(db, ref.tenant_id, [(service.join, request)] * AT_ONCE)
    refused = [answer for answer in answers if isinstance(answer, AccessCodeRefused)]
    assert {one.reason for one in refused} == {CodeRefusal.USED_UP}
    assert len(refused) == AT_ONCE - maximum
    stored = await read_queue(db, ref.tenant_id, ref.id)
    assert len([one for one in stored.sessions if one.access_code_id is not None]) == maximum == len(stored.sessions)
    assert await use_count(db, ref) == maximum
    await assert_sound(api, queue)


async def test_fifty_at_the_door_together_on_one_code(api: Api, business: Business) -> None:
    """Decided in one transaction: the first in order of coming."""
    queue = await business.queue()
    ref, text, _ = await code_of(api, business, queue, "BYPASS")
    answers = await asyncio.gather(*(join(api.anonymous, queue, accessCode=text) for _ in range(AT_ONCE)))
    assert Counter(answer["__typename"] for answer in answers) == {
        "QueueJoinSuccess": 1,
        "AccessCodeRefusedError": AT_ONCE - 1,
    }
    assert await use_count(api.runtime.dbs.app, ref) == 1
    await assert_sound(api, queue)


async def test_fifty_who_wait_bring_one_code_at_once(api: Api, business: Business, db: Database) -> None:
    queue = await business.queue()
    ref, text, _ = await code_of(api, business, queue, "PRIORITY", priority=5)
    waiting = await all_at_once(db, ref.tenant_id, [(service.join, JoinRequest(ref.id))] * AT_ONCE)
    signer = CodeSigner(api.runtime.settings.secret)
    answers = await all_at_once(
        db, ref.tenant_id, [(service.use_code, session.id, signer, text) for session in waiting]
    )
    moved = [answer for answer in answers if isinstance(answer, Session)]
    assert len(moved) == 1
    assert len([answer for answer in answers if isinstance(answer, AccessCodeRefused)]) == AT_ONCE - 1
    stored = await read_queue(db, ref.tenant_id, ref.id)
    assert [one.id for one in stored.sessions if one.priority == 5] == [moved[0].id]
    assert await use_count(db, ref) == 1
    await assert_sound(api, queue)


async def test_a_revocation_lets_nobody_in_after_it(api: Api, business: Business, db: Database) -> None:
    """Whoever got in holds a use that was counted, and none was counted for whoever did not."""
    queue = await business.queue()
    ref = decode("Queue", queue)
    (code,) = await codes(business, queue, maxUses=None)
    serial = CodeSigner(api.runtime.settings.secret).read(*ref, code["code"])
    verbs: list[tuple[Any, ...]] = [(service.join, JoinRequest(ref.id, code=serial)) for _ in range(AT_ONCE)]
    verbs.insert(AT_ONCE // 2, (access.revoke_codes, ref.id, [decode("AccessCode", code["id"]).id]))
    answers = await all_at_once(db, ref.tenant_id, verbs)
    let_in = [answer for answer in answers if isinstance(answer, Session)]
    refused = [answer for answer in answers if isinstance(answer, AccessCodeRefused)]
    assert len(let_in) + len(refused) == AT_ONCE
    async with db.read(ref.tenant_id) as tx:
        (row,) = await tx.rows("select use_count, revoked_at from access_codes where queue_id = $1", ref.id)
    assert row["use_count"] == len(let_in)
    assert all(session.joined_at < row["revoked_at"] for session in let_in)
    await assert_sound(api, queue)


async def test_fifty_processes_at_once_from_one_address(api: Api, business: Business, db: Database) -> None:
    queue = await business.queue(maxPlacesPerAddress=3)
    ref = decode("Queue", queue)
    address = VisitorAddress("203.0.113.7", api.runtime.settings.secret)

    async def come(tx: Any) -> Any:
        (answer,) = await joins.join_all(tx, ref.id, [Join(JoinRequest(ref.id), ANONYMOUS, address=address)])
        return answer

    answers = await all_at_once(db, ref.tenant_id, [(come,)] * AT_ONCE)
    assert len([answer for answer in answers if isinstance(answer, Joined)]) == 3
    assert len([answer for answer in answers if isinstance(answer, AddressLimitReached)]) == AT_ONCE - 3
    assert len((await read_queue(db, ref.tenant_id, ref.id)).sessions) == 3
    await assert_sound(api, queue)


async def test_fifty_at_the_door_together_from_one_address(api: Api, business: Business) -> None:
    queue = await business.queue(maxPlacesPerAddress=3)
    async with coming_from(api, "2001:db8::1") as one, coming_from(api, "2001:db8::2") as other:
        answers = await asyncio.gather(*(join([one, other][number % 2], queue) for number in range(AT_ONCE)))
    assert Counter(answer["__typename"] for answer in answers) == {
        "QueueJoinSuccess": 3,
        "AddressLimitReachedError": AT_ONCE - 3,
    }
    await assert_sound(api, queue)


async def test_the_database_refuses_a_use_too_many(api: Api, business: Business) -> None:
    """Should a bug count twice."""
    queue = await business.queue()
    ref, _, _ = await code_of(api, business, queue)
    with pytest.raises(IntegrityError) as refused:
        async with api.runtime.dbs.app.write(ref.tenant_id) as tx:
            await tx.rows("update access_codes set use_count = 2 where queue_id = $1", ref.id)
    assert constraint_name(refused.value) == "access_codes_uses_check"
