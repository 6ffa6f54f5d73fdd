"""The product's feeds as event streams: the items are those of a socket, and so is what ends them."""

import pytest

from app.core.ids import decode
from app.identity.models import Role
from tests.support.api import Api, Business
from tests.support.desk import Desk
from tests.support.feeds import (
    EVENT,
    display_feed,
    event_feed,
    fresh_display,
    fresh_queue,
    fresh_session,
    queue_feed,
    same,
    session_feed,
)
from tests.support.sse_client import sse


async def test_every_feed_shows_the_present_and_then_what_changes(api: Api, desk: Desk) -> None:
    await desk.join()
    second = await desk.join()
    admin = desk.business.admin
    async with (
        sse(api.app, *session_feed(second.id), token=second.visitor.token) as mine,
        sse(api.app, *queue_feed(desk.queue)) as queue,
        sse(api.app, *display_feed(desk.queue)) as display,
    ):
        assert same(await mine.item(), await fresh_session(second.visitor, second.id))
        assert await queue.item() == await fresh_queue(admin, desk.queue)
        assert await display.item() == await fresh_display(admin, desk.queue)
        await desk.call()
        moved = await mine.item()
        assert (moved["position"], moved["aheadCount"]) == (1, 0)
        assert same(moved, await fresh_session(second.visitor, second.id))
        assert await queue.item() == await fresh_queue(admin, desk.queue)
        assert await display.item() == await fresh_display(admin, desk.queue)
        await desk.do("sessionCancel", second)
        assert (await mine.item())["status"] == "CANCELLED"
        with pytest.raises(StopAsyncIteration):
            await mine.payload()


async def test_whoever_goes_is_not_watched_for_any_more(api: Api, desk: Desk) -> None:
    person = await desk.join()
    ref = decode("Queue", desk.queue)

    def is_watched() -> bool:
        return bool(api.runtime.lines._lines[ref.tenant_id, ref.id].watching)

    feeds = session_feed(person.id), queue_feed(desk.queue), display_feed(desk.queue), event_feed(desk.queue, after=0)
    for feed in feeds:
        token = desk.business.admin.token
        async with sse(api.app, *feed, token=token) as stream:
            await stream.item()
            assert is_watched(), feed
        assert not is_watched(), feed


async def test_events_are_resumed_after_a_revision(api: Api, desk: Desk) -> None:
    await desk.join()
    token = desk.business.admin.token
    async with sse(api.app, *event_feed(desk.queue, after=0), token=token) as stream:
        seen = [await stream.item() for _ in range(3)]
    last = seen[-1]["revision"]
    assert [event["revision"] for event in seen] == [1, 2, 3]
    await desk.join()
    async with sse(api.app, *event_feed(desk.queue, after=last), token=token) as stream:
        event = await stream.item()
        assert (event["revision"], set(event)) == (last + 1, set(EVENT.split()))


async def test_what_a_caller_may_not_see_is_an_item_of_errors(api: Api, desk: Desk, business: Business) -> None:
    other = await api.new_business()
    visitor = await desk.join()
    for token, feed, code in (
        (None, event_feed(desk.queue), "UNAUTHENTICATED"),
        (other.admin.token, event_feed(desk.queue), "NOT_FOUND"),
        (other.admin.token, session_feed(visitor.id), "NOT_FOUND"),
        (None, session_feed(visitor.id), "UNAUTHENTICATED"),
    ):
        async with sse(api.app, *feed, token=token) as stream:
            payload = await stream.payload()
            assert payload["errors"][0]["extensions"]["code"] == code
            assert "data" not in payload
            with pytest.raises(StopAsyncIteration):
                await stream.payload()


async def test_a_stream_ends_with_its_users_role_and_does_not_come_back_with_the_old_token(
    api: Api, business: Business
) -> None:
    queue = await business.queue()
    manager = await business.user(Role.MANAGER)
    viewer = await manager("{ viewer { ... on User { id } } }")
    async with sse(api.app, *event_feed(queue, after=0), token=manager.token) as stream:
        await stream.item()
        changed = await business.admin(
            "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
            i={"userId": viewer["id"], "role": "STAFF"},
        )
        assert changed["__typename"] == "UserUpdateSuccess"
        assert (await stream.ended())[:4] in ("4401", "4403")
    async with sse(api.app, *event_feed(queue, after=0), token=manager.token) as again:
        answer = await again.answer()
        assert await again.status == 401
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
