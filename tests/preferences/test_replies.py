"""From what a provider hands us to what has happened in the line and the answer that is owed."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select

from app.core.db import Databases
from app.core.events import EventRow
from app.core.events.reactions import Fact
from app.notifications.channels.interface import Inbound
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.notifications.preferences import service as preferences
from app.notifications.replies import service
from app.notifications.replies.models import NotificationReply, ReplyOutcome
from app.notifications.replies.texts import TEXTS, Answer
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.sessions import service as sessions
from app.sessions.models import Session, SessionStatus
from app.sessions.service import JoinRequest
from app.tenants import repository as tenants
from tests.jobs.support import new_tenant
from tests.notifications.world import World

SMS, WHATSAPP = NotificationChannel.SMS, NotificationChannel.WHATSAPP
ANNA, BEN = "+4930901820", "+4930901821"


async def take(
    world: World, text: str, sender: str = ANNA, *, id: str | None = None, channel: NotificationChannel = SMS
) -> bool:
    async with world.dbs.app.write(world.tenant_id) as tx:
        return await service.take(tx, None, Inbound(id or uuid4().hex, channel, sender, text))


async def say(world: World, text: str, sender: str = ANNA, **given: Any) -> list[str]:
    """Hand a reply in and have it answered; the texts that are owed to the sender for it."""
    before = {row.id for row in await answers(world)}
    assert await take(world, text, sender, **given)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.answer_reply":
            await world.runner.run(ref)
    return [row.body for row in await answers(world) if row.id not in before and row.recipient == sender]


async def answers(world: World) -> list[Notification]:
    async with world.dbs.app.read(world.tenant_id) as tx:
        found = await tx.exec(select(Notification).where(Notification.kind == NotificationKind.REPLY))
        return list(found.all())


async def session_of(world: World, session: Session) -> Session:
    async with world.dbs.app.read(world.tenant_id) as tx:
        return (await tx.exec(select(Session).where(Session.id == session.id))).one()


async def line(world: World) -> list[str]:
    """Who waits, in order."""
    async with world.dbs.app.read(world.tenant_id) as tx:
        found = await tx.exec(
            select(Session)
            .where(Session.status == SessionStatus.WAITING)
            .order_by(col(Session.rank_class), col(Session.rank_time), col(Session.rank_sequence))
        )
        return [row.user_identifier or "" for row in found]


async def replies(world: World) -> list[NotificationReply]:
    async with world.dbs.app.read(world.tenant_id) as tx:
        return list((await tx.exec(select(NotificationReply).order_by(col(NotificationReply.received_at)))).all())


def text(answer: Answer, language: str = "en", **values: str) -> str:
    return TEXTS[language][answer].format(**values)


async def test_l_leaves_the_line_as_the_visitor(world: World) -> None:
    anna = await world.join("anna", phone="+49 (30) 90 18 20")
    await world.join("ben", phone=BEN)
    said = await say(world, "L")
    assert said == [text(Answer.LEFT, ticket=anna.ticket_number, queue="Brot & Brötchen")]
    left = await session_of(world, anna)
    assert (left.status, left.cancelled_by) == (SessionStatus.CANCELLED, "VISITOR")
    assert await line(world) == ["ben"]
    async with world.dbs.app.read(world.tenant_id) as tx:
        event = (await tx.exec(select(EventRow).where(EventRow.type == "SESSION_CANCELLED"))).one()
    assert event.actor == f"VISITOR:{anna.id}"
    (reply,) = await replies(world)
    assert (reply.outcome, reply.session_id) == (ReplyOutcome.LEFT, anna.id)
    (owed,) = await answers(world)
    assert (owed.channel, owed.session_id, owed.status) == (SMS, anna.id, NotificationStatus.PENDING)


async def test_m_lets_the_next_three_go_first_or_as_many_as_asked_for(world: World) -> None:
    anna = await world.join("anna", phone=ANNA, locale="de")
    for name in "bcdef":
        await world.join(name)
    assert await say(world, "mehr") == [text(Answer.MOVED_BACK, "de", ticket=anna.ticket_number)]
    assert await line(world) == ["b", "c", "d", "anna", "e", "f"]
    assert await say(world, "M 1") == [text(Answer.MOVED_BACK, "de", ticket=anna.ticket_number)]
    assert await line(world) == ["b", "c", "d", "e", "anna", "f"]
    async with world.dbs.app.write(world.tenant_id) as tx:
        await preferences.set_defaults(tx, {"more_time_places": 1})
    await say(world, "M")
    assert await line(world) == ["b", "c", "d", "e", "f", "anna"]
    assert await say(world, "M") == [text(Answer.NOBODY_BEHIND, "de", ticket=anna.ticket_number)]


async def test_whose_turn_it_is_cannot_step_back_but_leave(world: World) -> None:
    anna = await world.join("anna", phone=ANNA)
    await world.call_next(then=None)
    assert await say(world, "M") == [text(Answer.YOUR_TURN, ticket=anna.ticket_number)]
    assert (await session_of(world, anna)).status is SessionStatus.CALLED
    await say(world, "L")
    assert (await session_of(world, anna)).status is SessionStatus.CANCELLED


async def test_j_joins_again_with_what_was_known_and_once_only(world: World) -> None:
    first = await world.join("anna", phone=ANNA, party_size=3, locale="fr", metadata={"table": 4})
    await world.join("ben")
    await say(world, "L")
    said = await say(world, "J")
    again = next(row for row in await all_sessions(world) if row.phone == ANNA and row.id != first.id)
    assert said == [text(Answer.JOINED, "fr", queue="Brot & Brötchen", ticket=again.ticket_number)]
    assert (again.party_size, again.user_identifier, again.visitor_metadata) == (3, "anna", {"table": 4})
    assert await line(world) == ["ben", "anna"]
    has_place = text(Answer.HAS_PLACE, "fr", queue="Brot & Brötchen", ticket=again.ticket_number)
    assert await say(world, "J") == [has_place]


async def test_two_replies_at_a_time_take_one_place(world: World) -> None:
    """Of somebody whom nothing but the number tells apart."""
    async with world.dbs.app.write(world.tenant_id) as tx:
        await sessions.join(tx, JoinRequest(queue_id=world.queue_id, phone=ANNA))
    await say(world, "L")
    await asyncio.gather(take(world, "J"), take(world, "join"))
    await world.relay_all()
    due = [ref for name, ref in await world._due() if name == "notifications.answer_reply"]
    assert len(due) == 2
    await asyncio.gather(*(world.runner.run(ref) for ref in due))
    assert await line(world) == [""]


async def all_sessions(world: World) -> list[Session]:
    async with world.dbs.app.read(world.tenant_id) as tx:
        return list((await tx.exec(select(Session))).all())


async def test_j_says_why_not(world: World) -> None:
    assert await say(world, "J") == [text(Answer.NOTHING_TO_JOIN)]
    await world.join("anna", phone=ANNA)
    await say(world, "L")
    async with world.dbs.app.write(world.tenant_id) as tx:
        await queues.close(tx, world.queue_id)
    assert await say(world, "J") == [text(Answer.CLOSED, queue="Brot & Brötchen")]
    assert await line(world) == []


async def test_a_day_later_nobody_is_joined_again(world: World) -> None:
    await world.join("anna", phone=ANNA)
    await say(world, "L")
    world.clock.advance(days=1, seconds=1)  # type: ignore[attr-defined]
    assert await say(world, "J") == [text(Answer.NOTHING_TO_JOIN)]


async def test_only_the_senders_own_place_is_touched(world: World) -> None:
    await world.join("anna", phone=ANNA)
    assert await say(world, "L", BEN) == [text(Answer.NO_PLACE)]
    assert await line(world) == ["anna"]


async def test_another_businesss_visitor_is_nobody_here(world: World, dbs: Databases) -> None:
    await world.join("anna", phone=ANNA)
    other = await new_tenant(dbs)
    async with dbs.app.write(other) as tx:
        assert await service.take(tx, None, Inbound("1", SMS, ANNA, "L"))
    await world.relay_all()
    async with dbs.app.read(world.tenant_id) as tx:
        assert (await tx.exec(select(NotificationReply))).all() == []
    assert await line(world) == ["anna"]


async def test_who_has_two_places_is_asked_which(world: World) -> None:
    one, two = await world.join("anna", phone=ANNA), await world.join("child", phone=ANNA)
    (said,) = await say(world, "L")
    assert one.ticket_number in said
    assert two.ticket_number in said
    assert await line(world) == ["anna", "child"]
    assert await say(world, f"L {two.ticket_number.lower()}") == [
        text(Answer.LEFT, ticket=two.ticket_number, queue="Brot & Brötchen")
    ]
    assert await line(world) == ["anna"]


async def test_a_reply_that_comes_twice_is_done_once(world: World) -> None:
    await world.join("anna", phone=ANNA)
    for name in "bcdefgh":
        await world.join(name)
    taken = await asyncio.gather(*(take(world, "M 1", id="SM123") for _ in range(5)))
    assert sorted(taken) == [False, False, False, False, True]
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.answer_reply":
            await world.runner.run(ref)
    assert await line(world) == ["b", "anna", "c", "d", "e", "f", "g", "h"]
    assert len(await answers(world)) == 1


async def test_a_job_that_runs_again_does_nothing_more(world: World) -> None:
    await world.join("anna", phone=ANNA)
    await world.join("b")
    await world.join("c")
    await say(world, "M 1")
    async with world.dbs.app.read(world.tenant_id) as tx:
        row = (await tx.exec(select(EventRow).where(EventRow.type == "NOTIFICATION_REPLY_RECEIVED"))).one()
    fact = Fact(row.id, world.tenant_id, row.aggregate_type, row.aggregate_id, 1, row.occurred_at, row.type, "{}", None)
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.answer(tx, fact)
    assert await line(world) == ["b", "anna", "c"]
    assert len(await answers(world)) == 1


@pytest.mark.parametrize("word", ["STOP", "arrêt"])
async def test_stop_counts_at_once_is_confirmed_once_and_start_undoes_it(world: World, word: str) -> None:
    anna = await world.join("anna", phone=ANNA)
    assert await take(world, word)
    async with world.dbs.app.write(world.tenant_id) as tx:
        # Before any job has run.
        assert await preferences.is_opted_out(tx, SMS, ANNA)
        assert not await preferences.is_opted_out(tx, WHATSAPP, ANNA)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.answer_reply":
            await world.runner.run(ref)
    assert [row.body for row in await answers(world)] == [text(Answer.OPTED_OUT, tenant=await name_of(world))]
    assert await say(world, word) == []
    assert (await session_of(world, anna)).status is SessionStatus.WAITING
    assert await say(world, "START") == [text(Answer.OPTED_IN, tenant=await name_of(world))]
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert not await preferences.is_opted_out(tx, SMS, ANNA)


async def name_of(world: World) -> str:
    async with world.dbs.app.read(world.tenant_id) as tx:
        return (await tenants.get(tx, world.tenant_id)).name


async def test_what_is_not_understood_is_helped_once_a_day_and_who_is_a_stranger_not_at_all(world: World) -> None:
    await world.join("anna", phone=ANNA)
    helps = text(Answer.HELP, tenant=await name_of(world))
    assert await say(world, "I am stuck in traffic") == [helps]
    assert await say(world, "really stuck") == []
    assert await say(world, "HELP") == [helps]
    assert await say(world, "who is this?", BEN) == []
    world.clock.advance(days=1, seconds=1)  # type: ignore[attr-defined]
    assert await say(world, "hello?") == [helps]
    await say(world, "STOP")
    world.clock.advance(days=1, seconds=1)  # type: ignore[attr-defined]
    assert await say(world, "hello?") == []


async def test_two_programs_that_answer_each_other_come_to_an_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_ANSWERS_A_DAY", 3)
    assert [len(await say(world, "HELP")) for _ in range(5)] == [1, 1, 1, 0, 0]
    world.clock.advance(days=1, seconds=1)  # type: ignore[attr-defined]
    assert len(await say(world, "HELP")) == 1


async def test_whatsapp_leaves_the_plus_out(world: World) -> None:
    await world.join("anna", phone=ANNA)
    assert await take(world, "L", ANNA.removeprefix("+"), channel=WHATSAPP)
    await world.settle()
    (owed,) = await answers(world)
    assert (owed.channel, owed.recipient) == (WHATSAPP, ANNA)
    assert await line(world) == []


async def test_a_reply_whose_session_moves_to_another_queue_meanwhile_is_tried_again(world: World) -> None:
    anna = await world.join("anna", phone=ANNA)
    async with world.dbs.app.write(world.tenant_id) as tx:
        other = await queues.create(tx, QueueConfig(name="Kuchen", slug="kuchen"))
    await world.act(sessions.transfer, anna.id, other.id)
    assert await say(world, "L") == [text(Answer.LEFT, ticket=anna.ticket_number, queue="Kuchen")]


async def test_nothing_of_a_reply_can_be_read_in_the_tables_or_the_log(world: World) -> None:
    await world.join("anna", phone=ANNA)
    await say(world, "canary-text")
    async with world.dbs.system.read(None) as tx:
        for table in ("notification_replies", "events", "jobs"):
            (found,) = await tx.rows(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
            assert "canary-text" not in found[0], table
            assert ANNA.removeprefix("+") not in found[0], table
