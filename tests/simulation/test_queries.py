"""What-if through the API: the sample day as facts of a queue, for those who may see figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest

from app.analytics.facts import Fact
from app.analytics.models import Outcome
from app.analytics.repository import LIVE, keep_facts
from app.core.ids import parse
from app.identity.models import Role
from app.simulation import service
from app.simulation.process import answered
from app.simulation.records import packed
from app.simulation.study import Demand, Study
from app.simulation.values import Fate
from tests.simulation.sample_day import DAY, RULES, sample_day
from tests.support.api import Api, Business, GraphQLFailed

OPERATIONS = Path(__file__).parents[2] / "frontend-contract" / "operations"
DOCUMENTS = (OPERATIONS / "admin" / "simulation.graphql").read_text()
FRAGMENTS = (OPERATIONS / "fragments" / "simulations.graphql").read_text()
SIMULATE = DOCUMENTS.partition("# What to change")[0] + FRAGMENTS
RECOMMEND = DOCUMENTS.partition("tried out on the visits of a period.\n")[2]
RECORDS = sample_day()[:300]
TIMES = {"from": DAY.starts_at.isoformat(), "to": DAY.ends_at.isoformat()}


def invented(arrivals: list[float], **given: Any) -> dict[str, Any]:
    return {"demand": "INVENTED", "invented": {"arrivalsPerHour": arrivals, "serviceSeconds": 9.0} | given}


@dataclass(frozen=True)
class Ground:
    """A business with a queue in which the morning of the sample day has happened."""

    business: Business
    queue_id: str
    metered_id: str

    async def simulate(self, **given: Any) -> Any:
        return await self.business.admin(SIMULATE, input={"queueId": self.queue_id, **TIMES, **given})


@pytest.fixture(scope="module")
async def ground(api: Api) -> Ground:
    business = await api.new_business()
    queue_id = await business.queue(discipline="TIME_CREDIT", priorityCredits=[{"priority": 2, "seconds": 90.0}])
    metered_id = await business.queue(mode="METERED", releaseRatePerMinute=5)
    _, ref = parse(queue_id)
    facts = [
        Fact(
            ref.id,
            UUID(int=number),
            record.entered_at,
            record.entered_at,
            is_transfer=False,
            category_id=None,
            priority=record.priority,
            party_size=1,
            position=1,
            waiting_ahead=0,
            called_at=record.called_at,
            started_at=record.called_at,
            ended_at=record.ended_at,
            outcome=Outcome.SERVED if record.fate is Fate.SERVED else Outcome.ABANDONED_WAITING,
            counter_id=None if record.counter is None else uuid5(NAMESPACE_OID, record.counter),
        )
        # Written the other way round: what came in the same second is in no order of its own, and luck goes by order.
        for number, record in reversed([*enumerate(RECORDS, 1)])
    ]
    async with api.runtime.dbs.system.write(ref.tenant_id) as tx:
        await keep_facts(tx, LIVE, ref.tenant_id, facts)
    # The process beside begins now, however long that takes here.
    simulations = api.runtime.simulations
    simulations.deadline_seconds = 600.0
    await simulations.ask(
        Study(Demand.RECORDED, DAY, RULES, RULES, runs=1, seed=1, threshold_seconds=60),
        [packed(RECORDS)],
        ref.tenant_id,
    )
    return Ground(business, queue_id, metered_id)


async def test_the_answer_is_that_of_the_recorded_visits(ground: Ground) -> None:
    shown = await ground.simulate(
        runs=4, serviceLevelSeconds=60, staffing=[{"starts": "08:00", "ends": "10:00", "difference": 2}]
    )
    study = Study(Demand.RECORDED, DAY, RULES, RULES, runs=4, seed=1, threshold_seconds=60)
    expected = answered(study, [packed(RECORDS)])
    assert shown["recorded"]["visitCount"] == 300
    assert shown["recorded"]["p90WaitSeconds"] == expected.recorded.p90_wait_seconds  # type: ignore[union-attr]
    before = expected.before.figures["mean_wait_seconds"]  # type: ignore[union-attr]
    assert before is not None
    assert shown["before"]["meanWaitSeconds"] == {"median": before.median, "low": before.low, "high": before.high}
    assert shown["after"]["meanWaitSeconds"]["median"] < before.median
    assert (shown["runs"], shown["seed"], shown["serviceLevelSeconds"]) == (4, 1, 60)
    assert {hour["hour"] for hour in shown["after"]["hours"]} >= {8, 9}
    unchanged = await ground.simulate(runs=1)
    assert (unchanged["after"], unchanged["serviceLevelSeconds"]) == (None, 600)


async def test_days_like_it_other_rules_and_an_invented_demand(ground: Ground) -> None:
    busier = await ground.simulate(demand="RESAMPLED", arrivalFactor=2.0, runs=3, discipline="PRIORITY", capacity=5)
    assert busier["after"]["visitCount"]["median"] > 1.7 * busier["before"]["visitCount"]["median"]
    assert busier["after"]["unservedCount"]["median"] > 0
    demand = invented([120.0, 60.0], serviceSeconds=100.0, patienceSeconds=300.0)
    made = await ground.simulate(**demand, runs=3, staffing=[{"starts": "00:00", "ends": "00:00", "counters": 3}])
    assert (made["recorded"], made["before"]) == (None, None)
    assert 140 < made["after"]["visitCount"]["median"] < 220
    assert made["after"]["counterCount"]["median"] == pytest.approx(3, rel=0.02)
    metered = await ground.simulate(queueId=ground.metered_id, **demand, runs=3, releaseRatePerMinute=1)
    assert metered["after"]["p90WaitSeconds"]["median"] > 60
    assert metered["after"]["counterCount"] is None


async def test_recommendations_come_with_figures_and_a_sentence(ground: Ground) -> None:
    given = {"queueId": ground.queue_id, **TIMES, "target": 60}
    shown = await ground.business.admin(RECOMMEND, **given)
    assert (shown["targetP90WaitSeconds"], shown["recorded"]["visitCount"]) == (60, 300)
    assert shown["recommendations"]
    for each in shown["recommendations"]:
        assert each["kind"] == "MORE_COUNTERS"
        assert each["afterP90WaitSeconds"] < each["beforeP90WaitSeconds"]
        assert f" from {each['startsHour']:02}:00 to {each['endsHour']:02}:00 cut" in each["sentence"]
    nobody = await ground.business.admin(RECOMMEND, **given | {"queueId": ground.metered_id})
    assert (nobody["recommendations"], nobody["recorded"]["visitCount"]) == ([], 0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"to": TIMES["from"]}, "`from` is before `to`"),
        ({"to": "1999-09-20T00:00:00Z"}, "at most 31 days"),
        ({"runs": 0}, "`runs` is from 1 to 100"),
        ({"arrivalFactor": 2.0}, "RESAMPLED"),
        ({"demand": "RESAMPLED", "arrivalFactor": 11.0}, "`arrivalFactor` is from"),
        (
            {"from": "9999-12-28T00:00:00Z", "to": "9999-12-29T00:00:00Z"} | invented([9.0], serviceVariation=9.0),
            "days around",
        ),
        ({"demand": "INVENTED"}, "Give `invented`"),
        ({"releaseRatePerMinute": 5}, "METERED"),
        ({"serviceLevelSeconds": 0}, "from 1 to 86,400"),
        ({"seed": -1}, "`seed`"),
        ({"maxConcurrentUsers": 0}, "cap and capacity"),
        ({"priorityCredits": [{"priority": 1, "seconds": -1.0}]}, "A credit is"),
        ({"staffing": [{"starts": "10:00", "ends": "09:00", "difference": 1}]}, "ends after it starts"),
        ({"staffing": [{"starts": "10:00", "ends": "11:00"}]}, "`counters` or `difference`"),
        ({"staffing": [{"starts": "10:00", "ends": "11:00", "counters": 501}]}, "at most 500"),
        ({"staffing": [{"starts": "10:00", "ends": "11:00", "counters": 1}] * 25}, "at most 24"),
        (
            {"demand": "INVENTED", "invented": {"arrivalsPerHour": [1.0], "serviceSeconds": 9.0}},
            "nobody knows the staff",
        ),
        ({"demand": "INVENTED", "invented": {"arrivalsPerHour": [], "serviceSeconds": 9.0}}, "1 to 168 members"),
        (
            {"demand": "INVENTED", "invented": {"arrivalsPerHour": [9e4], "serviceSeconds": 9.0}},
            "At most 20,000 visits",
        ),
        ({"demand": "INVENTED", "invented": {"arrivalsPerHour": [1.0], "serviceSeconds": 0.0}}, "`serviceSeconds`"),
    ],
)
async def test_what_no_simulation_knows_is_refused(ground: Ground, given: dict[str, Any], says: str) -> None:
    with pytest.raises(GraphQLFailed, match=says) as refused:
        await ground.simulate(**given)
    assert refused.value.code == "BAD_USER_INPUT"


async def test_visits_that_come_besides_count_as_those_that_came(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 came: ten times as many are 3,000, and 3,300 in each run before and after."""
    tenfold = {"demand": "RESAMPLED", "arrivalFactor": 10.0}
    monkeypatch.setattr(service, "MOST_PLAYED", 6_600)
    with pytest.raises(GraphQLFailed, match="room for 2 runs"):
        await ground.simulate(**tenfold, runs=3)
    assert (await ground.simulate(**tenfold))["runs"] == 2
    monkeypatch.setattr(service, "MOST_VISITS", 2_999)
    with pytest.raises(GraphQLFailed, match="these are about 3,000"):
        await ground.simulate(**tenfold)


async def test_staff_of_a_metered_queue_is_nobodys_and_figures_are_for_those_who_may_see_them(
    api: Api, ground: Ground
) -> None:
    with pytest.raises(GraphQLFailed, match="STAFFED"):
        await ground.simulate(
            queueId=ground.metered_id, staffing=[{"starts": "10:00", "ends": "11:00", "difference": 1}]
        )
    question = {"queueId": ground.queue_id, **TIMES}
    other, staff = (await api.new_business()).admin, await ground.business.user(Role.STAFF)
    for caller, code in ((other, "NOT_FOUND"), (staff, "FORBIDDEN"), (api.anonymous, "UNAUTHENTICATED")):
        for document, variables in ((SIMULATE, {"input": question}), (RECOMMEND, question)):
            with pytest.raises(GraphQLFailed) as refused:
                await caller(document, **variables)
            assert refused.value.code == code
    manager = await ground.business.user(Role.MANAGER)
    assert (await manager(SIMULATE, input=question | {"runs": 1}))["recorded"]["visitCount"] == 300
