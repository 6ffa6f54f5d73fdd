"""The dashboard, live: what happens at the counters is on it a moment later, at most once a second, and converges."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from app.analytics.worker import AnalyticsWorker
from app.core.clock import SystemClock
from app.settings import Settings
from tests.contract.operations import operation
from tests.servers import own_database
from tests.support.api import Api, Business, open_api
from tests.support.feeds import watching
from tests.support.waiting import eventually

WATCH, DASHBOARD = operation("DashboardWatch"), operation("Dashboard")


@pytest.fixture
async def counted(migrated_settings: Settings) -> AsyncIterator[Api]:
    """An application of its own, with a worker that keeps its figures current."""
    async with open_api(own_database(migrated_settings, "dashboard"), SystemClock()) as api:
        worker = AnalyticsWorker(api.runtime.dbs.system, 25, api.runtime.bus)
        folding = asyncio.create_task(worker.run())
        yield api
        folding.cancel()
        with suppress(asyncio.CancelledError):
            await folding


def counts(dashboard: Any) -> dict[str, int]:
    total = dashboard["total"]
    names = ("arrivedCount", "calledCount", "servedCount", "abandonedCount")
    return {name: total[name] for name in names} | {"waiting": dashboard["waitingCount"]}


async def test_the_dashboard_follows_and_ends_as_a_fresh_one(counted: Api) -> None:
    business: Business = await counted.new_business()
    other = await counted.new_business()
    queue_id = await business.queue(name="Busy")
    counter_id = await business.counter(queue_id)
    async with (
        watching(business.admin, (WATCH, {}), (WATCH, {})) as feeds,
        watching(other.admin, (WATCH, {})) as others,
    ):
        began = asyncio.get_running_loop().time()
        for feed in (*feeds, *others):
            await feed.started()
        assert counts(feeds[0].items[0]) == dict.fromkeys(counts(feeds[0].items[0]), 0)
        joined = [await business.join(queue_id) for _ in range(4)]
        await business.serve((await business.call_next(queue_id, counter_id))["session"]["id"])
        await joined[1].visitor(
            "mutation($i: SessionCancelInput!) { sessionCancel(input: $i) { __typename } }",
            i={"sessionId": joined[1].id},
        )
        wanted = {"arrivedCount": 4, "calledCount": 1, "servedCount": 1, "abandonedCount": 1, "waiting": 2}

        async def converged() -> bool:
            fresh = await business.admin(DASHBOARD)
            return counts(fresh) == wanted and all(feed.last == fresh for feed in feeds)

        await eventually(converged)
        took = asyncio.get_running_loop().time() - began
        for feed in feeds:
            revisions = [(item["revision"], item["endsAt"]) for item in feed.items]
            assert revisions == sorted(revisions)
            # The first at once, then at most one a second.
            assert len(feed.items) <= 2 + took
        busy = feeds[0].last["busiestQueues"][0]
        assert (busy["queue"]["name"], busy["waitingCount"], busy["figures"]["servedCount"]) == ("Busy", 2, 1)
        assert [counts(item)["arrivedCount"] for item in others[0].items] == [0] * len(others[0].items)
