"""The process beside the API process: the same answers, and nobody is stuck whatever becomes of it."""

import asyncio
import os
import pickle
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from uuid import UUID

import pytest

from app.core.errors import BadInput, Unavailable
from app.simulation.elsewhere import MOST_OF_ONE, MOST_WAITING, Elsewhere
from app.simulation.process import answered, framed
from app.simulation.recommending import Question
from app.simulation.records import packed
from app.simulation.study import Block, Demand, Study
from tests.simulation.sample_day import DAY, RULES, sample_day
from tests.support.waiting import eventually

RECORDS = sample_day()[:80]
PORTIONS = [packed(RECORDS[:50]), packed(RECORDS[50:])]
STUDY = Study(Demand.RECORDED, DAY, RULES, RULES, runs=2, seed=1, threshold_seconds=60)
# A process that begins on a busy machine takes its time.
PATIENT = 600.0
ME = UUID(int=1)
ENDLESS = replace(STUDY, runs=1_000_000)


@pytest.fixture
async def simulations() -> AsyncIterator[Elsewhere]:
    """One, with no process yet."""
    made = Elsewhere(deadline_seconds=PATIENT)
    yield made
    await made.stop()


def pid(simulations: Elsewhere) -> int:
    assert simulations._process is not None
    return simulations._process.pid


async def test_what_is_answered_elsewhere_is_what_would_be_here(simulations: Elsewhere) -> None:
    question = Question((), DAY, RULES, 60, runs=3, seed=1)
    assert await simulations.ask(STUDY, PORTIONS, ME) == answered(STUDY, PORTIONS)
    first = pid(simulations)
    assert await simulations.ask(question, PORTIONS, ME) == answered(question, PORTIONS)
    assert pid(simulations) == first
    # What goes wrong there is raised here, and the next one is answered.
    with pytest.raises(ZeroDivisionError):
        await simulations.ask(replace(STUDY, demand=Demand.RESAMPLED, factor=1 / 3, blocks=_Broken()), PORTIONS, ME)
    # Killed while it has nothing to do: the next one gets another.
    os.kill(first, signal.SIGKILL)
    assert await simulations.ask(STUDY, PORTIONS, ME) == answered(STUDY, PORTIONS)
    assert pid(simulations) != first


async def test_who_gives_up_or_takes_too_long_ends_it(simulations: Elsewhere) -> None:
    given_up = asyncio.create_task(simulations.ask(ENDLESS, PORTIONS, ME))
    await eventually(lambda: simulations._process is not None)
    process = simulations._process
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    simulations.deadline_seconds = 0.0
    with pytest.raises(BadInput, match="takes too long"):
        await simulations.ask(ENDLESS, PORTIONS, ME)
    simulations.deadline_seconds = PATIENT
    assert (await simulations.ask(STUDY, PORTIONS, ME)).recorded is not None


async def test_where_nobody_came_there_may_be_much_to_compute_all_the_same(simulations: Elsewhere) -> None:
    """Counters by the thousand, day by day: not in the loop of who is served."""
    many = replace(ENDLESS, blocks=(Block(time(), None, difference=500),) * 24)
    simulations.deadline_seconds = 0.0
    with pytest.raises(BadInput, match="takes too long"):
        await simulations.ask(many, [], ME)
    simulations.deadline_seconds = PATIENT
    assert await simulations.ask(STUDY, [], ME) == answered(STUDY, [])
    assert simulations._process is not None


async def test_a_process_whose_owner_was_killed_does_not_compute_for_ever() -> None:
    """It is ended by a signal of its own, as long as nothing else does so before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from app.simulation import process; process.LONGEST_SECONDS = 1; process.main()",
        stdin=PIPE,
        stdout=PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(framed(pickle.dumps((ENDLESS, PORTIONS))))
    process.stdin.close()
    async with asyncio.timeout(PATIENT):
        assert await process.wait() == -signal.SIGALRM


async def test_a_few_wait_and_the_next_one_is_told_to_come_again(simulations: Elsewhere) -> None:
    tenants = [UUID(int=1 + number // MOST_OF_ONE) for number in range(MOST_WAITING)]
    asked = [asyncio.create_task(simulations.ask(ENDLESS, PORTIONS, each)) for each in tenants[:MOST_OF_ONE]]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await simulations.ask(STUDY, PORTIONS, ME)
    # Others are not kept out by one of them, but by so many.
    asked += [asyncio.create_task(simulations.ask(ENDLESS, PORTIONS, each)) for each in tenants[MOST_OF_ONE:]]
    await asyncio.sleep(0)
    assert not any(task.done() for task in asked)
    with pytest.raises(Unavailable):
        await simulations.ask(STUDY, PORTIONS, UUID(int=9))
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert (await simulations.ask(STUDY, PORTIONS, ME)).recorded is not None


class _Broken(tuple):  # type: ignore[type-arg]
    """A value nobody expects: looked at, it fails."""

    def __iter__(self) -> object:  # type: ignore[override]
        raise ZeroDivisionError
