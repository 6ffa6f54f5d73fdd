"""Documents that cost more than they may, among them the one that brings down common depth limiters."""

import time

import pytest
from graphql import SelectionSetNode, get_introspection_query, parse

from app.api.documents import DocumentCache, Limits
from app.api.documents.measure import Measure, _Measurer, check_document
from tests.transport.toy import toy_schema

LIMITS = Limits()


def complaints(query: str, limits: Limits = LIMITS) -> list[str]:
    return [error.message for error in check_document(parse(query, max_tokens=limits.tokens), limits)]


def doubled(levels: int) -> str:
    """Each fragment spreads the next one twice: 736 bytes for 20 levels, a million fields when walked naively."""
    fragments = [f"fragment F{n} on Thing {{ self {{ ...F{n + 1} ...F{n + 1} }} }}" for n in range(levels)]
    return "{ thing { ...F0 } } " + " ".join(fragments) + f" fragment F{levels} on Thing {{ name }}"


def test_introspection_and_ordinary_documents_pass() -> None:
    assert complaints(get_introspection_query(descriptions=True, input_value_deprecation=True)) == []
    assert complaints("query A { thing { ...T self { ...T } } } fragment T on Thing { name self { name } }") == []


@pytest.mark.parametrize("levels", [10, 60, 200])
def test_doubled_fragments_are_measured_in_as_many_steps_as_they_have_levels(
    levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    measure = _Measurer.measure

    def counted(self: _Measurer, selections: SelectionSetNode | None) -> Measure:
        nonlocal steps
        steps += 1
        return measure(self, selections)

    monkeypatch.setattr(_Measurer, "measure", counted)
    assert check_document(parse(doubled(levels)), Limits(fragments=1_000))
    assert steps < 4 * levels + 10


async def test_doubled_fragments_are_rejected_by_the_schema_before_anything_else() -> None:
    result = await toy_schema().execute(doubled(30))
    assert [(error.message, error.extensions["code"]) for error in result.errors or () if error.extensions] == [
        ("The operation has a depth of 32; at most 12 is allowed.", "GRAPHQL_VALIDATION_FAILED"),
        (
            "The operation has a number of fields of over a billion; at most 1000 is allowed.",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ]


@pytest.mark.parametrize(
    "query",
    [
        doubled(200),
        "{ thing " + "{ self " * 150 + "{ name }" + "}" * 151,
        "{" + "...{" * 150 + "hello" + "}" * 151,
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(280))
        + " fragment F280 on Query { hello }",
    ],
)
async def test_absurd_depth_is_refused_long_before_recursion_ends(query: str) -> None:
    errors = (await toy_schema(Limits(tokens=10_000, fragments=1_000)).execute(query)).errors or ()
    assert errors
    assert {error.extensions["code"] for error in errors if error.extensions} == {"GRAPHQL_VALIDATION_FAILED"}
    assert " depth of " in errors[0].message


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ thing " + "{ self " * 10 + "{ name }" + "}" * 11, None),
        ("{ thing " + "{ self " * 11 + "{ name }" + "}" * 12, "depth of 13; at most 12"),
        ("{ thing { ...on Thing { self " + "{ self " * 10 + "{ name }" + "}" * 13, "depth of 13"),
        ("{" + " ".join(f"a{n}: hello" for n in range(20)) + "}", None),
        ("{ thing {" + " ".join(f"a{n}: name" for n in range(31)) + "} }", "aliases of 31; at most 30"),
        ("{" + " hello" * 20 + "}", None),
        ("{" + " hello" * 21 + "}", "root fields of 21; at most 20"),
        ("{ ...A ...A } fragment A on Query {" + " hello" * 11 + "}", None),
        ("{ ...A ...B } fragment A on Query {" + " hello" * 11 + "} fragment B on Query {" + " hello" * 11 + "}",
         "root fields of 22"),
        ("mutation {" + " touch" * 5 + "}", None),
        ("mutation {" + " touch" * 6 + "}", "mutations of 6; at most 5"),
        ("{ thing {" + " name" * 28 + "} }", None),
        ("{ thing {" + " name" * 29 + "} }", "selected too often: 406 pairs or more to compare; at most 400"),
        ("{ ...A ...B } fragment A on Query { thing {" + " name" * 15 + "} }"
         " fragment B on Query { thing {" + " name" * 14 + "} }", "selected too often"),
        ("{ a: thing {" + " name" * 20 + "} b: thing {" + " name" * 20 + "} }", None),
        ("{ " + " ".join(f'hello(name: "{"x" * 500}")' for _ in range(10)) + " }", "selected too often: 495 pairs"),
        ("{ hello(name: [" + '"x" ' * 249 + "]) }", None),
        ("{ hello(name: [" + '"x" ' * 250 + "]) }", "values of 251; at most 250"),
        ("{ ...A } fragment A on Query { hello @skip(if: {" + "a: [1 2 3 4] " * 51 + "}) }", "values of 256"),
        ("query Q($a: [Int] = [" + "1 " * 251 + "]) { hello }", "values of 251"),
        (" ".join(f"query Q{n} {{ hello }}" for n in range(20)), None),
        (" ".join(f"query Q{n} {{ hello }}" for n in range(21)), "operations of 21; at most 20"),
        ("{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ hello }}" for n in range(41)),
         "fragments of 41; at most 40"),
        ("{ __schema { types " + "{ fields { type " * 8 + "{ name }" + "}}" * 8 + "} }", None),
        ("{ __schema { types " + "{ fields { type " * 12 + "{ name }" + "}}" * 12 + "} }", "introspection depth of 27"),
    ],
)  # fmt: skip
def test_each_limit_holds_to_the_number(query: str, says: str | None) -> None:
    found = complaints(query)
    assert found == [] if says is None else says in found[0]


async def test_tokens_are_counted_while_parsing() -> None:
    errors = (await toy_schema(Limits(tokens=50)).execute("{" + " hello" * 60 + "}")).errors or ()
    assert "more than 50 tokens" in errors[0].message


@pytest.mark.parametrize(
    "query",
    ["{ ...A } fragment A on Query { ...A }", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"],
)
async def test_cycles_of_fragments_end_in_a_validation_error(query: str) -> None:
    (error, *_) = (await toy_schema().execute(query)).errors or ()
    assert "Cannot spread fragment" in error.message


@pytest.mark.parametrize(
    "query",
    [
        "{" + " thing{name}" * 600 + "}",
        "{" + " hello" * 1990 + "}",
        "{" + " ".join("...on Query{thing{name}}" for _ in range(200)) + "}",
        "{ thing {" + " ".join("...on Thing{ self{ name name } }" for _ in range(150)) + "} }",
        "query Q(" + " ".join(f"$v{n}: Int" for n in range(600)) + ") { hello }",
        "{ hello " + " ".join("@include(if: true)" for _ in range(300)) + " }",
        "{ hello(name: " + "[" * 180 + "]" * 180 + ") }",
        " ".join(f"fragment F{n} on Thing {{ name }}" for n in range(300)) + " { hello }",
        " ".join(f"query Q{n} {{ hello }}" for n in range(400)),
    ],
)
async def test_no_document_within_the_token_limit_holds_the_loop_for_long(query: str) -> None:
    schema = toy_schema(Limits(tokens=2_000))
    started = time.process_time()
    await schema.execute(query)
    # Each takes some milliseconds (`python -m bench.hostile`); without the limits seconds, or for ever.
    assert time.process_time() - started < 1.0


def test_the_cache_is_bounded_by_text_and_forgets_the_oldest() -> None:
    cache = DocumentCache(toy_schema()._schema, LIMITS, capacity=1_000)
    queries = [f"{{ a{number:03} }}".ljust(20) for number in range(100)]
    for query in queries:
        cache.checked(query)
    kept = [query for query in queries if cache.known(query) is not None]
    assert kept == queries[50:]
    cache.checked("{ a }".ljust(60))
    assert cache.known("{ a }".ljust(60)) is None, "one text may not push out many"
    cache.checked("{ a")
    assert cache.known("{ a") is None, "nobody sends rubbish twice"
