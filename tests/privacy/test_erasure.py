"""Erasing one person: nothing says any more who it was, the counts stay, and it may happen twice and be interrupted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlmodel import select

from app.audit.verification import verify
from app.core.events.reactions import Fact, jobs_owed
from app.core.events.seals import sealing_key
from app.core.ids import new_id, parse
from app.identity.errors import InvalidCredentials
from app.identity.logins import sign_in
from app.identity.proofs import UNKNOWN, Credentials
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.privacy.models import PrivacyRequest, PrivacyRequestStatus
from app.privacy.repository import lock
from app.privacy.tasks import do_request
from app.privacy.work import ERASURE, Person, give_up_export, work
from app.reactions import REACTIONS
from app.settings import Settings
from tests.accounts.people import customer, done, me, open_registration
from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, IDENTIFIER, PHONE, Shop, Tamper
from tests.support.api import PASSWORD, Api, GraphQLFailed


async def everything(tamper: Tamper, tenant_id: UUID) -> dict[str, list[str]]:
    """Every row of the tenant in every table, as text."""
    tables = await tamper(
        "select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
    )
    return {
        row["name"]: [
            found["row"]
            for found in await tamper(
                f"select to_jsonb(t)::text as row from {row['name']} t where tenant_id = $1", tenant_id
            )
        ]
        for row in tables
    }


async def test_nothing_is_held_any_more_and_counts_stay(shop: Shop, tamper: Tamper) -> None:
    before = await shop.business.admin("query($id: ID!) { queue(id: $id) { waitingCount revision } }", id=shop.queue)
    done = await shop.done("PersonErase", email=EMAIL, userIdentifier=IDENTIFIER)
    assert (done["status"], done["doneSteps"], done["totalSteps"]) == ("DONE", len(ERASURE), len(ERASURE))
    assert done["counts"]["users"] == 1
    assert done["counts"]["sessions"] == 1
    assert done["counts"]["lists"] == 1
    for subject in ({"email": EMAIL}, {"phone": PHONE}, {"userIdentifier": IDENTIFIER}):
        again = await shop.done("PersonExport", **subject)
        assert again["counts"] == {}, again
    after = await shop.business.admin("query($id: ID!) { queue(id: $id) { waitingCount revision } }", id=shop.queue)
    assert after == {"waitingCount": before["waitingCount"], "revision": before["revision"] + 1}
    shown = await shop.business.admin(
        "query($id: ID!) { session(id: $id) {"
        " ticketNumber status userIdentifier metadata contact { email phone } notes { text } } }",
        id=shop.jane.id,
    )
    assert (shown["ticketNumber"], shown["status"]) == (shop.jane.ticket, "WAITING")
    assert "anary" not in repr(shown)
    assert shown["notes"] == []
    user = await shop.business.admin(
        "query($id: ID!) { node(id: $id) { ... on User { email firstName phone status } } }", id=shop.account
    )
    assert user["status"] == "INACTIVE"
    assert (user["firstName"], user["phone"]) == (None, None)
    assert user["email"].endswith("@erased.invalid")
    rows = await everything(tamper, shop.tenant_id)
    assert rows["sessions"]
    assert "canary" not in repr(rows).lower()
    assert "23450815" not in repr(rows)


async def test_nothing_that_was_sent_is_left(shop: Shop, tamper: Tamper, api: Api) -> None:
    """Whatever it was about: a sign-in, a forgotten password, an account that is nobody's yet, an invitation."""
    await open_registration(shop.business)
    address = "canary-at-home@mail.example"
    await done(shop.business.admin, "userInvite", email=address)
    await done(shop.business.admin, "userInvite", email="another@mail.example")
    moved = await shop.business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": shop.account, "email": address},
    )
    assert moved["__typename"] == "UserUpdateSuccess"
    customer = await api.sign_in(shop.business.slug, address)
    enrolled = await customer(operation("SecondFactorEnroll"), input={"kind": "EMAIL_CODE"})
    assert enrolled["__typename"] == "SecondFactorEnrollSuccess"
    for mutation in ("passwordRequestReset", "userRegister"):
        await done(api.anonymous, mutation, tenantSlug=shop.business.slug, email=address)
    owed = "select kind from account_messages where tenant_id = $1 order by kind"
    sent = [row["kind"] for row in await tamper(owed, shop.tenant_id)]
    assert sent == ["ALREADY_REGISTERED", "INVITATION", "INVITATION", "RESET_PASSWORD", "SECOND_FACTOR"]
    await shop.done("PersonErase", phone=PHONE)
    assert [row["kind"] for row in await tamper(owed, shop.tenant_id)] == ["INVITATION"]
    assert len((await everything(tamper, shop.tenant_id))["invitations"]) == 1


async def test_nobody_comes_in_while_it_is_deleted(shop: Shop, api: Api) -> None:
    """The account is closed with the first of what is deleted, not behind it."""
    ref = parse(shop.account)[1]
    asked = (await shop.ask("PersonErase", email=EMAIL))["request"]
    async with api.runtime.dbs.system.write(ref.tenant_id) as tx:
        request = await tx.get(PrivacyRequest, parse(asked["id"])[1])
        assert request is not None
        request.user_ids, request.session_ids = [str(ref.id)], []
        await ERASURE["accounts"](tx, Person(request, api.runtime.authenticator.codes))
    with pytest.raises(InvalidCredentials):
        await sign_in(
            api.runtime.dbs,
            api.runtime.authenticator.tokens,
            Credentials(shop.business.slug, EMAIL, PASSWORD),
            UNKNOWN,
        )


async def test_others_keep_theirs(shop: Shop) -> None:
    await shop.done("PersonErase", email=EMAIL, userIdentifier=IDENTIFIER)
    shown = await shop.business.admin(
        "query($id: ID!) { session(id: $id) { userIdentifier contact { email } notes { text } } }", id=shop.stranger.id
    )
    assert shown == {
        "userIdentifier": "somebody else",
        "contact": {"email": "other@mail.example"},
        "notes": [{"text": "another note"}],
    }
    held = await shop.done("PersonExport", userIdentifier="somebody else")
    assert held["counts"]["access_entries"] == 1


async def test_the_account_is_closed(shop: Shop, api: Api) -> None:
    customer = await api.sign_in(shop.business.slug, EMAIL)
    await shop.done("PersonErase", email=EMAIL)
    with pytest.raises(GraphQLFailed) as refused:
        await customer("{ viewer { ... on User { id } } }")
    assert refused.value.code == "UNAUTHENTICATED"
    answer = await api.anonymous(
        "mutation($i: UserLoginInput!) { userLogin(input: $i) { __typename } }",
        i={"tenantSlug": shop.business.slug, "email": EMAIL, "password": "correct horse battery"},
    )
    assert answer == {"__typename": "InvalidCredentialsError"}


async def test_from_where_they_came_is_forgotten_and_the_log_is_whole(
    shop: Shop, tamper: Tamper, migrated_settings: Settings, api: Api
) -> None:
    await shop.business.act("sessionStepBack", shop.jane.id, shop.jane.visitor)
    await shop.done("PersonErase", userIdentifier=IDENTIFIER)
    rows = await tamper(
        "select type, actor, data -> 'session' ->> 'id' as session, address from events where tenant_id = $1"
        " and type in ('SESSION_JOINED', 'SESSION_STEPPED_BACK')",
        shop.tenant_id,
    )
    jane, stranger = (str(parse(each.id)[1].id) for each in (shop.jane, shop.stranger))
    found = {(row["type"], row["session"]): row["address"] for row in rows}
    assert found["SESSION_JOINED", jane] is None
    assert found["SESSION_STEPPED_BACK", jane] is None
    assert found["SESSION_JOINED", stranger] == "127.0.0.1"
    async with asyncio.timeout(10):
        while True:
            verdict = await verify(api.runtime.dbs.system, sealing_key(migrated_settings.secret), shop.tenant_id)
            if verdict.unsealed_count == 0:
                break
            await asyncio.sleep(0.02)
    assert verdict.findings == []


async def test_from_where_an_account_was_opened_is_forgotten(shop: Shop, tamper: Tamper, api: Api) -> None:
    """Nobody had a name yet when that was written down."""
    await open_registration(shop.business)
    ids = {}
    for _ in range(2):
        caller, email = await customer(api, shop.business)
        ids[email] = str(parse((await me(caller))["id"])[1].id)
    erased, kept = ids
    opened = (
        "select aggregate_id::text as id, actor, address from events"
        " where tenant_id = $1 and type = 'USER_CREATED' and aggregate_id::text = any($2::text[])"
    )
    before = await tamper(opened, shop.tenant_id, list(ids.values()))
    assert {(row["actor"], row["address"]) for row in before} == {("ANONYMOUS", "127.0.0.1")}
    await shop.done("PersonErase", email=erased)
    after = {row["id"]: row["address"] for row in await tamper(opened, shop.tenant_id, list(ids.values()))}
    assert after == {ids[erased]: None, ids[kept]: "127.0.0.1"}


async def test_files_made_before_are_destroyed(shop: Shop, api: Api) -> None:
    export = await shop.done("PersonExport", email=EMAIL)
    await shop.done("PersonErase", userIdentifier=IDENTIFIER)
    assert (await api.http.get(export["downloadUrl"])).status_code == 404


async def test_twice_is_once(shop: Shop) -> None:
    done = await shop.done("PersonErase", email=EMAIL)
    assert await shop.do(done) == done
    again = await shop.done("PersonErase", email=EMAIL)
    assert (again["status"], again["counts"]["users"]) == ("DONE", 0)


async def test_what_does_not_open_keeps_nobody_from_being_erased(
    shop: Shop, tamper: Tamper, caplog: pytest.LogCaptureFixture
) -> None:
    """Another's export, one's own telephone number: counted, named in the log, and what there is of it goes."""
    await shop.done("PersonExport", email="other@mail.example")
    session, account = parse(shop.jane.id)[1].id, parse(shop.account)[1].id
    for table, column in (("sessions", "phone"), ("users", "email"), ("privacy_requests", "subject")):
        await tamper(
            f"update {table} set {column}_sealed = overlay({column}_sealed placing '\\x00'::bytea from 20 for 1)"
            " where tenant_id = $1 and (id = any($2) or $3)",
            shop.tenant_id,
            [session, account],
            table == "privacy_requests",
        )
    file = await shop.done("PersonExport", userIdentifier=IDENTIFIER)
    assert (file["status"], file["counts"]["unreadable"]) == ("DONE", 1)
    (held,) = (await shop.file(file))["data"]["sessions"]
    assert (held["email"], held["phone"]) == (EMAIL.title(), None)
    done = await shop.done("PersonErase", userIdentifier=IDENTIFIER, phone=PHONE)
    assert (done["status"], done["counts"]["unreadable"]) == ("DONE", 3)
    assert f"sessions {session}" in caplog.text
    (row,) = await tamper("select phone_sealed from sessions where id = $1", session)
    assert row["phone_sealed"] is None
    assert (await shop.done("PersonExport", userIdentifier=IDENTIFIER))["counts"] == {}


async def test_two_at_once_do_it_once(shop: Shop) -> None:
    asked = (await shop.ask("PersonErase", email=EMAIL, userIdentifier=IDENTIFIER))["request"]
    first, second = await asyncio.gather(shop.do(asked), shop.do(asked))
    assert {first["status"], second["status"]} == {"DONE"}
    assert (first["counts"]["users"], first["counts"]["lists"]) == (1, 1)
    assert second["counts"] == first["counts"]


@asynccontextmanager
async def stopped_before_the_sessions(shop: Shop, settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """An erasure whose worker died when it came to the sessions."""
    asked: dict[str, Any] = (await shop.ask("PersonErase", email=EMAIL, userIdentifier=IDENTIFIER))["request"]
    ref, runtime = parse(asked["id"])[1], shop.business.api.runtime
    steps = list(ERASURE).index("sessions")
    assert settings.database_url is not None
    blocker = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    try:
        held = blocker.transaction()
        await held.start()
        await blocker.fetch("select 1 from sessions where id = $1 for update", parse(shop.jane.id)[1].id)
        worker = asyncio.create_task(work(runtime.dbs.system, runtime.authenticator.codes, *ref))
        async with asyncio.timeout(10):
            # It waits for a row somebody else holds.
            while not await blocker.fetchval(  # noqa: ASYNC110
                "select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
            ):
                await asyncio.sleep(0.01)
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
        half = await shop.look(ref)
        assert (half["status"], half["doneSteps"]) == ("RUNNING", steps)
        await held.rollback()
        yield asked
    finally:
        await blocker.close()


async def test_who_holds_a_session_keeps_no_other_from_being_erased(
    shop: Shop, migrated_settings: Settings, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each portion is a transaction of its own: while the worker waits for one session, it holds no other."""
    monkeypatch.setattr("app.privacy.work._AT_ONCE", 1)
    others = [await shop.business.join(shop.queue, contact={"email": EMAIL}) for _ in range(2)]
    ids = {parse(each.id)[1].id for each in others}
    async with stopped_before_the_sessions(shop, migrated_settings) as asked:
        erased = await tamper(
            "select id from sessions where email_sealed is null and tenant_id = $1 for update nowait", shop.tenant_id
        )
        assert {row["id"] for row in erased} == ids
    done = await shop.do(asked)
    assert (done["status"], done["counts"]["sessions"]) == ("DONE", 3)
    assert (await shop.done("PersonExport", email=EMAIL))["counts"] == {}


async def test_whoever_takes_over_after_a_death_goes_on(shop: Shop, migrated_settings: Settings) -> None:
    async with stopped_before_the_sessions(shop, migrated_settings) as asked:
        done = await shop.do(asked)
    assert (done["status"], done["doneSteps"]) == ("DONE", len(ERASURE))
    # Found by what was erased before, they could not be found any more.
    assert done["counts"]["sessions"] == 1
    assert (await shop.done("PersonExport", userIdentifier=IDENTIFIER))["counts"] == {}


async def test_what_happened_between_a_death_and_the_rest_is_erased_too(
    shop: Shop, migrated_settings: Settings, tamper: Tamper, api: Api
) -> None:
    session, queue = parse(shop.jane.id)[1], parse(shop.queue)[1]
    async with stopped_before_the_sessions(shop, migrated_settings) as asked:
        export = await shop.done("PersonExport", userIdentifier=IDENTIFIER)
        assert (await api.http.get(export["downloadUrl"])).status_code == 200
        await shop.business.act("sessionStepBack", shop.jane.id, shop.jane.visitor)
        async with api.runtime.dbs.system.write(shop.tenant_id) as tx:
            tx.add(
                Notification(
                    tenant_id=shop.tenant_id,
                    id=new_id(),
                    queue_id=queue.id,
                    session_id=session.id,
                    event_id=new_id(),
                    kind=NotificationKind.CALLED,
                    channel=NotificationChannel.EMAIL,
                    recipient=EMAIL,
                    locale="en",
                    subject="It is your turn",
                    body="canary",
                    created_at=tx.now(),
                    due_at=tx.now(),
                )
            )
        await shop.do(asked)
    assert (await api.http.get(export["downloadUrl"])).status_code == 404
    rows = await tamper("select address, type from events where actor = $1", f"VISITOR:{session.id}")
    assert {row["type"]: row["address"] for row in rows}["SESSION_STEPPED_BACK"] is None
    async with api.runtime.dbs.system.read(shop.tenant_id) as read:
        (message,) = (await read.exec(select(Notification).where(Notification.tenant_id == shop.tenant_id))).all()
        assert (message.recipient, message.body) == (f"erased:{message.id}", "")
        # Nobody tries to send it to that.
        assert message.status is NotificationStatus.FAILED


async def test_an_export_that_is_being_written_is_waited_for(shop: Shop, api: Api) -> None:
    export = (await shop.ask("PersonExport", email=EMAIL))["request"]
    erasure = (await shop.ask("PersonErase", userIdentifier=IDENTIFIER))["request"]
    ref = parse(export["id"])[1]
    async with api.runtime.dbs.system.write(shop.tenant_id) as tx:
        found = await lock(tx, ref.id)
        found.user_ids, found.session_ids = [], [str(parse(shop.jane.id)[1].id)]
        found.status = PrivacyRequestStatus.RUNNING
    async with api.runtime.dbs.system.write(shop.tenant_id) as tx:
        writing = await lock(tx, ref.id)
        erasing = asyncio.create_task(shop.do(erasure))
        async with asyncio.timeout(10):
            while (await shop.look(parse(erasure["id"])[1]))["doneSteps"] != len(ERASURE) - 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        writing.content = {"read before": "canary"}
        writing.content_ends_at, writing.status = tx.now() + timedelta(days=1), PrivacyRequestStatus.DONE
        writing.finished_at = tx.now()
    await erasing
    async with api.runtime.dbs.system.read(shop.tenant_id) as read:
        assert (await read.get_one(PrivacyRequest, (shop.tenant_id, ref.id))).content is None


async def test_a_file_that_cannot_be_made_is_given_up_and_an_erasure_never_is(
    shop: Shop, tamper: Tamper, api: Api
) -> None:
    export = parse((await shop.ask("PersonExport", email=EMAIL))["request"]["id"])[1]
    erasure = parse((await shop.ask("PersonErase", email=EMAIL))["request"]["id"])[1]
    for request in (export, erasure):
        await give_up_export(api.runtime.dbs.system, *request)
    assert (await shop.look(export))["status"] == "FAILED"
    (row,) = await tamper("select subject_sealed from privacy_requests where id = $1", export.id)
    assert row["subject_sealed"] is None
    assert (await shop.look(erasure))["status"] == "WAITING"
    assert do_request.max_attempts is None


async def test_staff_with_access_is_not_erased(shop: Shop) -> None:
    answer = await shop.ask("PersonErase", email=f"admin@{shop.business.slug}.example")
    assert answer["__typename"] == "PersonIsStaffError"
    listed = await shop.business.admin(operation("PrivacyRequestList"))
    assert listed["edges"] == []


async def test_who_became_staff_meanwhile_is_not_erased_either(shop: Shop) -> None:
    asked = (await shop.ask("PersonErase", email=EMAIL))["request"]
    raised = await shop.business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": shop.account, "role": "STAFF"},
    )
    assert raised == {"__typename": "UserUpdateSuccess"}
    done = await shop.do(asked)
    assert done["status"] == "FAILED"
    assert "member of staff" in done["failure"]
    assert (await shop.done("PersonExport", email=EMAIL))["counts"]["users"] == 1


@pytest.mark.parametrize("type", ["PERSON_EXPORT_REQUESTED", "PERSON_ERASURE_REQUESTED"])
async def test_asking_owes_the_job(shop: Shop, tamper: Tamper, type: str) -> None:
    asked: dict[str, Any] = await shop.ask("PersonExport" if "EXPORT" in type else "PersonErase", email=EMAIL)
    (row,) = await tamper(
        "select id, tenant_id, aggregate_type, aggregate_id, revision, occurred_at, type, data::text as json,"
        " request_id from events where tenant_id = $1 and type = $2",
        shop.tenant_id,
        type,
    )
    (job,) = jobs_owed(REACTIONS, [Fact(**dict(row))])
    assert job.name == do_request.name
    assert Fact.of(job.args).aggregate_id == parse(asked["request"]["id"])[1].id
    assert "canary" not in repr(job.args)
