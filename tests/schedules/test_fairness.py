"""The proof of a lottery: what is published when, and the scripts of the docs against a real one and against fakes."""

import asyncio
import copy
import json
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.core.ids import decode
from app.queues.lottery import drawn, lot_of
from tests.contract.operations import operation
from tests.schedules.conftest import Timed
from tests.support.api import Api, Business, GraphQLFailed, Joined
from tests.support.queue_logs import events_of, read_queue
from tests.support.verbs import ask, done

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fairness.md"
PEOPLE = 130
Proof = dict[str, Any]


def script(language: str) -> str:
    """The script of the docs in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


async def verify(language: str, folder: Path, proof: Proof, noted: str) -> tuple[int, str]:
    """Run the docs' script as somebody would: its status, and what it says."""
    suffix, program = {"python": ("py", sys.executable), "javascript": ("mjs", "node")}[language]
    (folder / f"verify.{suffix}").write_text(script(language))
    (folder / "proof.json").write_text(json.dumps(proof))
    process = await asyncio.create_subprocess_exec(
        program, f"verify.{suffix}", "proof.json", noted, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().strip()


async def fetch(timed: Timed, queue: str) -> Proof:
    """All pages of the proof, as the docs say: fetched by a stranger."""
    people: list[Any] = []
    after = None
    while True:
        page = await timed.api.anonymous(operation("FairnessProof"), queueId=queue, after=after)
        shown = page.pop("participants")
        people += [edge["node"] for edge in shown["edges"]]
        if not shown["pageInfo"]["hasNextPage"]:
            return {**page, "participants": people}
        after = shown["pageInfo"]["endCursor"]


async def lottery(timed: Timed, people: int, **given: Any) -> tuple[str, str, list[Joined]]:
    """A queue with a pre-queue that some have come to, and the hash that a watcher has noted."""
    queue = await timed.business.queue(**given)
    await done(
        timed.business.admin,
        "scheduledEventCreate",
        queueId=queue,
        name="Sale",
        drawsLots=True,
        prequeueStartsAt="2026-11-23T11:00:00Z",
        startsAt="2026-11-23T12:00:00Z",
        endsAt="2026-11-23T14:00:00Z",
    )
    await timed.go_to(queue, "2026-11-23T11:00Z")
    noted = (await timed.api.anonymous(operation("FairnessProof"), queueId=queue))["seedHash"]
    joins = [timed.business.join(queue, priority=number % 10 // 9) for number in range(people)]
    return queue, noted, list(await asyncio.gather(*joins))


async def test_the_scripts_of_the_docs_agree_with_a_real_lottery_and_with_no_other(
    timed: Timed, tmp_path: Path
) -> None:
    queue, noted, joined = await lottery(timed, PEOPLE)
    gone = joined[7]
    await ask(gone.visitor, "sessionCancel", sessionId=gone.id)
    await timed.go_to(queue, "2026-11-23T12:00Z")
    late = await timed.business.join(queue)
    proof = await fetch(timed, queue)
    assert (proof["seedHash"], proof["participantCount"]) == (noted, PEOPLE)
    shown = [one["sessionId"] for one in proof["participants"]]
    assert late.id not in shown
    line = [id for id in shown if id != gone.id]
    places = await asyncio.gather(
        *[timed.business.admin("query($id: ID!) { session(id: $id) { position } }", id=id) for id in [*line, late.id]]
    )
    assert [one["position"] for one in places] == list(range(1, PEOPLE + 1)), "the line is the order that was drawn"

    def swapped(fake: Proof) -> None:
        people = fake["participants"]
        people[40], people[41] = people[41], people[40]

    def other_seed(fake: Proof) -> None:
        fake["seed"] = sha256(b"chosen afterwards").hexdigest()

    def other_lottery(fake: Proof) -> None:
        fake["seed"] = sha256(b"chosen afterwards").hexdigest()
        fake["seedHash"] = sha256(bytes.fromhex(fake["seed"])).hexdigest()
        order = drawn(bytes.fromhex(fake["seed"]), [(one["sessionId"], one["precedence"]) for one in people_of(fake)])
        fake["participants"].sort(key=lambda one: order.index(one["sessionId"]))

    def people_of(fake: Proof) -> list[Any]:
        return list(fake["participants"])

    def left_out(fake: Proof) -> None:
        del fake["participants"][60]

    def put_in(fake: Proof) -> None:
        fake["participants"].insert(0, {"sessionId": "Zm9yZ2Vk", "precedence": 1})

    def twice(fake: Proof) -> None:
        fake["participants"][61] = fake["participants"][60]

    def preferred(fake: Proof) -> None:
        fake["participants"][100]["precedence"] = 1

    fakes: dict[Callable[[Proof], None], str] = {
        swapped: "order",
        other_seed: "seed",
        other_lottery: "another lottery",
        left_out: "missing",
        put_in: "missing",
        twice: "missing",
        preferred: "order",
    }
    for language in ("python", "javascript"):
        assert await verify(language, tmp_path, proof, noted) == (
            0,
            f"Fair: {PEOPLE} people are in the order of their lots.",
        )
        for tamper, wrong in fakes.items():
            fake = copy.deepcopy(proof)
            tamper(fake)
            status, said = await verify(language, tmp_path, fake, noted)
            assert status == 1, (language, tamper.__name__)
            assert wrong in said, (language, tamper.__name__, said)


def test_the_scripts_are_short() -> None:
    assert len(script("python").splitlines()) <= 20
    assert len(script("javascript").splitlines()) <= 20


async def test_the_seed_is_nowhere_to_be_seen_before_the_opening(timed: Timed) -> None:
    queue, noted, joined = await lottery(timed, 20)
    ref = timed.api.runtime
    async with ref.dbs.system.read(None) as tx:
        (row,) = await tx.rows("select seed from lotteries where seed_hash = $1", noted)
    seed: bytes = row["seed"]
    assert sha256(seed).hexdigest() == noted
    proof = await fetch(timed, queue)
    assert (proof["seed"], proof["openedAt"]) == (None, None)
    order = drawn(seed, [(one["sessionId"], one["precedence"]) for one in proof["participants"]])
    assert [one["sessionId"] for one in proof["participants"]] != order, "listed in an order that says nothing"
    for answer in (
        await timed.business.admin(
            "query($id: ID!) { queue(id: $id) { events(first: 100) { edges { node { data } } } } }", id=queue
        ),
        proof,
    ):
        text = json.dumps(answer)
        assert seed.hex() not in text
        assert not any(str(lot_of(seed, one.id)) in text for one in joined)
    (begun,) = [event for event in await events_of(timed.api, queue) if event.type == "PREQUEUE_STARTED"]
    assert begun.data["seed_hash"] == noted
    await timed.go_to(queue, "2026-11-23T12:00Z")
    (opened,) = [event for event in await events_of(timed.api, queue) if event.type == "LOTTERY_OPENED"]
    assert (opened.data["seed"], opened.data["seed_hash"]) == (seed.hex(), noted)
    assert (await fetch(timed, queue))["seed"] == seed.hex()


async def test_lots_are_the_ranks_of_those_who_joined_and_a_retry_changes_none(timed: Timed) -> None:
    queue, noted, joined = await lottery(timed, 10)
    again = [await timed.business.join(queue, idempotencyKey="again") for _ in range(3)]
    assert len({one.id for one in again}) == 1
    await timed.go_to(queue, "2026-11-23T12:00Z")
    proof = await fetch(timed, queue)
    assert proof["participantCount"] == 11
    seed = bytes.fromhex(proof["seed"])
    stored = await read_queue(timed.api.runtime.dbs.app, *decode("Queue", queue))
    lots = {str(session.ticket_number): session.rank_sequence for session in stored.sessions}
    assert lots == {one.ticket: lot_of(seed, one.id) for one in [*joined, again[0]]}
    began = proof["beganAt"]
    assert {session.rank_time.isoformat() for session in stored.sessions} == {began}
    assert noted == proof["seedHash"]


async def test_each_prequeue_has_a_lottery_of_its_own_and_old_ones_stay(timed: Timed) -> None:
    queue, first, _ = await lottery(timed, 3)
    await timed.go_to(queue, "2026-11-23T14:00Z")
    await done(
        timed.business.admin,
        "scheduledEventCreate",
        queueId=queue,
        name="Second sale",
        drawsLots=True,
        prequeueStartsAt="2026-11-24T11:00:00Z",
        startsAt="2026-11-24T12:00:00Z",
        endsAt="2026-11-24T14:00:00Z",
    )
    await timed.go_to(queue, "2026-11-24T11:00Z")
    latest = await timed.api.anonymous(operation("FairnessProof"), queueId=queue)
    assert (latest["seedHash"] != first, latest["participantCount"]) == (True, 0)
    old = await timed.api.anonymous(operation("FairnessProof"), queueId=queue, seedHash=first)
    assert (old["seedHash"], old["participantCount"]) == (first, 3)
    assert await timed.api.anonymous(operation("FairnessProof"), queueId=queue, seedHash="0" * 64) is None


async def test_a_cursor_of_another_order_is_refused(timed: Timed) -> None:
    queue, _, _ = await lottery(timed, 3)
    before = await timed.api.anonymous(operation("FairnessProof"), queueId=queue, first=1)
    await timed.go_to(queue, "2026-11-23T12:00Z")
    with pytest.raises(GraphQLFailed) as failed:
        await timed.api.anonymous(
            operation("FairnessProof"), queueId=queue, after=before["participants"]["pageInfo"]["endCursor"]
        )
    assert failed.value.code == "BAD_USER_INPUT"


async def test_a_queue_without_a_lottery_and_one_that_is_not_there(api: Api, business: Business) -> None:
    assert await api.anonymous(operation("FairnessProof"), queueId=await business.queue()) is None
    stranger = (await api.new_business()).admin
    with pytest.raises(GraphQLFailed) as failed:
        await stranger(operation("FairnessProof"), queueId=await business.queue())
    assert failed.value.code == "NOT_FOUND"
