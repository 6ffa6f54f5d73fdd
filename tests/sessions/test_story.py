"""The main story through the API: join, watch, be called, be served."""

from tests.support.api import Business


async def test_a_visitor_joins_watches_and_is_served(business: Business) -> None:
    queue_id = await business.queue()
    counter_id = await business.counter(queue_id)
    first = await business.join(queue_id)
    second = await business.join(queue_id)
    assert (first.ticket, first.position) == ("A001", 1)
    assert (second.ticket, second.position) == ("A002", 2)

    async with second.visitor.socket() as socket:
        feed = await socket.subscribe(
            "subscription($id: ID!) {"
            " sessionChanged(sessionId: $id) { status position aheadCount revision counter { name } } }",
            {"id": second.id},
        )
        assert (await feed.item())["position"] == 2

        called = await business.call_next(queue_id, counter_id)
        assert called["session"]["id"] == first.id
        item = await feed.item()
        assert (item["status"], item["position"], item["aheadCount"]) == ("WAITING", 1, 0)

        busy = await business.call_next(queue_id, counter_id)
        assert busy["__typename"] == "CounterBusyError"
        assert busy["currentSession"]["id"] == first.id

        await business.serve(first.id)
        called = await business.call_next(queue_id, counter_id)
        assert called["session"]["id"] == second.id
        statuses = []
        while "CALLED" not in statuses:
            statuses.append((await feed.item())["status"])
        await business.serve(second.id)
        assert (await feed.item())["status"] == "SERVING"
        assert (await feed.item())["status"] == "COMPLETED"

    nobody = await business.call_next(queue_id, counter_id)
    assert nobody["__typename"] == "NobodyWaitingError"
