"""Who is told what by which rule: from the event to the row, for every kind, on every channel that is reached."""

import asyncio
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.identity.models import Role, User
from app.notifications import service as templates
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.notifications.preferences import service as preferences
from app.notifications.preferences.rules import QuietHours
from app.notifications.service import NewTemplate
from app.notifications.telling import openings
from app.notifications.telling import service as rules
from app.notifications.telling.models import ChannelChoice
from app.notifications.telling.service import NewRule
from app.notifications.texts import Text
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.queues.models import QueueStatus
from app.ratings import service as ratings
from app.ratings.links import read_token
from app.ratings.rules import FeedbackConfig
from app.schedules import service as schedules
from app.schedules.service import NewEvent
from app.sessions import calls
from app.sessions import service as sessions
from tests.notifications.sink import Sink
from tests.notifications.world import World

EMAIL, IN_APP, SMS = NotificationChannel.EMAIL, NotificationChannel.IN_APP, NotificationChannel.SMS
Kind = NotificationKind


async def rule(world: World, kind: Kind, channels: Sequence[NotificationChannel] = (EMAIL,), **values: Any) -> UUID:
    """A rule of the business's own, from now on."""
    world._tick()
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        return (await rules.create(tx, NewRule(kind, channels, **values))).id


async def everywhere(world: World) -> None:
    """Any channel will do."""
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await preferences.set_defaults(tx, {"channels": None})


async def colleague(world: World, name: str) -> UUID:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        now = tx.now()
        user = User(
            tenant_id=world.tenant_id,
            email=f"{name}@example.com",
            password_hash="unused",
            role=Role.STAFF,
            created_at=now,
            created_by="test",
            updated_at=now,
            updated_by="test",
        )
        tx.add(user)
        await tx.flush()
        return user.id


async def test_who_joins_is_told_their_place_if_the_business_wants_it(world: World, sink: Sink) -> None:
    await world.join("early")
    await world.settle()
    await rule(world, Kind.JOINED)
    for name in ("a", "b", "c"):
        await world.join(name)
    await world.join("nobody", email=None)
    ran = await world.settle()
    assert await world.told() == [("JOINED", "a"), ("JOINED", "b"), ("JOINED", "c")]
    assert ran.count("notifications.happened") == 1, "those who join together cost one look"
    [to_c] = [mail for mail in sink.mails if mail.recipient == "c@example.com"]
    assert to_c.subject == "A004: you have a place in line"


async def test_every_end_of_a_session_is_told_by_its_rule(world: World, clock: ManualClock) -> None:
    await rule(world, Kind.COMPLETED)
    await rule(world, Kind.FEEDBACK_REQUEST, delay_seconds=3_600)
    await world.join("served")
    await world.join("missed")
    await world.call_next()
    missed = await world.call_next(then=None)
    await world.act(calls.recall, missed.id)
    await world.act(calls.mark_no_show, missed.id)
    await world.settle()
    told = {(row.kind, row.recipient.split("@")[0]): row for row in await world.notifications()}
    assert set(told) == {
        (Kind.CALLED, "served"),
        (Kind.COMPLETED, "served"),
        (Kind.FEEDBACK_REQUEST, "served"),
        (Kind.CALLED, "missed"),
        (Kind.RECALLED, "missed"),
        (Kind.NO_SHOW, "missed"),
    }
    asked = told[Kind.FEEDBACK_REQUEST, "served"]
    assert asked.status is NotificationStatus.PENDING
    assert timedelta(minutes=59) < asked.due_at - clock.now() <= timedelta(hours=1)
    assert all(row.status is NotificationStatus.SENT for row in told.values() if row is not asked)
    clock.advance(hours=1)
    await world.settle()
    [asked] = [row for row in await world.notifications() if row.kind is Kind.FEEDBACK_REQUEST]
    assert asked.status is NotificationStatus.SENT
    # With a link to rate the visit by, good as long as the queue takes ratings of it.
    token = asked.body.partition(f"{world.settings.base_url}/ratings/")[2].split()[0]
    visit = read_token(world.settings.secret, token, clock.now() + timedelta(days=13))
    assert visit == (world.tenant_id, asked.session_id)
    assert read_token(world.settings.secret, token, clock.now() + timedelta(days=14)) is None


async def test_where_no_ratings_are_taken_the_request_names_the_front_end(world: World) -> None:
    await rule(world, Kind.FEEDBACK_REQUEST)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await ratings.set_feedback(tx, world.queue_id, FeedbackConfig(is_asked=False))
    await world.join("served")
    await world.call_next()
    await world.settle()
    [asked] = [row for row in await world.notifications() if row.kind is Kind.FEEDBACK_REQUEST]
    assert world.settings.base_url in asked.body
    assert "/ratings/" not in asked.body


async def test_a_rule_of_ones_own_replaces_the_built_in_one_where_it_is_for(world: World) -> None:
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        other = await queues.create(tx, QueueConfig(name="Kuchen", slug="kuchen"))
    mine = await rule(world, Kind.CALLED, queue_id=world.queue_id, is_enabled=False)
    await world.join("quiet")
    await world.call_next()
    await world.settle()
    assert await world.told() == []
    elsewhere = await rule(world, Kind.PEOPLE_AHEAD, queue_id=other.id, people_ahead=1)
    for name in "abcde":
        await world.join(name)
    await world.call_next()
    await world.settle()
    assert await world.told() == [("PEOPLE_AHEAD", "e")], "a rule for another queue changes nothing here"
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await rules.delete(tx, mine)
        await rules.delete(tx, elsewhere)
    await world.call_next()
    await world.settle()
    assert ("CALLED", "b") in await world.told()


async def test_n_people_ahead_is_told_once_to_who_comes_to_there(world: World) -> None:
    await rule(world, Kind.PEOPLE_AHEAD, people_ahead=1)
    five = await rule(world, Kind.PEOPLE_AHEAD, people_ahead=5)
    for name in "abcdefgh":
        await world.join(name)
    for _ in range(3):
        await world.call_next()
        await world.settle()
    ahead = [(name, kind) for kind, name in await world.told() if kind == "PEOPLE_AHEAD"]
    assert sorted(name for name, _ in ahead) == ["c", "d", "e", "g", "h"]
    by_five = [row.recipient[0] for row in await world.notifications() if row.rule_id == five]
    assert sorted(by_five) == ["g", "h"]


async def test_a_rule_tells_nobody_of_what_was_before_it(world: World) -> None:
    for name in "abcdefg":
        await world.join(name)
    await world.call_next()
    await world.call_next()
    await world.settle()
    before = len(await world.told())
    new = await rule(world, Kind.PEOPLE_AHEAD, people_ahead=2)
    await world.call_next()
    await world.settle()
    told = [row.recipient[0] for row in await world.notifications() if row.rule_id == new]
    assert told == ["f"], "e and d had come to there before anybody asked for it"
    assert len(await world.told()) == before + 2


async def test_far_down_a_line_only_who_crosses_is_told(world: World) -> None:
    far = await rule(world, Kind.PEOPLE_AHEAD, people_ahead=20)
    people = [await world.join(f"p{number:02}") for number in range(30)]
    await world.settle()
    await world.call_next()
    await world.settle()
    assert [row.recipient[:3] for row in await world.notifications() if row.rule_id == far] == ["p21"]
    # Somebody far before leaves, and one of those behind is put forward past the place.
    await world.act(sessions.cancel, people[10].id)
    await world.act(sessions.set_priority, people[28].id, 5)
    await world.settle()
    told = sorted(row.recipient[:3] for row in await world.notifications() if row.rule_id == far)
    assert told == ["p21", "p28"], "one left, one came: nobody else is nearer than before"


async def test_an_estimated_wait_that_has_come_down_is_told_once(world: World, sink: Sink, clock: ManualClock) -> None:
    await rule(world, Kind.PEOPLE_AHEAD, people_ahead=0, is_enabled=False)
    await rule(world, Kind.WAIT_BELOW, wait_minutes=3)
    for name in "abcdefgh":
        await world.join(name)
    for _ in range(3):
        session = await world.call_next(then=None)
        await world.act(calls.start, session.id)
        clock.advance(seconds=59)
        await world.act(calls.complete, session.id)
        await world.settle()
    near = [row.recipient[0] for row in await world.notifications() if row.kind is Kind.WAIT_BELOW]
    # A minute each at one counter: with three ahead it is three minutes.
    assert sorted(near) == ["f", "g"] or sorted(near) == ["e", "f", "g"]
    await world.settle()
    again = [row.recipient[0] for row in await world.notifications() if row.kind is Kind.WAIT_BELOW]
    assert again == near
    assert all("3 min to go" in mail.subject for mail in sink.mails if "to go" in mail.subject)


async def test_the_first_channel_that_reaches_somebody_carries_it(world: World) -> None:
    await everywhere(world)
    await rule(world, Kind.CALLED, [SMS, EMAIL, IN_APP])
    await world.join("both", phone="+49 30 901820")
    await world.join("neither", email=None)
    await world.call_next()
    await world.call_next()
    await world.settle()
    rows = await world.notifications(None)
    # Nobody carries text messages here.
    assert [(row.channel, row.recipient.split(":")[0]) for row in rows] == [
        (EMAIL, "both@example.com"),
        (IN_APP, "session"),
    ]


async def test_all_channels_carry_it_and_what_is_not_wanted_is_written_down(world: World) -> None:
    await rule(world, Kind.CALLED, [EMAIL, IN_APP], choice=ChannelChoice.ALL)
    await world.join("anna")
    await world.call_next()
    await world.settle()
    rows = {row.channel: row for row in await world.notifications(None)}
    assert set(rows) == {EMAIL, IN_APP}
    assert rows[EMAIL].status is NotificationStatus.SENT
    # The business uses mails only.
    assert rows[IN_APP].status is NotificationStatus.SUPPRESSED
    assert rows[IN_APP].error


async def test_who_is_reached_on_no_channel_is_seen_once(world: World) -> None:
    await rule(world, Kind.CALLED, [IN_APP, EMAIL])
    await world.join("silent", email=None)
    await world.call_next()
    await world.settle()
    [row] = await world.notifications(None)
    assert (row.channel, row.status) == (IN_APP, NotificationStatus.SUPPRESSED)


async def test_quiet_hours_put_off_what_falls_into_them(world: World, clock: ManualClock) -> None:
    now = clock.now()
    starts, ends = (now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time()
    quiet = QuietHours(time(starts.hour, starts.minute), time(ends.hour, ends.minute))
    await rule(world, Kind.COMPLETED, quiet_hours=quiet)
    await world.join("sleeper")
    await world.call_next()
    await world.settle()
    [row] = [row for row in await world.notifications() if row.kind is Kind.COMPLETED]
    assert row.status is NotificationStatus.PENDING
    assert (row.due_at.hour, row.due_at.minute) == (ends.hour, ends.minute)
    clock.advance(hours=2)
    await world.settle()
    [row] = [row for row in await world.notifications() if row.kind is Kind.COMPLETED]
    assert row.status is NotificationStatus.SENT


async def test_a_delay_does_not_end_in_the_recipients_night(world: World) -> None:
    await rule(world, Kind.FEEDBACK_REQUEST, delay_seconds=7_200)
    sleeper = await world.join("sleeper")
    starts = (sleeper.joined_at + timedelta(hours=1)).replace(microsecond=0)
    ends = starts + timedelta(hours=9)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        quiet = QuietHours(starts.time(), ends.time())
        await preferences.set_preferences(tx, sleeper.id, None, {"quiet_hours": quiet, "time_zone": "UTC"})
    await world.call_next()
    await world.settle()
    [row] = [row for row in await world.notifications() if row.kind is Kind.FEEDBACK_REQUEST]
    assert (row.status, row.due_at) == (NotificationStatus.PENDING, ends)


async def test_a_rules_own_text_goes_before_the_kinds(world: World, sink: Sink) -> None:
    own = await rule(world, Kind.COMPLETED)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await templates.set_template(tx, NewTemplate(Kind.COMPLETED, Text("Of all", "All"), locale="en"))
        await templates.set_template(
            tx, NewTemplate(Kind.COMPLETED, Text("Of the rule", "Rule"), locale="en", rule_id=own)
        )
    await world.join("anna")
    await world.call_next()
    await world.settle()
    assert "Of the rule" in [mail.subject for mail in sink.mails]
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await rules.delete(tx, own, with_texts=True)
        assert [each.text.subject for each in await templates.templates_in_use(tx, Kind.COMPLETED, EMAIL, "en")] == [
            "Of all"
        ]


async def test_a_stored_text_that_cannot_be_filled_in_costs_nobody_the_message(world: World, sink: Sink) -> None:
    await rule(world, Kind.JOINED)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await templates.set_template(tx, NewTemplate(Kind.JOINED, Text("Own", "Own"), locale="en"))
        # As it could be saved once: nobody's wait is known yet.
        await tx.rows(
            "update notification_templates set body = $2 where tenant_id = $1",
            world.tenant_id,
            "{% if estimatedWaitMinutes < 5 %}soon{% endif %}",
        )
    await world.join("anna")
    await world.settle()
    assert [mail.subject for mail in sink.mails] == ["A001: you have a place in line"]


async def owed(world: World, rule_id: UUID) -> list[Notification]:
    return [row for row in await world.notifications(None) if row.rule_id == rule_id]


async def test_a_rule_may_be_owed_in_another_language(world: World) -> None:
    arabic = await rule(world, Kind.CALLED)
    await world.join("anna", locale="ar-EG")
    await world.call_next()
    await world.settle()
    [row] = await owed(world, arabic)
    assert row.locale == "ar"
    assert row.subject.startswith("الرقم")


async def test_who_waits_for_an_opening_is_told_once_that_it_is_soon(
    world: World, sink: Sink, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "PORTION", 1)
    await rule(world, Kind.OPENING_SOON, minutes_before=15)
    opens_at = (clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        begins = clock.now() + timedelta(minutes=1)
        new = NewEvent("Sale", opens_at, opens_at + timedelta(hours=1), prequeue_starts_at=begins)
        await schedules.create_event(tx, world.queue_id, new)
    clock.advance(minutes=2)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        assert (await schedules.catch_up(tx, world.queue_id)).queue.status is QueueStatus.PREQUEUE
    for name in ("early", "other"):
        await world.join(name)
    await world.join("nobody", email=None)
    await openings.look(world.dbs.system)
    await world.settle()
    assert sink.mails == [], "an hour is not soon"
    clock.advance(seconds=(opens_at - clock.now()).total_seconds() - 870)
    await openings.look(world.dbs.system)
    await asyncio.gather(openings.look(world.dbs.system), openings.look(world.dbs.system))
    ran = await world.settle()
    assert ran.count("notifications.opening_soon") == 4, "one for each portion, and one that finds nobody"
    assert sorted(await world.told()) == [("OPENING_SOON", "early"), ("OPENING_SOON", "other")]
    assert {mail.subject for mail in sink.mails} == {f"Brot & Brötchen opens at {opens_at:%H:%M}"}
    assert "in 15 min." in sink.mails[0].body
    clock.advance(minutes=1)
    await openings.look(world.dbs.system)
    await world.settle()
    assert len(sink.mails) == 2
