"""Subscriptions keep nothing of delivered events, and operations share nothing but parsed documents."""

import gc
from collections.abc import AsyncIterator

import pytest
import strawberry
import strawberry.schema.schema as stock
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.documents import cache
from app.api.execution import PerEventExecutor, ServedSchema
from app.core.logs import request_id

EVENTS = 2_000


@strawberry.type
class Inner:
    value: int


@strawberry.type
class Item:
    number: int

    @strawberry.field
    def inner(self) -> Inner:
        return Inner(value=self.number)

    @strawberry.field
    async def later(self) -> list[Inner]:
        return [Inner(value=self.number)]


@strawberry.type
class Query:
    @strawberry.field
    def ok(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def items(self) -> AsyncIterator[Item]:
        for number in range(EVENTS + 500):
            yield Item(number=number)


async def objects_kept(schema: ServedSchema) -> int:
    """How many more objects live after two thousand further events; the stream is open all the while."""
    results = await schema.stream("subscription { items { number inner { value } later { value } } }")
    counts = []
    for number in range(EVENTS + 400):
        result = await anext(results)
        assert result.errors is None
        if number in (300, EVENTS + 300):
            del result
            gc.collect()
            counts.append(len(gc.get_objects()))
    await results.aclose()
    return counts[1] - counts[0]


async def test_a_subscription_keeps_nothing_of_delivered_events() -> None:
    schema = ServedSchema(Query, subscription=Subscription)
    assert schema.execution_context_class is PerEventExecutor
    assert await objects_kept(schema) < EVENTS / 20


async def test_the_stock_executor_leaks_so_ours_is_still_needed() -> None:
    schema = ServedSchema(Query, subscription=Subscription)
    schema.execution_context_class = StrawberryGraphQLCoreExecutionContext
    assert await objects_kept(schema) > EVENTS


async def test_a_document_is_parsed_and_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, validated = [], []
    parse, validate = cache.parse, cache.validate
    for module in (stock, cache):
        monkeypatch.setattr(module, "parse", lambda *a, **k: parsed.append(a) or parse(*a, **k))
    monkeypatch.setattr(cache, "validate", lambda *a, **k: validated.append(a) or validate(*a, **k))
    monkeypatch.setattr(stock, "validate_document", lambda *a: validated.append(a) or [])
    schema = ServedSchema(Query, subscription=Subscription)
    for _ in range(3):
        assert (await schema.execute("{ ok }")).data == {"ok": True}
        assert (await schema.execute("{ nope }")).errors
    assert (len(parsed), len(validated)) == (2, 2)


async def test_cached_validation_errors_carry_the_request_id_of_each_request() -> None:
    schema = ServedSchema(Query)
    seen = []
    for name in ("request-1", "request-2"):
        reset = request_id.set(name)
        errors = (await schema.execute("{ nope }")).errors
        request_id.reset(reset)
        assert errors is not None
        seen.append(errors[0].extensions)
    assert seen == [
        {"code": "GRAPHQL_VALIDATION_FAILED", "requestId": "request-1"},
        {"code": "GRAPHQL_VALIDATION_FAILED", "requestId": "request-2"},
    ]
