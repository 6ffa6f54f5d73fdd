"""A small rush: hundreds join at once, an API process and a worker are killed with -9 in the middle, nothing is lost.

The same program as `python -m bench.rush`, which is the proof in full size; what its checker sees is tested beside it.
"""

from pathlib import Path

import pytest

from app.settings import Settings
from bench.rush.run import Plan, rush
from bench.stage import Stage
from tests.servers import open_test_cluster, own_database

PLAN = Plan(
    visitors=400,
    parts=2,
    connections=12,
    watchers=20,
    rate_per_minute=1_500,
    max_concurrent_users=40,
    claim_seconds=2,
    releases=120,
    most_seconds=60.0,
)


@pytest.mark.processes
async def test_a_rush_with_killed_processes_loses_nobody_and_keeps_rate_cap_and_order(
    migrated_settings: Settings, open_path: Path
) -> None:
    settings = own_database(migrated_settings, "rush")
    stage = Stage(open_path, open_test_cluster(open_path), settings.model_copy(update={"data_dir": open_path}))
    stage.migrate()
    said: list[str] = []
    with stage.relay():
        outcome = await rush(stage, PLAN, said.append)
    verdict = outcome.verdict
    assert verdict.broken == []
    assert verdict.joined == PLAN.visitors
    assert verdict.most_inside == PLAN.max_concurrent_users, "the cap was met, and held"
    assert verdict.released >= PLAN.releases
    assert 0 < outcome.joined_when_killed < PLAN.visitors, "in the middle"
    assert verdict.entered > 0, "some went in, each with a token of their own"
    assert verdict.places_checked > PLAN.visitors, "watchers were shown more than the joins' answers"
