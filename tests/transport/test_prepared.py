"""Prepared operations beside executed ones: the same bytes, the same calls, and never a resolver called twice."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import pytest
from graphql import parse, validate
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from app.api.execution import ServedSchema
from app.api.prepared import operations, shapes
from app.api.schema import build_schema
from app.api.transport import result_payload
from app.core.actor import ANONYMOUS
from app.core.graphql.errors import exception_handlers
from app.core.logs import request_id
from tests.contract.operations import operation
from tests.transport.shapes import TYPES, Asked, Documents, Mutation, Query, Seen

DOCUMENTS = 120
SEEDS = 6
"""Some seven hundred documents, each asked twice."""


def schema() -> ServedSchema:
    return ServedSchema(Query, Mutation, types=TYPES, exception_handlers=exception_handlers())


async def told(execute: Any, asked: Asked) -> tuple[bytes, list[object]]:
    """The answer's bytes, and what the resolvers of the root were given."""
    context = Seen(actor=ANONYMOUS)
    result = await execute(
        asked.query, variable_values=asked.variables, context_value=context, operation_name=asked.operation_name
    )
    return orjson.dumps(result_payload(result)), context.calls


class Executed:
    """Counts what is left to the executor, of what is prepared."""

    def __init__(self, served: ServedSchema, monkeypatch: pytest.MonkeyPatch) -> None:
        self.from_the_start = self.for_the_rest = 0
        ordinary, rest = served.execute_ordinarily, operations.Prepared._execute

        async def from_the_start(*arguments: Any, **keywords: Any) -> Any:
            self.from_the_start += 1
            return await ordinary(*arguments, **keywords)

        async def for_the_rest(*arguments: Any) -> Any:
            self.for_the_rest += 1
            return await rest(*arguments)

        monkeypatch.setattr(served, "execute_ordinarily", from_the_start)
        monkeypatch.setattr(operations.Prepared, "_execute", for_the_rest)


@pytest.mark.parametrize("trouble", [False, True])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_hundreds_of_documents_give_the_same_bytes_on_both_paths(
    monkeypatch: pytest.MonkeyPatch, seed: int, trouble: bool
) -> None:
    request_id.set("a-request")
    served = schema()
    ordinary = served.execute_ordinarily
    documents = Documents(served._schema, Random(seed), trouble=trouble)
    seen = Counter[str]()
    for _ in range(DOCUMENTS):
        asked = documents.document()
        assert validate(served._schema, parse(asked.query)) == []
        expected = await told(ordinary, asked)
        executed = Executed(served, monkeypatch)
        assert await told(served.execute, asked) == expected, asked
        monkeypatch.undo()
        ways = {(0, 0): "by plan", (0, 1): "shown by the executor", (1, 0): "executed"}
        seen[ways[executed.from_the_start, executed.for_the_rest]] += 1
    assert seen["by plan"] > DOCUMENTS / 10, seen
    assert seen["executed"] > 0, "what cannot be prepared, or is asked with unusual variables"
    assert seen["shown by the executor"] > 0 or not trouble, "errors"


async def test_an_operation_that_comes_once_is_not_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    served = schema()
    made = []
    monkeypatch.setattr(operations, "prepared", lambda *arguments: made.append(arguments))
    for _ in range(3):
        await told(served.execute, Asked("{ text }", None, None))
    assert len(made) == 1


async def test_with_hooks_of_others_nothing_is_prepared() -> None:
    class Hook(SchemaExtension):
        calls = 0

        def on_execute(self) -> Iterator[None]:
            Hook.calls += 1
            yield

    served = ServedSchema(Query, Mutation, types=TYPES, extensions=[Hook])
    for _ in range(3):
        await told(served.execute, Asked("{ text }", None, None))
    assert Hook.calls == 3


async def test_what_may_not_be_run_is_refused_the_second_time_too() -> None:
    served = schema()
    for _ in range(3):
        result = await served.execute(
            "mutation M($input: Order!) { place(input: $input) { __typename } }",
            variable_values={"input": {"name": "Ada", "noDefault": None}},
            context_value=Seen(actor=ANONYMOUS),
            allowed_operation_types={OperationType.QUERY},
        )
        assert result.data is None
        assert result.errors is not None


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_PREPARED", 3)
    monkeypatch.setattr(shapes, "MOST_FIELDS", 10)
    monkeypatch.setattr(operations, "MOST_QUERY_LENGTH", 500)
    served = schema()
    assert served._prepared is not None

    async def is_prepared(query: str) -> bool:
        for _ in range(2):
            await told(served.execute, Asked(query, None, None))
        assert served._prepared is not None
        return served._prepared.get(query, None) is not None

    assert [await is_prepared(f"{{ t{number}: text }}") for number in range(5)] == [True] * 5
    assert len(served._prepared._prepared) == 3
    for count, expected in ((5, True), (12, False)):
        names = " ".join(f"a{number}: name" for number in range(count))
        assert await is_prepared(f"{{ crash {{ {names} }} }}") is expected
    assert not await is_prepared("{ text " + " " * 500 + "}")


@pytest.mark.parametrize("name", ["QueueJoin", "KioskJoin", "QueueCallNext", "SessionComplete", "MySession"])
def test_the_front_ends_busiest_operations_are_prepared(name: str) -> None:
    operations.prepared(build_schema(), parse(operation(name)), None)
