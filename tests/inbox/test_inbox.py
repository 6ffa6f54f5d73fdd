"""Messages in the app: what was missed comes first, then each as it is sent; read by whom they are for only."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.core.clock import SystemClock
from app.core.ids import encode, parse
from app.notifications.live import inbox_topic
from app.notifications.models import Notification, NotificationStatus
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed, Joined, key_of
from tests.support.inbox import received
from tests.support.ws_client import OperationFailed, Subscription


class Desk:
    """A visitor who waits, and messages to them."""

    def __init__(self, api: Api, joined: Joined) -> None:
        self.api, self.joined = api, joined
        self.tenant_id = parse(joined.id)[1].tenant_id
        self.recipient = f"session:{key_of('Session', joined.id)}"

    @property
    def visitor(self) -> Caller:
        return self.joined.visitor

    async def tell(self, text: str, *, ago: timedelta = timedelta(0), ring: bool = True) -> str:
        """Send a message; `ring`: as the worker does."""
        id = await received(self.api, self.tenant_id, self.joined.id, text, sent_at=SystemClock().now() - ago)
        if ring:
            await self.api.runtime.bus.publish(inbox_topic(self.tenant_id, self.recipient), b"")
        return id

    async def read(self, *ids: str) -> None:
        answer = await self.visitor(operation("NotificationMarkRead"), input={"notificationIds": list(ids)})
        assert answer["__typename"] == "NotificationMarkReadSuccess", answer


@pytest.fixture
async def desk(api: Api, business: Business) -> Desk:
    return Desk(api, await business.join(await business.queue()))


async def subjects(feed: Subscription, count: int) -> list[str]:
    return [(await feed.item())["subject"].removeprefix("Subject ") for _ in range(count)]


FEED = operation("NotificationReceived")


async def test_what_was_not_read_comes_first_and_then_each_as_it_is_sent(desk: Desk) -> None:
    old = await desk.tell("read", ring=False)
    await desk.tell("missed", ring=False)
    await desk.read(old)
    async with desk.visitor.socket() as socket:
        feed = await socket.subscribe(FEED, {})
        assert await subjects(feed, 1) == ["missed"]
        await desk.tell("now")
        await desk.tell("and now")
        assert await subjects(feed, 2) == ["now", "and now"]


async def test_a_message_that_was_sent_late_by_a_clock_that_is_behind_is_not_missed(desk: Desk) -> None:
    async with desk.visitor.socket() as socket:
        feed = await socket.subscribe(FEED, {})
        await desk.tell("first")
        assert await subjects(feed, 1) == ["first"]
        await desk.tell("behind", ago=timedelta(seconds=40))
        assert await subjects(feed, 1) == ["behind"]


async def test_who_comes_back_is_given_what_came_meanwhile_read_or_not(desk: Desk) -> None:
    long_ago = [await desk.tell(f"old {n}", ago=timedelta(minutes=9 - n), ring=False) for n in range(3)]
    last = await desk.tell("last", ago=timedelta(minutes=5), ring=False)
    elsewhere = await desk.tell("read elsewhere", ago=timedelta(minutes=2), ring=False)
    await desk.tell("new", ring=False)
    await desk.read(elsewhere, *long_ago)
    async with desk.visitor.socket() as socket:
        feed = await socket.subscribe(FEED, {"afterId": last})
        assert await subjects(feed, 2) == ["read elsewhere", "new"]
        await desk.tell("live")
        assert await subjects(feed, 1) == ["live"]


async def test_more_than_a_portion_comes_in_order(desk: Desk) -> None:
    first = await desk.tell("0", ago=timedelta(minutes=5), ring=False)
    for number in range(1, 131):
        await desk.tell(str(number), ago=timedelta(minutes=4) - timedelta(seconds=number), ring=False)
    async with desk.visitor.socket() as socket:
        feed = await socket.subscribe(FEED, {"afterId": first})
        assert await subjects(feed, 130) == [str(number) for number in range(1, 131)]


async def test_reading_is_arriving_and_happens_once(desk: Desk) -> None:
    id = await desk.tell("x")
    read = operation("NotificationMarkRead")
    first = await desk.visitor(read, input={"notificationIds": [id, id]})
    again = await desk.visitor(read, input={"notificationIds": [id]})
    assert first == again
    assert len(first["notifications"]) == 1
    async with desk.api.runtime.dbs.app.read(desk.tenant_id) as tx:
        row = await tx.get_one(Notification, (desk.tenant_id, key_of("ReceivedNotification", id)))
        events = await tx.rows(
            "select actor from events where aggregate_id = $1 and type = 'NOTIFICATION_READ'", row.id
        )
    assert (row.status, row.delivered_at) == (NotificationStatus.DELIVERED, row.read_at)
    assert [each["actor"] for each in events] == [f"VISITOR:{key_of('Session', desk.joined.id)}"]


async def test_nobody_reads_what_is_for_somebody_else(api: Api, business: Business, desk: Desk) -> None:
    id = await desk.tell("private")
    neighbour = await business.join(await business.queue())
    stranger = await (other := await api.new_business()).join(await other.queue())
    for caller in (neighbour.visitor, business.admin, stranger.visitor):
        with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
            await caller(operation("NotificationMarkRead"), input={"notificationIds": [id]})
        with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
            await caller("query($id: ID!) { node(id: $id) { id } }", id=id)
        assert (await caller(operation("NotificationsReceived"), first=10))["edges"] == []
        async with caller.socket() as socket:
            with pytest.raises(OperationFailed, match="NOT_FOUND"):
                await (await socket.subscribe(FEED, {"afterId": id})).item()
    with pytest.raises(GraphQLFailed, match="UNAUTHENTICATED"):
        await api.anonymous(operation("NotificationsReceived"), first=10)
    mine = await desk.visitor(operation("NotificationsReceived"), first=10)
    assert [(each["node"]["subject"], each["node"]["readAt"]) for each in mine["edges"]] == [("Subject private", None)]


async def test_too_many_at_once_are_refused_and_one_of_somebody_elses_spoils_all(
    api: Api, business: Business, desk: Desk
) -> None:
    id, read = await desk.tell("x"), operation("NotificationMarkRead")
    many = [encode("ReceivedNotification", desk.tenant_id, UUID(int=number)) for number in range(101)]
    for ids in ([], many):
        answer = await desk.visitor(read, input={"notificationIds": ids})
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "notificationIds")
    other = Desk(api, await business.join(await business.queue()))
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await desk.visitor(read, input={"notificationIds": [id, await other.tell("y")]})
    [mine] = (await desk.visitor(operation("NotificationsReceived"), first=5))["edges"]
    assert mine["node"]["readAt"] is None
