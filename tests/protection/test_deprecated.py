"""What is deprecated and still used is noticed wherever it stands, and counted once for an operation."""

import asyncio
import gc
import tracemalloc
from datetime import date
from typing import Any

import pytest
from graphql import build_schema

from app.api.deprecated import DeprecatedParts
from app.core.graphql.deprecation import deprecated
from app.deprecations import repository
from app.deprecations.counting import Counting
from tests.contract.operations import operation
from tests.support.api import Api, Business, GraphQLFailed
from tests.support.holdings import platform
from tests.support.waiting import eventually

SCHEMA = build_schema(
    """
    enum Colour { RED GREEN @deprecated }
    input Filter { colour: Colour, old: Int @deprecated, not: Filter, any: [Filter!] }
    type Car { name: String, label: String @deprecated, doors(of: Colour, side: Int @deprecated): Int }
    type Query { cars(filter: Filter): [Car!]! @deprecated, car: Car }
    """
)


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        ("{ car { name } }", None, set()),
        ("{ car { label } }", None, {"Car.label"}),
        ("{ car { ...F } } fragment F on Car { a: label b: label }", None, {"Car.label"}),
        ("{ cars { name } }", None, {"Query.cars"}),
        ("{ car { doors(side: 1) } }", None, {"Car.doors(side:)"}),
        ("{ car { doors(of: GREEN) } }", None, {"Colour.GREEN"}),
        ("query($c: Colour) { car { doors(of: $c) } }", {"c": "GREEN"}, {"Colour.GREEN"}),
        ("query($c: Colour) { car { doors(of: $c) } }", {"c": "RED"}, set()),
        ("{ cars(filter: {old: 1}) { name } }", None, {"Query.cars", "Filter.old"}),
        ("{ cars(filter: {any: [{not: {old: 1}}]}) { name } }", None, {"Query.cars", "Filter.old"}),
        (
            "query($f: Filter) { cars(filter: $f) { name } }",
            {"f": {"any": [{"not": {"old": 1, "colour": "GREEN"}}]}},
            {"Query.cars", "Filter.old", "Colour.GREEN"},
        ),
        ("query($f: Filter) { cars(filter: $f) { name } }", {"f": {"any": {"old": 1}}}, {"Query.cars", "Filter.old"}),
        # What no valid operation is: nothing is made of it, and nothing breaks.
        ("query($f: Filter) { cars(filter: $f) { name } }", {"f": ["x", 7, None], "g": 1}, {"Query.cars"}),
        ("{ nonsense(x: GREEN) { label } }", None, set()),
        ("{", None, set()),
        ("{" * 50_000, None, set()),
    ],
)
def test_every_use_is_found(document: str, variables: dict[str, Any] | None, expected: set[str]) -> None:
    parts = DeprecatedParts(SCHEMA)
    for _ in range(2):
        assert parts.used_by(document, variables) == expected


def test_documents_are_kept_within_bounds() -> None:
    parts = DeprecatedParts(SCHEMA)
    for number in range(3_000):
        parts.used_by(f"{{ car {{ label }} a{number}: car {{ name }} }}", None)
    assert len(parts._read) == 1_000


async def test_operations_are_counted_by_all_processes_and_days(api: Api) -> None:
    # A name of this test's own.
    coordinate, system = f"Test.{id(api)}", api.runtime.dbs.system
    processes = [Counting(system, every_seconds=0.01) for _ in range(2)]
    for counting in processes:
        for _ in range(5):
            counting.used([coordinate, "Test.other"])
    today = api.runtime.clock.now().date()

    async def written() -> bool:
        async with system.read(None) as tx:
            found = (await repository.uses(tx, today)).get(coordinate)
        return found is not None and found.operations == 10

    await eventually(written)
    # What is not written yet is written at the end.
    late = Counting(system, every_seconds=3600)
    late.used([coordinate])
    await asyncio.gather(*(each.stop() for each in (*processes, late)))
    async with system.write(None) as tx:
        await repository.add(tx, date(2020, 1, 1), {coordinate: 100})
    async with system.read(None) as tx:
        found = (await repository.uses(tx, today))[coordinate]
    assert (found.operations, found.last_used_on) == (11, today)
    # Old days go when somebody writes.
    async with system.write(None) as tx:
        await repository.add(tx, today, {})
        (rows,) = await tx.rows("select count(*) from deprecated_uses where used_on = date '2020-01-01'")
    assert rows[0] == 0


def test_what_was_read_is_known_again_and_its_text_is_not_kept() -> None:
    parts = DeprecatedParts(SCHEMA)
    document = "{ car { label } } #" + "x" * 50_000
    tracemalloc.start()
    try:
        for number in range(100):
            assert parts.used_by(f"{document}{number}", None) == {"Car.label"}
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    assert parts.used_by(f"{document}0", None) == {"Car.label"}


async def test_a_failed_write_loses_no_count(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinate, counting = f"Test.kept{id(api)}", Counting(api.runtime.dbs.system, every_seconds=3600)
    counting.used([coordinate])

    async def refuse(*_: object) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as away:
        away.setattr(repository, "add", refuse)
        await counting._write()
    counting.used([coordinate])
    await counting.stop()
    async with api.runtime.dbs.system.read(None) as tx:
        assert (await repository.uses(tx, api.runtime.clock.now().date()))[coordinate].operations == 2


async def test_a_process_that_stops_while_it_writes_loses_no_count(api: Api) -> None:
    system, coordinate = api.runtime.dbs.system, f"Test.stopped{id(api)}"
    counting = Counting(system, every_seconds=0)
    async with system.write(None) as blocker:
        await blocker.rows("lock table deprecated_uses in share mode")
        counting.used([coordinate])

        async def is_writing() -> bool:
            return not counting._counts

        await eventually(is_writing)
        stopping = asyncio.create_task(counting.stop())
        await asyncio.wait({stopping}, timeout=0.05)
    await stopping
    async with system.read(None) as tx:
        assert (await repository.uses(tx, api.runtime.clock.now().date()))[coordinate].operations == 1


async def test_an_operation_of_the_api_is_counted_and_shown(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of ours is deprecated today, so something is for this test."""
    schema = api.app.state.schema._schema
    reason = deprecated("Use `name`.", since=date(2026, 1, 1), until=date(2027, 1, 1))
    monkeypatch.setattr(schema.type_map["Queue"].fields["slug"], "deprecation_reason", reason)
    charges = api.app.state.charges
    monkeypatch.setattr(charges, "_deprecated", DeprecatedParts(schema))
    queue = await business.queue()
    for _ in range(3):
        await business.admin("query($id: ID!) { queue(id: $id) { slug s: slug } }", id=queue)
    await business.admin("query($id: ID!) { queue(id: $id) { name } }", id=queue)
    await charges._counting._write()
    operator = await platform(api)
    (part,) = [each for each in await operator(operation("DeprecatedParts")) if each["coordinate"] == "Queue.slug"]
    assert part == {
        "coordinate": "Queue.slug",
        "reason": reason,
        "staysUntil": "2027-01-01",
        "operations": 3,
        "lastUsedOn": api.runtime.clock.now().date().isoformat(),
    }
    with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
        await business.admin(operation("DeprecatedParts"))
