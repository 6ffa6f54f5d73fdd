"""The figures of the sample day, held against the source file itself and against plain SQL over the visits."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import floor
from typing import Any
from uuid import UUID

import pytest

from app.core.ids import parse
from app.replay.source import Call
from tests.analytics.source_day import Staff, calls, folded, log, staff_of
from tests.support.api import Api, Business

DAY = ("1999-08-02T00:00:00+03:00", "1999-08-03T00:00:00+03:00")
DURATIONS = "count meanSeconds p50Seconds p90Seconds p95Seconds"
FIGURES = f"""joinedCount transferredInCount arrivedCount calledCount servedCount abandonedCount cancelledAfterCallCount
  cancelledByStaffCount noShowCount expiredCount revokedCount transferredOutCount wait {{ {DURATIONS} }}
  abandonedWait {{ {DURATIONS} }} service {{ {DURATIONS} }} abandonmentRate noShowRate serviceLevel throughputPerHour
  occupancy meanWaitingCount mostWaitingCount satisfaction {{ ratingCount meanRating csat npsCount nps }}"""
QUERY = f"""query(
  $q: ID!, $from: DateTime!, $to: DateTime!, $by: AnalyticsGranularity!, $f: AnalyticsFilter, $s: Int
) {{
  queueAnalytics(queueId: $q, from: $from, to: $to, granularity: $by, filter: $f, serviceLevelSeconds: $s) {{
    startsAt endsAt timeZone granularity serviceLevelSeconds revision
    total {{ {FIGURES} }}
    points {{ startsAt endsAt figures {{ {FIGURES} }} }}
  }} }}"""


@dataclass(frozen=True)
class Day:
    """The day in a queue, and as it stands in the file."""

    business: Business
    tenant_id: UUID
    queue_id: str
    category_id: str
    calls: list[Call]
    staff: Staff
    events: int

    async def ask(self, by: str = "HOUR", filter: Any = None, threshold: int | None = None) -> Any:
        """The figures of the day."""
        given = {"q": self.queue_id, "from": DAY[0], "to": DAY[1], "by": by, "f": filter, "s": threshold}
        return await self.business.admin(QUERY, **given)


@pytest.fixture(scope="module")
async def day(api: Api) -> Day:
    business = await api.new_business()
    queue_id = await business.queue(timeZone="Asia/Jerusalem")
    made = await business.admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": queue_id, "name": "Priority"},
    )
    category_id = made["category"]["id"]
    (_, ref), (_, category) = parse(queue_id), parse(category_id)
    found = calls()
    staff = staff_of(found)
    events = log(found, staff, {2: category.id})
    await folded(api.runtime.dbs.system, ref.tenant_id, ref.id, events)
    return Day(business, ref.tenant_id, queue_id, category_id, found, staff, len(events))


def percentile(values: list[int], share: float) -> float:
    return sorted(values)[floor(share * (len(values) - 1))]


def about(value: float) -> Any:
    return pytest.approx(value, rel=0.0101, abs=0.001)


async def test_the_day_is_as_the_file_has_it(day: Day) -> None:
    found = await day.ask(threshold=120)
    served = [call for call in day.calls if not call.abandoned]
    left = [call.wait_seconds for call in day.calls if call.abandoned]
    waits = [call.wait_seconds for call in served]
    services = [call.service_seconds or 0 for call in served]
    total = found["total"]
    assert (total["joinedCount"], total["calledCount"], total["servedCount"]) == (
        len(day.calls),
        len(served),
        len(served),
    )
    assert total["abandonedCount"] == len(left)
    for name, values in ("wait", waits), ("service", services), ("abandonedWait", left):
        shown = total[name]
        assert shown["count"] == len(values)
        assert shown["meanSeconds"] == pytest.approx(sum(values) / len(values))
        for percent in (50, 90, 95):
            assert shown[f"p{percent}Seconds"] == about(percentile(values, percent / 100)), (name, percent)
    assert total["abandonmentRate"] == pytest.approx(len(left) / len(day.calls))
    near = [sum(wait <= limit for wait in waits) / len(day.calls) for limit in (117, 123)]
    assert near[0] <= total["serviceLevel"] <= near[1]
    assert total["throughputPerHour"] == pytest.approx(len(served) / 24)
    person_seconds = sum(call.wait_seconds for call in day.calls)
    assert total["meanWaitingCount"] == pytest.approx(person_seconds / 86_400)
    assert found["revision"] == day.events
    assert [point["startsAt"] for point in found["points"][:2]] == [
        "1999-08-01T21:00:00+00:00",
        "1999-08-01T22:00:00+00:00",
    ]
    joined = Counter(call.joins // 3600 for call in day.calls)
    ended = Counter(call.leaves_line // 3600 for call in day.calls if call.abandoned)
    assert [point["figures"]["joinedCount"] for point in found["points"]] == [joined[hour] for hour in range(24)]
    assert [point["figures"]["abandonedCount"] for point in found["points"]] == [ended[hour] for hour in range(24)]


SQL = """
    select count(*) filter (where entered_at >= $3 and entered_at < $4) as joined,
        count(*) filter (where called_at >= $3 and called_at < $4) as called,
        count(*) filter (where outcome = 'SERVED' and ended_at >= $3 and ended_at < $4) as served,
        count(*) filter (where outcome = 'ABANDONED_WAITING' and ended_at >= $3 and ended_at < $4) as abandoned,
        avg(extract(epoch from called_at - entered_at)) filter (where called_at >= $3 and called_at < $4) as wait,
        avg(extract(epoch from ended_at - started_at)) filter (where ended_at >= $3 and ended_at < $4) as service
    from session_facts where tenant_id = $1 and queue_id = $2 and ($5::int is null or priority = $5)
"""


async def rows(day: Day, statement: str, *values: Any) -> Any:
    async with day.business.api.runtime.dbs.system.read(day.tenant_id) as tx:
        return await tx.rows(statement, day.tenant_id, parse(day.queue_id)[1].id, *values)


async def test_each_hour_is_what_plain_sql_counts(day: Day) -> None:
    found = await day.ask(filter={"priority": 2}, threshold=60)
    assert found["total"]["joinedCount"] == sum(call.priority == 2 for call in day.calls) > 100
    for point in found["points"]:
        span = (datetime.fromisoformat(point["startsAt"]), datetime.fromisoformat(point["endsAt"]))
        (told,) = await rows(day, SQL, *span, 2)
        shown = point["figures"]
        assert [shown[f"{name}Count"] for name in ("joined", "called", "served", "abandoned")] == list(told)[:4]
        assert shown["wait"]["meanSeconds"] == (None if told["wait"] is None else pytest.approx(float(told["wait"])))
        service = None if told["service"] is None else pytest.approx(float(told["service"]))
        assert shown["service"]["meanSeconds"] == service
        assert (shown["occupancy"], shown["meanWaitingCount"], shown["mostWaitingCount"]) == (None, None, None)
    by_category = await day.ask(filter={"categoryId": day.category_id}, threshold=60)
    assert by_category["points"] == found["points"]


async def test_a_day_is_its_hours(day: Day) -> None:
    hours, whole = await day.ask("HOUR"), await day.ask("DAY")
    assert [(point["startsAt"], point["endsAt"]) for point in whole["points"]] == [(hours["startsAt"], hours["endsAt"])]
    assert whole["points"][0]["figures"] == whole["total"] == hours["total"]
    assert [(await day.ask(by))["total"] for by in ("WEEK", "MONTH")] == [whole["total"]] * 2
    # The line and who was on duty, by the file: agents × time until the last event of the day, then as it was.
    ends = max(call.leaves_line + (call.service_seconds or 0) for call in day.calls)
    starts = min(call.joins for call in day.calls)
    busy = sum(min(86_400, call.leaves_line + (call.service_seconds or 0)) - call.leaves_line for call in day.calls)
    open_seconds = len(day.staff.users) * (86_400 - starts)
    assert ends > 86_000
    assert whole["total"]["occupancy"] == pytest.approx(busy / open_seconds, rel=1e-4)
    most = max(sum(call.joins <= other.joins < call.leaves_line for call in day.calls) for other in day.calls)
    assert whole["total"]["mostWaitingCount"] == most


PARTS = """query($q: ID!, $from: DateTime!, $to: DateTime!) { queueAnalytics(queueId: $q, from: $from, to: $to) {
    queue { id }
    heatMap { weekday hour arrivedCount calledCount meanArrivedCount meanWaitSeconds }
    peakHours { hour arrivedCount meanWaitSeconds }
    abandonmentByPosition { firstPosition lastPosition arrivedCount abandonedCount abandonmentRate }
    previous { startsAt endsAt figures { joinedCount wait { count } } change { arrived waitP90 } }
    priorities: slices(by: PRIORITY) { priority figures { arrivedCount servedCount } }
    categories: slices(by: CATEGORY) { category { id } figures { arrivedCount } }
    counters: slices(by: COUNTER) { figures { servedCount } }
    staff: slices(by: STAFF) { user { id } figures { servedCount wait { p90Seconds } } }
  } }"""


async def test_the_parts_of_the_day_are_those_of_the_file(day: Day) -> None:
    found = await day.business.admin(PARTS, q=day.queue_id, **{"from": DAY[0], "to": DAY[1]})
    joined = Counter(call.joins // 3600 for call in day.calls)
    monday = [cell for cell in found["heatMap"] if cell["weekday"] == "MONDAY"]
    assert [cell["arrivedCount"] for cell in monday] == [joined[hour] for hour in range(24)]
    assert sum(cell["arrivedCount"] for cell in found["heatMap"]) == len(day.calls)
    assert [cell["meanArrivedCount"] for cell in monday] == [float(joined[hour]) for hour in range(24)]
    assert len(found["heatMap"]) == 168
    peaks = sorted(joined, key=lambda hour: (-joined[hour], hour))[:3]
    assert [(peak["hour"], peak["arrivedCount"]) for peak in found["peakHours"]] == [(h, joined[h]) for h in peaks]
    ten = [call.wait_seconds for call in day.calls if call.leaves_line // 3600 == 10 and not call.abandoned]
    assert monday[10]["meanWaitSeconds"] == pytest.approx(sum(ten) / len(ten))
    told = await rows(
        day,
        "select position, count(*), count(*) filter (where outcome = 'ABANDONED_WAITING') from session_facts"
        " where tenant_id = $1 and queue_id = $2 group by 1",
    )
    for share in found["abandonmentByPosition"]:
        last = share["lastPosition"] or 10**9
        within = [row for row in told if share["firstPosition"] <= row[0] <= last]
        assert (share["arrivedCount"], share["abandonedCount"]) == (
            sum(r[1] for r in within),
            sum(r[2] for r in within),
        )
    assert sum(share["arrivedCount"] for share in found["abandonmentByPosition"]) == len(day.calls)
    assert found["previous"]["startsAt"] == "1999-07-31T21:00:00+00:00"
    assert found["previous"]["figures"] == {"joinedCount": 0, "wait": {"count": 0}}
    assert found["previous"]["change"] == {"arrived": None, "waitP90": None}
    priorities = Counter(call.priority for call in day.calls)
    assert [(each["priority"], each["figures"]["arrivedCount"]) for each in found["priorities"]] == [
        *priorities.most_common()
    ]
    assert {(each["category"] or {}).get("id"): each["figures"]["arrivedCount"] for each in found["categories"]} == {
        day.category_id: priorities[2],
        None: len(day.calls) - priorities[2],
    }
    served = Counter(call.agent for call in day.calls if call.agent)
    for name in ("counters", "staff"):
        assert sorted(each["figures"]["servedCount"] for each in found[name]) == sorted(served.values())
