"""What an operation costs: counted once per fragment, with the request's own page sizes, before anything runs."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from graphql import FragmentDefinitionNode, GraphQLObjectType, OperationDefinitionNode, parse
from starlette.applications import Starlette

from app.api.documents import Cost, Limits
from app.api.documents.cost import price_of
from app.api.documents.weights import LISTS, WEIGHTS
from app.core.errors import RateLimited
from tests.contract.operations import operation, operation_names
from tests.support.schemas import served_schema
from tests.support.ws_client import OperationFailed, ws_client
from tests.transport.toy import Toy, ToyContext, toy_app, toy_schema

SCHEMA = served_schema()._schema


def points(query: str, **variables: Any) -> int:
    document = parse(query)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    (node,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return price_of(SCHEMA, node, fragments).with_variables(variables).points


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ __typename }", {}, 0),
        ("{ viewer { __typename } }", {}, 1),
        ("{ viewer { ... on User { email tenant { name } } } }", {}, 2),
        ("{ queues(first: 50) { edges { cursor node { name } } pageInfo { endCursor } } }", {}, 51),
        ("query($n: Int!) { queues(first: $n) { edges { node { name } } } }", {"n": 7}, 8),
        ("query($n: Int! = 9) { queues(first: $n) { edges { node { name } } } }", {}, 10),
        # What is no size of a page is refused when it runs, and counts as the largest.
        ("query($n: Int!) { queues(first: $n) { edges { node { name } } } }", {"n": 10**30}, 101),
        ("query($n: Int!) { queues(first: $n) { edges { node { name } } } }", {"n": -1}, 101),
        ("query($n: Int!) { queues(first: $n) { edges { node { name } } } }", {"n": "7"}, 101),
        ("query($n: Int!) { queues(first: $n) { edges { node { name } } } }", {}, 101),
        ("{ queues(first: 999999999999) { edges { node { name } } } }", {}, 101),
        # Pages within pages multiply, by the same variable too.
        ("query($n: Int!) { queues(first: $n) { edges { node { sessions(first: $n) { edges { node { id } } } } } } }",
         {"n": 10}, 1 + 10 * (1 + 1 + 10)),
        ("query($n: Int!, $m: Int!) { queues(first: $m) { edges { node { sessions(first: $n) { edges {cursor}} } } } }",
         {"n": 10, "m": 2}, 1 + 2 * (1 + 1)),
        # Lists that are no pages are taken to have ten.
        ("query($n: Int!) { queues(first: $n) { edges { node { categories { name } } } } }", {"n": 3}, 1 + 3 * 11),
        ("{ a: viewer { __typename } b: viewer { __typename } }", {}, 2),
        ("{ __schema { types { name } } }", {}, 500),
        ('mutation { userLogin(input: {tenantSlug: "a", email: "b", password: "c"}) { __typename } }', {}, 300),
        ('subscription { queueChanged(queueId: "x") { id } }', {}, 10),
    ],
)  # fmt: skip
def test_a_cost(query: str, variables: dict[str, Any], expected: int) -> None:
    assert points(query, **variables) == expected


def test_fragments_count_where_they_are_spread_and_are_priced_once() -> None:
    chain = " ".join(f"fragment F{n} on Queue {{ line {{ __typename }} ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    query = f"{{ queues(first: 1) {{ edges {{ node {{ ...F0 }} }} }} }} {chain} fragment F30 on Queue {{ name }}"
    # Doubled thirty times: walked naively it would take minutes.
    assert points(query.replace("line { __typename }", "categories { name }")) == 2 + 10 * (2**30 - 1)


def test_what_is_dear_exists() -> None:
    for place in (*WEIGHTS, *LISTS):
        type_name, name = place.split(".")
        type_ = SCHEMA.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        assert name in type_.fields


@pytest.mark.parametrize("name", operation_names())
def test_what_front_ends_send_stays_far_below_the_limit(name: str) -> None:
    assert points(operation(name)) <= Limits().cost / 2


@pytest.mark.parametrize(("given", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (5_000, 50)])
def test_a_hundred_points_are_a_request(given: int, requests: int) -> None:
    assert Cost(given).requests == requests


@dataclass
class Purse:
    """Who pays, and how much so far; empty from some point on."""

    left: int = 1_000
    paid: list[int] = field(default_factory=list)

    async def __call__(self, context: Any, cost: Cost) -> None:
        assert isinstance(context, ToyContext)
        self.paid.append(cost.points)
        if len(self.paid) > self.left:
            raise RateLimited("Too many requests.", 7.6)


@pytest.mark.parametrize("query", ["{ thing { name } }", "{ thing { self { name } } }"])
async def test_over_http_the_cost_is_charged_before_it_runs_and_told(the_toy: Toy, query: str) -> None:
    purse = Purse(left=3)
    async with client(toy_app(charge=purse)) as http:
        answers = [await http.post("/graphql", json={"query": query}) for _ in range(4)]
    cost = 1 + query.count("self")
    told = {"cost": {"points": cost, "maximum": 5_000, "requests": 1}}
    # The first is executed, the second prepared, the third comes from there.
    assert [answer.json()["extensions"] for answer in answers] == [told] * 4
    assert purse.paid == [cost] * 4
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "8"
    (error,) = answers[-1].json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfterSeconds"]) == ("RATE_LIMITED", 7.6)
    assert "data" not in answers[-1].json()


@pytest.mark.parametrize("query", ["{", "{ nope }", "{ hello }" + " " * 20_000, "query A { hello } query B { hello }"])
async def test_what_is_refused_is_charged_for_too(query: str) -> None:
    purse = Purse(left=1)
    async with client(toy_app(charge=purse)) as http:
        answers = [await http.post("/graphql", json={"query": query}) for _ in range(2)]
    assert purse.paid == [0, 0]
    codes = [answer.json()["errors"][0]["extensions"]["code"] for answer in answers]
    assert codes[0].startswith("GRAPHQL_")
    assert codes[1] == "RATE_LIMITED"


async def test_what_costs_too_much_does_not_run(the_toy: Toy) -> None:
    purse = Purse()
    async with client(toy_app(charge=purse, limits=Limits(cost=3))) as http:
        query = "{ slow thing { self { self { self { name } } } } }"
        for _ in range(3):
            answer = (await http.post("/graphql", json={"query": query})).json()
            assert answer["errors"][0]["message"] == (
                "The operation costs 4 points; at most 3 are allowed. Ask for smaller pages."
            )
            assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert answer["extensions"]["cost"] == {"points": 4, "maximum": 3, "requests": 1}
    assert purse.paid == [0, 0, 0]
    assert not the_toy.started.is_set()


async def test_on_a_socket_each_operation_is_charged_once_and_the_first_item_says_so(the_toy: Toy) -> None:
    purse = Purse(left=2)
    async with ws_client(toy_app(charge=purse)) as socket:
        feed = await socket.subscribe("subscription { count(to: 3) }")
        items = [await feed.payload() for _ in range(3)]
        assert [item.get("extensions") for item in items] == [
            {"cost": {"points": 10, "maximum": 5_000, "requests": 1}},
            None,
            None,
        ]
        assert (await (await socket.subscribe("{ thing { name } }")).payload())["extensions"]["cost"]["points"] == 1
        with pytest.raises(OperationFailed) as refused:
            await (await socket.subscribe("{ hello }")).payload()
        assert refused.value.code == "RATE_LIMITED"
        assert refused.value.errors[0]["extensions"]["retryAfterSeconds"] == 7.6
    assert purse.paid == [10, 1, 0]


async def test_a_stream_of_events_is_charged_once(the_toy: Toy) -> None:
    purse = Purse(left=1)
    async with client(toy_app(charge=purse)) as http:
        asked = {"json": {"query": "subscription { count(to: 2) }"}, "headers": {"accept": "text/event-stream"}}
        first, second = [(await http.post("/graphql", **asked)).text for _ in range(2)]  # type: ignore[arg-type]
    assert first.count('"points":10') == 1
    assert "RATE_LIMITED" in second
    assert purse.paid == [10, 10]


async def test_without_anybody_who_charges_nothing_is_told() -> None:
    result = await toy_schema().execute("{ hello }")
    assert not result.extensions


def client(app: Starlette) -> httpx.AsyncClient:
    """A client of an application, in the test's own loop."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")
