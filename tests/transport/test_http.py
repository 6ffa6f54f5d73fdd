"""GraphQL over HTTP: media types, statuses, limits, request ids, and nothing internal in any answer."""

import logging
from typing import Any

import httpx
import orjson
import pytest

from app.api.http import HttpLimits
from tests.transport.toy import Toy, toy_app

JSON = {"Accept": "application/json"}
GRAPHQL = {"Accept": "application/graphql-response+json"}


async def post(
    http: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None, **rest: Any
) -> httpx.Response:
    return await http.post("/graphql", json={"query": query, **rest}, headers=headers or JSON)


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["extensions"]["code"])


async def test_a_query_is_answered(http: httpx.AsyncClient) -> None:
    response = await post(http, "query Q($n: String!) { hello(name: $n) }", variables={"n": "you"}, operationName="Q")
    assert (response.status_code, response.json()) == (200, {"data": {"hello": "hello you"}})


async def test_a_mutation_is_answered(http: httpx.AsyncClient) -> None:
    assert (await post(http, "mutation { touch }")).json() == {"data": {"touch": "touched"}}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/graphql-response+json", "application/graphql-response+json"),
        ("application/graphql-response+json,application/json;q=0.9", "application/graphql-response+json"),
        ("application/json, application/graphql-response+json", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", "application/graphql-response+json"),
        ("application/graphql-response+json;q=x", "application/json"),
        ("text/html", "application/json"),
    ],
)
async def test_the_answer_has_the_media_type_the_client_prefers(
    http: httpx.AsyncClient, accept: str, answered: str
) -> None:
    response = await post(http, "{ hello }", {"Accept": accept})
    assert response.headers["content-type"] == answered
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query Q($p: Person!) { person(person: $p) }", {"p": {"email": 1}}, "BAD_USER_INPUT"),
        ("query Q($p: Person!) { person(person: $p) }", None, "BAD_USER_INPUT"),
        ("subscription { count }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { hello }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ a" * 3000, None, "GRAPHQL_PARSE_FAILED"),
        ("{ hello(name: " + "[" * 900 + "]" * 900 + ") }", None, "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_what_is_not_executed_is_400_or_200_by_media_type_and_has_no_data_entry(
    http: httpx.AsyncClient, query: str, variables: dict[str, Any] | None, expected: str
) -> None:
    for headers, status in ((GRAPHQL, 400), (JSON, 200)):
        response = await post(http, query, headers, variables=variables)
        assert response.status_code == status
        assert code(response) == expected
        assert "data" not in response.json()


async def test_of_several_operations_one_has_to_be_named(http: httpx.AsyncClient) -> None:
    both = "query A { hello } mutation B { touch }"
    for _ in range(2):  # the second time from the cache
        response = await post(http, both, GRAPHQL)
        assert (response.status_code, code(response)) == (400, "GRAPHQL_VALIDATION_FAILED")
        assert (await post(http, both, operationName="B")).json() == {"data": {"touch": "touched"}}


async def test_an_unknown_operation_name_is_a_request_error(http: httpx.AsyncClient) -> None:
    response = await post(http, "query A { hello } query B { hello }", GRAPHQL, operationName="C")
    assert (response.status_code, code(response)) == (400, "GRAPHQL_VALIDATION_FAILED")


async def test_field_errors_are_200_with_data(http: httpx.AsyncClient) -> None:
    response = await post(http, "{ hello maybeCrash }", GRAPHQL)
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "hello world", "maybeCrash": None}
    assert code(response) == "INTERNAL"


@pytest.mark.parametrize(("field", "expected"), [("missing", "NOT_FOUND"), ("invalid", "BAD_USER_INPUT")])
async def test_expected_errors_keep_message_and_code(http: httpx.AsyncClient, field: str, expected: str) -> None:
    response = await post(http, f"{{ {field} }}")
    assert code(response) == expected
    assert response.json()["data"] is None
    message = response.json()["errors"][0]["message"]
    assert message.startswith({"missing": "Thing not found.", "invalid": "Not an e-mail address."}[field])


@pytest.mark.parametrize("query", ["{ crash }", "{ thing { broken } }", "{ number }"])
async def test_unexpected_errors_are_masked(
    http: httpx.AsyncClient, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(http, query)
    assert code(response) == "INTERNAL"
    assert "hunter2" not in response.text
    assert response.json()["errors"][0]["path"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info


async def test_no_query_text_and_no_variable_is_logged(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await post(http, '{ hello(name: "Mrs Private") nope }')
        await post(http, "query Q($p: String!) { a: hello(name: $p) missing }", variables={"p": "Mrs Private"})
        await post(http, "query Q($p: Person!) { person(person: $p) }", variables={"p": {"email": ["Mrs Private"]}})
        await post(http, '{ maybeCrash hello(name: "Mrs Private") }')
    assert caplog.records
    for record in caplog.records:
        assert "Mrs Private" not in record.getMessage()
        assert "Mrs Private" not in repr(record.__dict__)


async def test_a_sane_request_id_is_kept(http: httpx.AsyncClient) -> None:
    response = await post(http, "{ requestId }", JSON | {"X-Request-Id": "client-0001"})
    assert response.headers["x-request-id"] == "client-0001"
    assert response.json()["data"]["requestId"] == "client-0001"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 123", 'evil"}{"a":1', "newline\\n12345"])
async def test_any_other_request_id_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    response = await post(http, "{ requestId }", JSON | {"X-Request-Id": given})
    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 32


async def test_the_context_learns_who_calls(http: httpx.AsyncClient) -> None:
    response = await post(http, "{ caller }", JSON | {"User-Agent": "tests/1"})
    assert response.json()["data"]["caller"] == "ANONYMOUS 127.0.0.1 tests/1 testserver"


@pytest.mark.parametrize(
    ("token", "status", "expected"),
    [
        ("expired", 401, "UNAUTHENTICATED"),
        ("forged", 401, "UNAUTHENTICATED"),
        ("suspended", 403, "FORBIDDEN"),
        ("busy", 429, "RATE_LIMITED"),
        ("crash", 500, "INTERNAL"),
    ],
)
async def test_a_caller_turned_away_gets_a_status(
    http: httpx.AsyncClient, token: str, status: int, expected: str
) -> None:
    response = await post(http, "{ hello }", GRAPHQL | {"Authorization": f"Bearer {token}"})
    assert (response.status_code, code(response)) == (status, expected)
    assert "hunter2" not in response.text
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert response.headers.get("retry-after") == ("2" if status == 429 else None)
    if status == 429:
        assert response.json()["errors"][0]["extensions"]["retryAfterSeconds"] == 2.4


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain, application/json",
        "application/json, text/plain",
        "application/jsonx",
        "application/json; charset=iso-8859-1",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/graphql",
    ],
)
async def test_other_media_types_are_415(http: httpx.AsyncClient, content_type: str) -> None:
    body = orjson.dumps({"query": "{ hello }"})
    response = await http.post("/graphql", content=body, headers={"Content-Type": content_type})
    assert (response.status_code, code(response)) == (415, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
async def test_json_in_every_spelling_is_accepted(http: httpx.AsyncClient, content_type: str) -> None:
    body = orjson.dumps({"query": "{ hello }"})
    response = await http.post("/graphql", content=body, headers={"Content-Type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"1", b'"x"', b"{}", b'{"query": null}', b'{"query": 1}', b'{"query": " "}', b"\xff",
        b'[{"query": "{ hello }"}]', b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "x"}',
        b'{"query": "{ hello }", "operationName": 1}', b'{"query": "{ hello }", "extensions": []}', b"[" * 5000,
    ],
)  # fmt: skip
async def test_malformed_bodies_are_400(http: httpx.AsyncClient, body: bytes) -> None:
    for accept in (JSON, GRAPHQL):
        response = await http.post("/graphql", content=body, headers={"Content-Type": "application/json", **accept})
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


async def test_a_large_body_is_413_announced_or_streamed(http: httpx.AsyncClient) -> None:
    body = orjson.dumps({"query": "{ hello }", "variables": {"x": "y" * 100_000}})

    async def chunks():  # type: ignore[no-untyped-def]
        for start in range(0, len(body), 8192):
            yield body[start : start + 8192]

    for content in (body, chunks()):
        response = await http.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert (response.status_code, code(response)) == (413, "BAD_USER_INPUT")
    small = orjson.dumps({"query": "{ hello }", "variables": {"x": "y" * 99_900}})
    response = await http.post("/graphql", content=small, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_405(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql?query={hello}", headers={"Accept": "text/html"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_queries_by_get_are_answered_where_they_are_switched_on() -> None:
    app = toy_app(get_queries=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:

        async def get(**parameters: str) -> httpx.Response:
            return await http.get("/graphql", params=parameters, headers=GRAPHQL)

        named = await get(query="query Q($n: String!) { hello(name: $n) }", variables='{"n": "you"}', operationName="Q")
        assert (named.status_code, named.json()) == (200, {"data": {"hello": "hello you"}})
        for refused in (
            await get(query="mutation { touch }"),
            await get(query="subscription { count }"),
            await get(query="{ hello }", variables="[]"),
            await get(query="{ hello }", variables="{"),
            await get(query="{ hello }", extensions="1"),
            await get(),
        ):
            assert refused.status_code == 400
            assert "data" not in refused.json()
        assert (await http.put("/graphql")).headers["allow"] == "GET, POST"


async def test_an_operation_that_takes_too_long_is_stopped(the_toy: Toy) -> None:
    app = toy_app(http_limits=HttpLimits(operation_seconds=0.05))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        response = await post(http, "{ slow }")
    assert response.status_code == 503
    assert the_toy.cleaned_up == ["slow"]


async def test_an_answer_that_is_no_json_is_our_fault_and_says_so_in_json(http: httpx.AsyncClient) -> None:
    response = await post(http, "{ unspeakable }")
    assert (response.status_code, code(response)) == (500, "INTERNAL")
