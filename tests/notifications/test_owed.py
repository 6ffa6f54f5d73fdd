"""Who is told, from the event to the row: exactly those, exactly once, in their language."""

import asyncio
from dataclasses import replace

from sqlmodel import select

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.events.models import EventRow
from app.notifications import service
from app.notifications.models import NotificationKind, NotificationStatus
from app.notifications.service import NewTemplate
from app.notifications.texts import Text
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.queues.models import QueueLine, QueueMode
from app.sessions import calls
from app.sessions import service as sessions
from app.sessions.calls import ReturnPlace
from tests.notifications.sink import Sink
from tests.notifications.world import World

ENGLISH_CALL = "A001: it is your turn"


async def test_who_is_called_is_told_where_to_go(world: World, sink: Sink) -> None:
    # What follows from the queue's creation.
    await world.settle()
    await world.join("anna")
    await world.call_next(then=None)
    assert await world.settle() == [
        "notifications.called",
        "notifications.happened",
        "notifications.people_ahead",
        "notifications.deliver",
    ]
    [mail] = sink.mails
    assert (mail.recipient, mail.subject) == ("anna@example.com", ENGLISH_CALL)
    assert "Please come to: Tresen 1" in mail.body
    assert "Brot & Brötchen" in mail.body
    [row] = await world.notifications()
    assert (row.status, row.attempts, row.error) == (NotificationStatus.SENT, 1, None)
    assert row.provider_message_id == mail.message["Message-ID"]
    assert row.sent_at == world.clock.now()


async def test_without_an_address_nothing_is_owed(world: World) -> None:
    for number in range(6):
        await world.join(f"v{number}", email=None)
    await world.call_next()
    await world.settle()
    assert await world.notifications() == []


async def test_a_recall_is_told_again_and_a_call_relayed_three_times_is_not(world: World, sink: Sink) -> None:
    session = await world.join("anna")
    await world.call_next(then=None)
    for _ in range(3):
        async with world.dbs.system.write(None) as tx:
            for row in await tx.exec(select(EventRow)):
                row.published_at = None
        await world.settle()
    assert len(sink.mails) == 1
    await world.act(calls.recall, session.id)
    await world.settle()
    assert [mail.subject for mail in sink.mails] == [ENGLISH_CALL, "A001: it is still your turn"]
    assert len({mail.message["Message-ID"] for mail in sink.mails}) == 2


async def test_three_people_ahead_reaches_exactly_who_moved_up_there_and_once(world: World, sink: Sink) -> None:
    for name in "abcdef":
        await world.join(name)
    await world.settle()
    assert sink.mails == []
    await world.call_next()
    await world.settle()
    assert await world.told() == [("CALLED", "a"), ("PEOPLE_AHEAD", "e")]
    [mail] = [mail for mail in sink.mails if mail.recipient == "e@example.com"]
    assert mail.subject == "A005: 3 people ahead of you"
    await world.call_next()
    await world.settle()
    assert (await world.told())[2:] == [("CALLED", "b"), ("PEOPLE_AHEAD", "f")]
    while (await world.told())[-1] != ("CALLED", "f"):
        await world.call_next()
        await world.settle()
    assert sorted(await world.told()) == sorted(
        [*(("CALLED", name) for name in "abcdef"), ("PEOPLE_AHEAD", "e"), ("PEOPLE_AHEAD", "f")]
    )


async def test_a_queue_of_many_millions_still_tells_who_moved_up(world: World) -> None:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        (await tx.exec(select(QueueLine))).one().last_sequence = 2**30
    last = [await world.join(name) for name in "abcde"][-1]
    assert last.rank_sequence > 2**32, "it tries what it says"
    await world.call_next()
    await world.settle()
    assert await world.told() == [("CALLED", "a"), ("PEOPLE_AHEAD", "e")]


async def test_leaving_holding_and_stepping_back_bring_others_nearer_too(world: World) -> None:
    people = {name: await world.join(name) for name in "abcdefgh"}
    await world.act(sessions.cancel, people["a"].id)
    await world.settle()
    assert await world.told() == [("PEOPLE_AHEAD", "e")]
    await world.act(sessions.put_on_hold, people["b"].id)
    await world.settle()
    await world.act(sessions.step_back, people["c"].id, 4)
    await world.settle()
    assert await world.told() == [("PEOPLE_AHEAD", "e"), ("PEOPLE_AHEAD", "f"), ("PEOPLE_AHEAD", "g")]
    await world.act(sessions.unhold, people["b"].id)
    await world.settle()
    assert len(await world.told()) == 3


async def test_a_transferred_visitor_brings_others_nearer_and_is_told_again_in_the_new_queue(world: World) -> None:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        other = await queues.create(tx, QueueConfig(name="Kuchen", slug="kuchen"))
    people = {name: await world.join(name) for name in "abcdef"}
    first_queue, world.queue_id = world.queue_id, other.id
    for name in ("q1", "q2", "q3", "q4", "q5"):
        await world.join(name)
    world.queue_id = first_queue
    await world.act(sessions.transfer, people["a"].id, other.id)
    await world.settle()
    # a keeps its join time and so comes first in the other queue, where nobody moves up.
    assert await world.told() == [("PEOPLE_AHEAD", "e")]
    assert (await world.notifications())[0].queue_id == first_queue


async def test_who_comes_back_into_the_line_at_its_end_is_told_when_it_is_near_again(world: World) -> None:
    people = [await world.join(name) for name in "abcdef"]
    await world.call_next(then=None)
    await world.act(calls.return_to_queue, people[0].id, ReturnPlace.LAST)
    await world.settle()
    assert await world.told() == [("CALLED", "a"), ("PEOPLE_AHEAD", "e")]
    for _ in range(2):
        await world.call_next()
    await world.settle()
    assert set((await world.told())[2:]) == {
        ("CALLED", "b"),
        ("CALLED", "c"),
        ("PEOPLE_AHEAD", "f"),
        ("PEOPLE_AHEAD", "a"),
    }


async def test_a_burst_is_looked_at_once_and_nobody_is_missed(world: World) -> None:
    for number in range(12):
        await world.join(f"v{number:02}")
    for _ in range(5):
        await world.call_next()
    ran = await world.settle()
    assert ran.count("notifications.people_ahead") == 1
    ahead = [name for kind, name in await world.told() if kind == "PEOPLE_AHEAD"]
    assert ahead == ["v05", "v06", "v07", "v08"]


async def test_looks_beside_each_other_tell_once(world: World, sink: Sink) -> None:
    for name in "abcdef":
        await world.join(name)
    await world.call_next()
    await world.relay_all()
    await world.call_next()
    await world.relay_all()
    due = [ref for name, ref in await world._due() if name == "notifications.people_ahead"]
    assert len(due) == 2
    await asyncio.gather(*(world.runner.run(ref) for ref in due))
    await world.settle()
    ahead = [name for kind, name in await world.told() if kind == "PEOPLE_AHEAD"]
    assert sorted(ahead) == ["e", "f"]
    assert len(sink.mails) == 4


async def test_a_family_with_one_address_is_told_for_each_of_its_tickets(world: World, sink: Sink) -> None:
    await world.join("a", email="family@example.com")
    for name in "bcd":
        await world.join(name)
    await world.join("e", email="family@example.com")
    await world.call_next()
    await world.settle()
    assert sorted(mail.subject for mail in sink.mails) == [ENGLISH_CALL, "A005: 3 people ahead of you"]


async def test_the_estimated_wait_is_in_the_text_once_it_is_known(world: World, sink: Sink, clock: ManualClock) -> None:
    for name in "abcdef":
        await world.join(name)
    first = await world.call_next(then=None)
    await world.settle()
    assert "Estimated wait" not in sink.mails[-1].body
    await world.act(calls.start, first.id)
    clock.advance(seconds=59)
    await world.act(calls.complete, first.id)
    await world.call_next()
    await world.settle()
    [to_f] = [mail for mail in sink.mails if mail.recipient == "f@example.com"]
    # Three people at a minute each, at the one counter.
    assert "Estimated wait: 3 min" in to_f.body or "Estimated wait: 2 min" in to_f.body


async def test_the_sessions_language_decides_then_the_tenants_then_english(world: World, sink: Sink) -> None:
    await world.change_tenant(settings={"default_locale": "de"})
    for name, locale in (("swiss", "de-CH"), ("british", "en-GB"), ("dutch", "nl"), ("silent", None)):
        await world.join(name, locale=locale)
    for _ in range(4):
        await world.call_next()
    await world.settle()
    assert {mail.recipient.split("@")[0]: mail.subject for mail in sink.mails} == {
        "swiss": "A001: Sie sind an der Reihe",
        "british": "A002: it is your turn",
        "dutch": "A003: Sie sind an der Reihe",
        "silent": "A004: Sie sind an der Reihe",
    }
    assert {mail.message["Content-Language"] for mail in sink.mails} == {"de", "en"}


async def test_the_tenants_own_text_is_used_for_its_language_only(world: World, sink: Sink) -> None:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        text = Text("{{ ticketNumber }} à {{ counterName }}", "{{ tenantName }} — {{ link }}")
        await service.set_template(tx, NewTemplate(NotificationKind.CALLED, text, locale="fr"))
    await world.change_tenant(domain="baeckerei.example")
    await world.join("french", locale="fr-FR")
    await world.join("german", locale="de")
    await world.call_next()
    await world.call_next()
    await world.settle()
    french, german = sorted(sink.mails, key=lambda mail: mail.recipient)
    assert (french.subject, french.body) == ("A001 à Tresen 1", "Bäckerei Nord — https://baeckerei.example\n")
    assert german.subject == "A002: Sie sind an der Reihe"


async def test_who_is_let_in_by_a_metered_queue_is_told_and_the_next_ones_are_nearer(world: World, sink: Sink) -> None:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        config = QueueConfig(name="Shop", slug="shop", mode=QueueMode.METERED, max_concurrent_users=1)
        shop = await queues.create(tx, config)
    there = replace(world, queue_id=shop.id)
    people = [await there.join(f"person-{number}") for number in range(6)]
    await there.settle()
    assert await there.told() == [("CALLED", "person-0")]
    assert "Please come to" not in sink.mails[0].body
    await there.act(sessions.cancel, people[0].id)
    await there.settle()
    # Four were ahead of the fifth, who now has three before her.
    assert sorted(await there.told()) == [("CALLED", "person-0"), ("CALLED", "person-1"), ("PEOPLE_AHEAD", "person-5")]
