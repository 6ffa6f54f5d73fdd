"""Who may ask for figures, of whom, and how: staff for their own, nobody for another business's; pages; refusals."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.analytics import service
from app.analytics.figures import Filters, Granularity, Period
from app.core.ids import encode, parse
from app.counters.models import Shift
from app.identity.models import Role
from app.replay.source import Call
from tests.analytics.source_day import Staff, at, calls, folded, log, staff_of
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed

DAY = {"from": "1999-08-02T00:00:00+03:00", "to": "1999-08-03T00:00:00+03:00"}
PERIOD = Period(at(0), at(86_400))
CHART, DASHBOARD, STAFF = operation("QueueChart"), operation("Dashboard"), operation("StaffPerformance")


@dataclass(frozen=True)
class House:
    """A business with the morning's calls in one queue and the afternoon's in another, on another clock."""

    business: Business
    tenant_id: UUID
    queues: list[str]
    calls: list[list[Call]]
    staff: Staff
    me: Caller
    my_id: str
    my_name: str

    def served(self) -> Counter[str]:
        return Counter(call.agent for part in self.calls for call in part if call.agent)


@pytest.fixture(scope="module")
async def house(api: Api) -> House:
    business = await api.new_business()
    me = await business.user(Role.STAFF)
    my_id = (await me("{ viewer { ... on User { id } } }"))["id"]
    every = [call for call in calls() if call.leaves_line + (call.service_seconds or 0) < 80_000]
    parts = [every[:300], every[600:900]]
    staff = staff_of(every)
    my_name, _ = Counter(call.agent for part in parts for call in part if call.agent).most_common(2)[1]
    staff.users[str(my_name)] = parse(my_id)[1].id
    queues = [await business.queue(timeZone=zone) for zone in ("Asia/Jerusalem", "Europe/London")]
    for queue_id, part in zip(queues, parts, strict=True):
        (_, ref) = parse(queue_id)
        await folded(api.runtime.dbs.system, ref.tenant_id, ref.id, log(part, staff, {}))
    return House(business, ref.tenant_id, queues, parts, staff, me, my_id, str(my_name))


def nodes(page: Any) -> list[Any]:
    return [edge["node"] for edge in page["edges"]]


async def test_staff_see_their_own_figures_and_managers_everybodys(house: House) -> None:
    manager = await house.business.user(Role.MANAGER)
    served = house.served()
    everybody = nodes(await manager(STAFF, **DAY))
    assert [node["figures"]["servedCount"] for node in everybody] == sorted(served.values(), reverse=True)
    mine = [node for node in everybody if node["user"] and node["user"]["id"] == house.my_id]
    assert [node["figures"]["servedCount"] for node in mine] == [served[house.my_name]]
    for whose in (None, house.my_id):
        assert nodes(await house.me(STAFF, userId=whose, **DAY)) == mine
        with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
            await (await house.business.user(Role.CUSTOMER))(STAFF, userId=whose, **DAY)
    assert nodes(await manager(STAFF, userId=house.my_id, **DAY)) == mine
    stranger = encode("User", house.tenant_id, next(iter(house.staff.users.values())))
    with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
        await house.me(STAFF, userId=stranger, **DAY)
    visitor = (await house.business.join(house.queues[0])).visitor
    for nobody in (visitor, house.business.api.anonymous):
        with pytest.raises(GraphQLFailed, match="UNAUTHENTICATED"):
            await nobody(STAFF, **DAY)
    other = (await house.business.api.new_business()).admin
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await other(STAFF, userId=house.my_id, **DAY)
    assert nodes(await other(STAFF, **DAY)) == []


async def test_pages_of_staff_show_everybody_once(house: House) -> None:
    admin, seen, after = house.business.admin, [], None
    whole = nodes(await admin(STAFF, **DAY))
    while True:
        page = await admin(STAFF, first=3, after=after, **DAY)
        seen += nodes(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole
    for cursor in ("x", "WyIxIl0", "WyJ4IiwieSJd"):
        with pytest.raises(GraphQLFailed, match="BAD_USER_INPUT"):
            await admin(STAFF, after=cursor, **DAY)


async def test_time_on_duty_is_that_of_shifts_in_the_period_without_breaks(house: House) -> None:
    counter_id = parse(await house.business.counter(house.queues[0]))[1].id
    (_, me) = parse(house.my_id)

    def shift(starts: float, ends: float | None, break_seconds: float = 0.0) -> Shift:
        return Shift(
            tenant_id=me.tenant_id,
            counter_id=counter_id,
            user_id=me.id,
            started_at=at(starts),
            ended_at=None if ends is None else at(ends),
            break_seconds=break_seconds,
        )

    async with house.business.api.runtime.dbs.system.write(me.tenant_id) as tx:
        # An hour before midnight and one after, with half an hour of break: half of it counts. Then eight, less one.
        tx.add_all([shift(-3600, 3600, 1800), shift(9 * 3600, 17 * 3600, 3600), shift(-7200, -3600)])
    (mine,) = nodes(await house.me(STAFF, **DAY))
    assert mine["onDutySeconds"] == pytest.approx(2700 + 7 * 3600)
    busy = sum(call.service_seconds or 0 for part in house.calls for call in part if call.agent == house.my_name)
    assert mine["occupancy"] == pytest.approx(busy / mine["onDutySeconds"])
    assert mine["servedPerHour"] == pytest.approx(mine["figures"]["servedCount"] / (mine["onDutySeconds"] / 3600))


async def test_the_business_is_its_queues_together(house: House) -> None:
    (one, two), business = house.calls, house.business
    dashboard = await business.admin(DASHBOARD, **DAY)
    assert dashboard["total"]["arrivedCount"] == len(one) + len(two)
    waits = sorted(call.wait_seconds for part in house.calls for call in part if not call.abandoned)
    assert dashboard["total"]["wait"]["p90Seconds"] == pytest.approx(waits[int(0.9 * (len(waits) - 1))], rel=0.0101)
    assert dashboard["total"]["mostWaitingCount"] is None
    keys = [parse(queue_id)[1].id for queue_id in house.queues]
    now = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
    async with business.api.runtime.dbs.app.read(house.tenant_id) as tx:
        both = await service.queue_figures(tx, keys, PERIOD, now=now, granularity=Granularity.HOUR)
        assert both.total == replace(both.total, joined_count=len(one) + len(two))
        each = [await service.queue_figures(tx, [key], PERIOD, now=now) for key in keys]
        assert [part.total.joined_count for part in each] == [len(one), len(two)]
        assert sum(point.figures.joined_count for point in both.points) == len(one) + len(two)
        assert both.total.wait.count == each[0].total.wait.count + each[1].total.wait.count
        # By the clocks on both walls: the second queue's visits are two hours earlier there than in Jerusalem.
        jerusalem, london = ([call.joins - shift for call in part] for part, shift in ((one, 0), (two, 7200)))
        for starts, ends in ((12, 16), (10, 12)):
            morning = Period(at(starts * 3600), at(ends * 3600))
            found = await service.tenant_figures(tx, morning, now=now)
            hours = [second // 3600 for second in (*jerusalem, *london)]
            # The business's own clock is UTC's, three hours behind.
            assert found.total.joined_count == sum(starts - 3 <= hour < ends - 3 for hour in hours) > 0
        only = await service.queue_figures(tx, keys, PERIOD, now=now, filters=Filters(priority=2))
        assert only.total.joined_count == sum(call.priority == 2 for part in house.calls for call in part)


async def test_the_last_minute_of_a_day_shows_the_day(house: House) -> None:
    # The business's clock is UTC's; who asks from 23:59 on gives the end of the minute.
    midnight = datetime.fromisoformat("1999-08-03T00:00:00+00:00")
    async with house.business.api.runtime.dbs.app.read(house.tenant_id) as tx:
        found = await service.tenant_figures(tx, now=midnight)
        assert found.period == Period(midnight - timedelta(days=1), midnight)
        assert found.total.joined_count > 0
        after = await service.tenant_figures(tx, now=midnight + timedelta(minutes=1))
    assert after.period == Period(midnight, midnight + timedelta(hours=1))
    assert after.before == Period(found.period.starts, found.period.starts + timedelta(hours=1))


async def test_a_period_is_compared_with_the_one_before(house: House) -> None:
    hours = {"from": at(8 * 3600).isoformat(), "to": at(9 * 3600).isoformat()}
    found = await house.business.admin(CHART, queueId=house.queues[0], granularity="HOUR", **hours)
    joined = Counter(call.joins // 3600 for call in house.calls[0])
    assert (found["total"]["joinedCount"], found["previous"]["figures"]["joinedCount"]) == (joined[8], joined[7])
    assert joined[7] > 0
    assert found["previous"]["endsAt"] == found["startsAt"]
    assert found["previous"]["change"]["arrived"] == pytest.approx(joined[8] / joined[7] - 1)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"from": DAY["to"], "to": DAY["from"]}, "`from` is before `to`"),
    ({"from": "1999-08-02T00:00:00"}, "needs a time zone"),
    ({"to": "1999-10-02T00:00:00Z", "granularity": "HOUR"}, "at most 31 days"),
    ({"from": "1990-08-02T00:00:00Z"}, "at most 732 days"),
    ({"filter": {"priority": 2, "userId": "mine"}}, "takes one of"),
    ({"filter": {"priority": 12}}, "from 0 to 9"),
    ({"serviceLevelSeconds": 0}, "from 1 to 86,400"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
async def test_what_cannot_be_answered_is_said(house: House, given: dict[str, Any], said: str) -> None:
    if "filter" in given:
        ids = {name: house.my_id for name in given["filter"] if name == "userId"}
        given = {"filter": given["filter"] | ids}
    with pytest.raises(GraphQLFailed, match="BAD_USER_INPUT") as refusal:
        await house.business.admin(CHART, **({"queueId": house.queues[0]} | DAY | given))
    assert said in refusal.value.errors[0]["message"]


async def test_what_belongs_to_others_is_not_found(house: House) -> None:
    other = await house.business.api.new_business()
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await other.admin(CHART, queueId=house.queues[0], **DAY)
    own = await other.queue()
    theirs = await house.business.counter(house.queues[0])
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await other.admin(CHART, queueId=own, filter={"counterId": theirs}, **DAY)
    for name, id in (("categoryId", "QueueCategory"), ("counterId", "Counter"), ("userId", "User")):
        nobodys = encode(id, parse(own)[1].tenant_id, parse(own)[1].id)
        with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
            await other.admin(CHART, queueId=own, filter={name: nobodys}, **DAY)
    empty = await other.admin(CHART, queueId=own, **DAY)
    assert (empty["total"]["arrivedCount"], empty["revision"]) == (0, 0)
    with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
        await house.me(CHART, queueId=house.queues[0], **DAY)
    with pytest.raises(GraphQLFailed, match="BAD_USER_INPUT"):
        await house.business.admin(DASHBOARD, **{"from": DAY["from"]})


async def test_the_threshold_is_the_businesss_unless_another_is_asked_for(house: House) -> None:
    tenant = encode("Tenant", house.tenant_id, house.tenant_id)
    await house.business.admin(
        "mutation($i: TenantUpdateInput!) { tenantUpdate(input: $i) { __typename } }",
        i={"tenantId": tenant, "settings": {"serviceLevelSeconds": 45}},
    )
    found = await house.business.admin(CHART, queueId=house.queues[0], **DAY)
    asked = await house.business.admin(CHART, queueId=house.queues[0], serviceLevelSeconds=45, **DAY)
    assert (found["serviceLevelSeconds"], found) == (45, asked)
    longer = await house.business.admin(CHART, queueId=house.queues[0], serviceLevelSeconds=86_400, **DAY)
    assert found["total"]["serviceLevel"] < longer["total"]["serviceLevel"]
    assert longer["total"]["serviceLevel"] == pytest.approx(1 - longer["total"]["abandonmentRate"])
