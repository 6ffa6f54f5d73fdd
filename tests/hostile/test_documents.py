"""Operations nobody would write, made up by a machine: answered or refused, whatever they hold, and never our fault."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.hostile.values import DOCUMENTS, NUMBERS, TEXTS, TIMES
from tests.support.api import Api, Caller
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import Path, RootField, root_fields, schema
from tests.support.ws_client import OperationFailed, WsClient

# The same examples in every run: a failure is a failure for everybody.
THOROUGH = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
REFUSALS = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "NOT_FOUND", "FORBIDDEN"}
# They would end the business the examples run in, or hash a password each time.
LEFT_OUT = {"tenantDelete", "tenantSuspend", "userCreate", "userUpdate", "userLogin", "tenantCreate", "queueArchive"}
MUTATIONS = [field for field in root_fields() if field.operation == "mutation" and field.name not in LEFT_OUT]

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(TEXTS[:15]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
async def mine(api: Api) -> Holdings:
    return await holdings(api)


def value_of(type_: GraphQLInputType, ids: Mapping[str, str]) -> st.SearchStrategy[Any]:
    """Mostly values of the type, at times what only looks like one."""
    if isinstance(type_, GraphQLNonNull):
        return value_of(type_.of_type, ids)
    if isinstance(type_, GraphQLList):
        return st.lists(value_of(type_.of_type, ids), max_size=3) | value_of(type_.of_type, ids)
    if isinstance(type_, GraphQLInputObjectType):
        needed = {name: value_of(field.type, ids) for name, field in type_.fields.items()}
        required = {name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)}
        return st.fixed_dictionaries(
            {name: each for name, each in needed.items() if name in required},
            optional={name: each for name, each in needed.items() if name not in required},
        )
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from([*type_.values, "NOPE"])
    plain: dict[str, st.SearchStrategy[Any]] = {
        "ID": st.sampled_from(sorted(ids.values())),
        "String": st.text(max_size=40) | st.sampled_from(TEXTS),
        "Int": st.integers(-2, 12) | st.sampled_from(NUMBERS),
        "Float": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(NUMBERS),
        "Boolean": st.booleans(),
        "Date": st.dates().map(str) | st.sampled_from(TIMES),
        "Time": st.times().map(str) | st.sampled_from(TIMES),
        "DateTime": st.datetimes().map(str) | st.sampled_from(TIMES),
        "JSON": ANY_JSON | st.sampled_from(DOCUMENTS),
    }
    return plain[type_.name]


async def refusals(caller: Caller, document: str, variables: Any) -> set[str]:
    """The codes of an operation's errors, sent as the bytes a client would send."""
    headers = {"authorization": f"Bearer {caller.token}", "content-type": "application/json"}
    # Python's JSON sends what is no JSON as well: NaN, and half of a surrogate pair.
    body = json.dumps({"query": document, "variables": variables})
    assume(len(body) < 100_000)
    answer = await caller.api.http.post("/graphql", content=body, headers=headers)
    assert answer.status_code < 500, answer.text[:300]
    return {error["extensions"]["code"] for error in answer.json().get("errors", [])}


@THOROUGH
@given(data=st.data(), field=st.sampled_from(MUTATIONS))
async def test_a_mutation_with_any_values(mine: Holdings, data: st.DataObject, field: RootField) -> None:
    variables = {
        name: data.draw(value_of(argument.type, mine.ids), label=name) for name, argument in field.field.args.items()
    }
    assert await refusals(mine.admin, field.document(variables), variables) <= REFUSALS


@THOROUGH
@given(data=st.data(), field=st.sampled_from(MUTATIONS), variables=ANY_JSON)
async def test_a_mutation_with_any_json(mine: Holdings, data: st.DataObject, field: RootField, variables: Any) -> None:
    place: Path = data.draw(st.sampled_from(sorted(field.leaves)))
    given_ids = {path: mine.ids[kind] for path, kind in field.ids.items()}
    arguments = field.arguments({**given_ids, place: variables})
    assert await refusals(mine.admin, field.document(arguments), arguments) <= REFUSALS
    document = field.document(field.arguments(given_ids))
    assert await refusals(mine.admin, document, variables) <= REFUSALS


WORDS = [
    *("{", "}", "(", ")", "[", "]", "...", ":", "!", "=", "$", "@", "|", "&", '"', '"""', "#", ",", "\ufeff", "\x00"),
    *("query", "mutation", "subscription", "fragment", "on", "type", "extend", "schema", "true", "null", "__typename"),
    *("1", "-0", "1e400", "99999999999999999999", "0x1", '"\\u0000"', '"\\ud800"', '"\\u{110000}"', '"""block"""'),
    *("$input", "@include(if: true)", "@skip(if: $x)", "@deprecated", "first: 5", 'id: "x"', "input: {}", "a: b"),
    *(field.name for field in root_fields()),
    *(name for name in schema().type_map if not name.startswith("__")),
]


@THOROUGH
@given(
    words=st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=40),
    separator=st.sampled_from([" ", "", "\n"]),
)
async def test_any_words(mine: Holdings, words: list[str], separator: str) -> None:
    assert await refusals(mine.admin, separator.join(words), None) <= REFUSALS


@THOROUGH
@given(data=st.data(), field=st.sampled_from(root_fields()))
async def test_a_document_with_something_wrong_in_it(mine: Holdings, data: st.DataObject, field: RootField) -> None:
    """Cut, doubled or stirred somewhere: still almost right, which is where servers go wrong."""
    assume(field.operation != "subscription" and field.name not in LEFT_OUT)
    variables = field.arguments({path: mine.ids[kind] for path, kind in field.ids.items()})
    document = field.document(variables)
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, min(len(document), start + 30)))
    between = data.draw(st.sampled_from([*WORDS, "", document[start:end] * 2, document[start:end][::-1]]))
    assert await refusals(mine.admin, document[:start] + between + document[end:], variables) <= REFUSALS


@pytest.mark.parametrize(
    "document",
    [
        "{" + "a{" * 5_000 + "}" * 5_001,
        "{ queues(first: " + "[" * 20_000 + "]" * 20_000 + ") { edges { cursor } } }",
        "query(" + ", ".join(f"$v{number}: Int" for number in range(2_000)) + ") { viewer { __typename } }",
        "{ " + " ".join(f"a{number}: viewer {{ __typename }}" for number in range(500)) + " }",
        "mutation { " + " ".join('logout(input: { refreshToken: "x" }) { __typename }' for _ in range(50)) + " }",
        "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(200)) + "{ ...F0 }",
        "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }",
        "{ viewer { " + "... on User { tenant { " * 12 + "id" + " } }" * 12 + " } }",
        '{ queueBySlug(tenantSlug: "' + "x" * 90_000 + '", slug: "y") { id } }',
        '{ __type(name: "\\u0000") { name } }',
        "{ __schema { types { fields { type { ofType { ofType { ofType { fields { name } } } } } } } } }",
        "query A { viewer { __typename } } query B { viewer { __typename } }",
        "type Query { a: Int }",
        'subscription { queueChanged(queueId: "x") { id } }',
    ],
    ids=lambda text: f"{text[:40]}…{len(text)}",
)
async def test_a_large_or_crooked_document(api: Api, document: str) -> None:
    answer = await api.anonymous.send(document)
    assert answer.status_code < 500
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
    assert codes <= REFUSALS
    assert codes or "__" in document or "tenantSlug" in document


@THOROUGH
@given(payload=st.one_of(ANY_JSON, st.fixed_dictionaries({"query": st.text(), "variables": ANY_JSON})))
async def test_any_body(api: Api, payload: Any) -> None:
    answer = await api.http.post("/graphql", content=json.dumps(payload), headers={"content-type": "application/json"})
    assert answer.status_code < 500
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} <= REFUSALS


async def test_nothing_of_this_is_logged_as_an_error(
    api: Api, mine: Holdings, caplog: pytest.LogCaptureFixture
) -> None:
    """A socket is sent what HTTP was sent: it stays open, and the log stays clean."""
    async with mine.admin.socket() as socket:
        for text in filter(str.strip, TEXTS):
            await _refused_on(socket, text)
            await _refused_on(socket, "{ queues(first: 5, filter: { search: $s }) { edges { cursor } } }")
        feed = await socket.subscribe("{ viewer { __typename } }")
        assert (await feed.item())["__typename"] == "User"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def _refused_on(socket: WsClient, document: str) -> None:
    subscription = await socket.subscribe(document, {"s": "\x00"})
    with pytest.raises(OperationFailed) as refusal:
        await subscription.payload()
    assert refusal.value.code in REFUSALS
