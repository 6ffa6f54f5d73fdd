"""Messages on their way and broadcasts through the API: what staff see, watch, send again and cancel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.ids import parse
from app.core.live.bus import Bus
from app.identity.models import Role
from app.notifications.live import status_topic
from app.notifications.models import Notification, NotificationStatus
from tests.support.api import Business, GraphQLFailed
from tests.support.deliveries import failed_message

LIST = """query($filter: NotificationFilter, $newest: Boolean! = false) {
  notifications(first: 10, filter: $filter, newestFirst: $newest) { edges { node { id status } } } }"""
RETRY = """mutation($i: NotificationRetryInput!) { notificationRetry(input: $i) { __typename
  ... on NotificationRetrySuccess { notification { id status error retries dueAt isInDoubt } }
  ... on NotificationNotRetriableError { message status } } }"""
START = """mutation($i: NotificationBroadcastStartInput!) { notificationBroadcastStart(input: $i) { __typename
  ... on NotificationBroadcastStartSuccess { broadcast { id status peopleCount revision channels
    texts { locale subject } counts { pending sent } queue { id } } }
  ... on UserError { message } ... on ChannelNotCarriedError { channel } } }"""
CANCEL = """mutation($i: NotificationBroadcastCancelInput!) { notificationBroadcastCancel(input: $i) { __typename
  ... on NotificationBroadcastCancelSuccess { broadcast { id status endedAt } } } }"""
BROADCASTS = "{ notificationBroadcasts(first: 5) { edges { node { id status } } } }"
DELAYS = """query($since: DateTime!, $until: DateTime) { notificationDelays(since: $since, until: $until) {
  channel provider sentCount deliveredCount sentP50Seconds deliveredP95Seconds } }"""
WATCH = "subscription { notificationsChanged(first: 5) { revision edges { node { id status } } } }"
WATCH_BROADCAST = """subscription($id: ID!) { notificationBroadcastChanged(broadcastId: $id) {
  id status revision toldCount } }"""
TEXTS = [{"locale": "en", "subject": "We close early", "body": "{{ ticketNumber }}: at 4 pm."}]


async def failed(business: Business, **values: Any) -> tuple[str, str]:
    """A queue, and a message about somebody in it that has failed."""
    queue_id = await business.queue()
    joined = await business.join(queue_id)
    return queue_id, await failed_message(business.api, parse(queue_id)[1].tenant_id, joined.id, **values)


async def change(business: Business, id: str, **values: Any) -> None:
    """What a worker would have written, and told those who watch."""
    ref = parse(id)[1]
    async with business.api.runtime.dbs.app.write(ref.tenant_id) as tx:
        row = await tx.get(Notification, (ref.tenant_id, ref.id))
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
    bus: Bus = business.api.runtime.bus
    await bus.publish(status_topic(ref.tenant_id), b"")


async def test_messages_are_found_by_what_they_are(business: Business) -> None:
    queue_id, id = await failed(business)
    other = await failed_message(business.api, parse(id)[1].tenant_id, (await business.join(queue_id)).id)
    await change(business, other, status=NotificationStatus.SENT)
    for filter_, expected in (
        (None, [id, other]),
        ({"statuses": ["FAILED"]}, [id]),
        ({"statuses": []}, []),
        ({"channels": ["EMAIL"], "kinds": ["CALLED"]}, [id, other]),
        ({"channels": ["SMS"]}, []),
        ({"queueId": queue_id}, []),
        ({"since": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, []),
        ({"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, [id, other]),
    ):
        found = await business.admin(LIST, filter=filter_)
        assert [edge["node"]["id"] for edge in found["edges"]] == expected, filter_
    newest = await business.admin(LIST, newest=True)
    assert [edge["node"]["id"] for edge in newest["edges"]] == [other, id]


async def test_what_failed_is_sent_again_and_what_did_not_is_refused(business: Business) -> None:
    _, id = await failed(business)
    done = await business.admin(RETRY, i={"notificationId": id})
    assert done["__typename"] == "NotificationRetrySuccess"
    assert {key: done["notification"][key] for key in ("id", "status", "error", "retries", "isInDoubt")} == {
        "id": id,
        "status": "PENDING",
        "error": None,
        "retries": 1,
        "isInDoubt": False,
    }
    assert await business.admin(RETRY, i={"notificationId": id}) == {
        "__typename": "NotificationNotRetriableError",
        "message": "Only what FAILED can be sent again; this is PENDING.",
        "status": "PENDING",
    }


async def test_whoever_is_erased_is_not_written_to_again(business: Business) -> None:
    _, id = await failed(business)
    await change(business, id, recipient=f"erased:{parse(id)[1].id}")
    refused = await business.admin(RETRY, i={"notificationId": id})
    assert (refused["__typename"], refused["status"]) == ("NotificationNotRetriableError", "FAILED")


async def test_how_long_they_took(business: Business) -> None:
    _, id = await failed(business)
    now = datetime.now(UTC)
    await change(
        business,
        id,
        status=NotificationStatus.DELIVERED,
        provider="SMTP",
        due_at=now,
        sent_at=now + timedelta(seconds=2),
        delivered_at=now + timedelta(seconds=7),
    )
    [found] = await business.admin(DELAYS, since=(now - timedelta(hours=1)).isoformat())
    assert found == {
        "channel": "EMAIL",
        "provider": "SMTP",
        "sentCount": 1,
        "deliveredCount": 1,
        "sentP50Seconds": 2.0,
        "deliveredP95Seconds": 7.0,
    }
    with pytest.raises(GraphQLFailed) as refused:
        await business.admin(DELAYS, since=(now - timedelta(days=32)).isoformat())
    assert refused.value.code == "BAD_USER_INPUT"


async def test_staff_watch_how_messages_go(business: Business) -> None:
    _, id = await failed(business)
    async with business.admin.socket() as socket:
        feed = await socket.subscribe(WATCH)
        first = await feed.item()
        assert first == {"revision": 1, "edges": [{"node": {"id": id, "status": "FAILED"}}]}
        await change(business, id, status=NotificationStatus.DELIVERED)
        second = await feed.item()
        assert second == {"revision": 2, "edges": [{"node": {"id": id, "status": "DELIVERED"}}]}


async def test_everybody_who_waits_is_told_until_it_is_cancelled(business: Business) -> None:
    queue_id = await business.queue()
    given = {"queueId": queue_id, "texts": TEXTS, "channels": ["IN_APP"], "idempotencyKey": "once"}
    done = await business.admin(START, i=given)
    assert done["__typename"] == "NotificationBroadcastStartSuccess"
    broadcast = done["broadcast"]
    assert broadcast == {
        "id": broadcast["id"],
        "status": "RUNNING",
        "peopleCount": None,
        "revision": 1,
        "channels": ["IN_APP"],
        "texts": [{"locale": "en", "subject": "We close early"}],
        "counts": {"pending": 0, "sent": 0},
        "queue": {"id": queue_id},
    }
    assert (await business.admin(START, i=given))["broadcast"]["id"] == broadcast["id"]
    again = await business.admin(START, i=given | {"idempotencyKey": "twice"})
    assert again["__typename"] == "NotificationBroadcastRunningError"
    async with business.admin.socket() as socket:
        feed = await socket.subscribe(WATCH_BROADCAST, {"id": broadcast["id"]})
        assert (await feed.item())["status"] == "RUNNING"
        ended = await business.admin(CANCEL, i={"broadcastId": broadcast["id"]})
        assert (ended["broadcast"]["status"], ended["broadcast"]["endedAt"] is None) == ("CANCELLED", False)
        await business.api.runtime.bus.publish(status_topic(parse(queue_id)[1].tenant_id), b"")
        last = await feed.item()
        assert (last["status"], last["revision"]) == ("CANCELLED", 2)
    assert (await business.admin(CANCEL, i={"broadcastId": broadcast["id"]}))["__typename"] == (
        "NotificationBroadcastOverError"
    )
    [edge] = (await business.admin(BROADCASTS))["edges"]
    assert edge["node"] == {"id": broadcast["id"], "status": "CANCELLED"}


async def test_a_channel_nobody_carries_is_refused(business: Business) -> None:
    queue_id = await business.queue()
    refused = await business.admin(START, i={"queueId": queue_id, "texts": TEXTS, "channels": ["WHATSAPP"]})
    assert (refused["__typename"], refused["channel"]) == ("ChannelNotCarriedError", "WHATSAPP")


async def test_staff_without_the_permission_do_neither(business: Business) -> None:
    queue_id, id = await failed(business)
    staff = await business.user(Role.STAFF)
    for document, values in (
        (RETRY, {"i": {"notificationId": id}}),
        (START, {"i": {"queueId": queue_id, "texts": TEXTS, "channels": ["IN_APP"]}}),
        (BROADCASTS, {}),
        (DELAYS, {"since": "2026-11-20T00:00:00Z"}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await staff(document, **values)
        assert refused.value.code == "FORBIDDEN"
    assert (await business.admin(BROADCASTS))["edges"] == []
    assert [edge["node"]["status"] for edge in (await business.admin(LIST))["edges"]] == ["FAILED"]
