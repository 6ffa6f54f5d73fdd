"""The checks of graphql-cop, a scanner for GraphQL servers, each as the request it makes; nothing of it is found.

As an installation on the internet is set: introspection and GraphiQL are off.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.support.api import Api, open_api


@pytest.fixture(scope="module")
async def public(migrated_settings: Settings) -> AsyncIterator[Api]:
    update = {"introspection": False, "graphiql": False, "max_query_tokens": 450}
    async with open_api(migrated_settings.model_copy(update=update), SystemClock()) as opened:
        yield opened


async def asked(api: Api, query: str, **headers: str) -> Any:
    """The answer to a POST, errors included."""
    return (await api.http.post("/graphql", json={"query": query}, headers=headers)).json()


@pytest.mark.parametrize(
    ("check", "query"),
    [
        ("alias overloading", "{ " + " ".join(f"alias{number}: __typename" for number in range(101)) + " }"),
        ("directive overloading", "{ __typename" + " @aa" * 10 + " }"),
        ("directive overloading, known", "{ __typename" + " @skip(if: false)" * 50 + " }"),
        ("field duplication", "{ " + "__typename " * 500 + " }"),
        ("field duplication, fewer", "{ " + "__typename " * 40 + " }"),
        (
            "circular introspection",
            "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } }",
        ),
        ("circular fragments", "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }"),
        ("introspection", "{ __schema { types { name } } }"),
        ("introspection of one type", '{ __type(name: "Query") { fields { name } } }'),
    ],
)
async def test_what_overloads_or_tells_is_refused(public: Api, check: str, query: str) -> None:
    told = await asked(public, query)
    assert "data" not in told, check
    assert {error["extensions"]["code"] for error in told["errors"]} <= {
        "GRAPHQL_VALIDATION_FAILED",
        "GRAPHQL_PARSE_FAILED",
    }


@pytest.mark.parametrize("query", ["{ queu }", "{ viewr { id } }", "mutation { queueJoi { id } }", "{ __typenam }"])
async def test_nothing_is_suggested(public: Api, query: str) -> None:
    told = await asked(public, query)
    assert "Did you mean" not in str(told)
    assert "queues" not in str(told)


async def test_suggestions_are_made_where_the_schema_can_be_read(api: Api) -> None:
    assert "Did you mean" in str(await asked(api, "{ queu }")), "else the test before this one would prove nothing"


@pytest.mark.parametrize("count", [1, 10])
async def test_operations_do_not_come_in_batches(public: Api, count: int) -> None:
    answer = await public.http.post("/graphql", json=[{"query": "{ __typename }"}] * count)
    assert answer.status_code == 400
    assert "data" not in answer.text


@pytest.mark.parametrize("query", ["{__typename}", "mutation {__typename}", "subscription {__typename}"])
async def test_nothing_is_run_by_get(public: Api, query: str) -> None:
    answer = await public.http.get("/graphql", params={"query": query})
    assert answer.status_code == 405
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"query": "{__typename}"}},
        {"files": {"query": (None, "{__typename}")}},
        {"content": b'{"query": "{__typename}"}', "headers": {"content-type": "text/plain"}},
        {"content": b'{"query": "{__typename}"}'},
    ],
    ids=["a form", "a form with files", "text", "no type"],
)
async def test_no_other_sites_form_can_send_an_operation(public: Api, sent: dict[str, Any]) -> None:
    answer = await public.http.post("/graphql", **sent)
    assert answer.status_code == 415
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    "path", ["/graphql", "/graphiql", "/playground", "/console", "/graphql/console", "/v1/graphql"]
)
async def test_there_is_no_page_to_try_things_on(public: Api, path: str) -> None:
    answer: httpx.Response = await public.http.get(path, headers={"accept": "text/html"})
    assert answer.status_code in (404, 405)
    assert "<html" not in answer.text.lower()


async def test_no_trace_is_told(public: Api) -> None:
    told = await asked(public, "{ __typename }", **{"apollo-tracing": "1", "x-apollo-tracing": "1"})
    assert set(told.get("extensions", {})) <= {"cost"}


@pytest.mark.parametrize(
    "query", ["qwerty { abc }", "{ viewer(", '{ node(id: "x") { id } }', "{ queues(first: -1) { __typename } }"]
)
async def test_no_error_tells_of_the_inside(public: Api, query: str) -> None:
    told = await asked(public, query)
    assert told["errors"]
    for error in told["errors"]:
        assert not {"exception", "stacktrace", "debug"} & set(error["extensions"])
    assert not [word for word in ("Traceback", ".py", "strawberry", "sqlalchemy", "graphql-core") if word in str(told)]
