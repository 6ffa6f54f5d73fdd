"""The served schema, held against the rules of the house; and each rule, held against a schema that breaks it."""

from pathlib import Path
from typing import Annotated

import pytest
import strawberry
from graphql import build_schema

from app.api.schema import schema_text
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Public, Requires
from app.identity.graphql.step_up import StepUp
from tests.schema.rules import BOUNDED_LISTS, RULES
from tests.support.schema_walk import schema

GOOD = """
"d" scalar JSON
"d" interface Node { "d" id: ID! }
"d" interface UserError { "d" message: String! }
"d" enum QueueStatus { "d" ACTIVE "d" NOT_YET }
"d" type Queue implements Node {
  "d" id: ID! "d" name: String! @deprecated(reason: "Use `id`. Deprecated since 2026-01-01, stays until 2026-04-01.")
  "d" status: QueueStatus! "d" revision: Int!
}
"d" type PageInfo { "d" endCursor: String }
"d" type QueueEdge { "d" cursor: String! "d" node: Queue! }
"d" type QueueConnection { "d" edges: [QueueEdge!]! "d" pageInfo: PageInfo! }
"d" input QueueCreateInput { "d" name: String! "d" counterId: ID "d" note: JSON }
"d" type QueueCreateSuccess { "d" queue: Queue! }
"d" type QueueFullError implements UserError { "d" message: String! }
"d" union QueueCreateResult = QueueCreateSuccess | QueueFullError
"d" type Query { "d" queues("d" first: Int!, "d" after: String): QueueConnection! }
"d" type Mutation { "d" queueCreate("d" input: QueueCreateInput!): QueueCreateResult! }
"d" type Subscription { "d" queueChanged("d" queueId: ID!): Queue! }
"""

# What is written otherwise in a schema that breaks a rule.
BROKEN = {
    "described": [
        ('"d" type PageInfo', "type PageInfo"),
        ('"d" endCursor', "endCursor"),
        ('"d" first', "first"),
        ('"d" note', "note"),
        ('"d" NOT_YET', "NOT_YET"),
        ('"d" scalar', "scalar"),
        ('"d" union', "union"),
    ],
    "one_input": [
        ('"d" input: QueueCreateInput!', '"d" input: QueueCreateInput'),
        ('"d" input: QueueCreateInput!', '"d" input: QueueCreateInput!, "d" more: Int'),
        ('"d" input: QueueCreateInput!', '"d" queue: QueueCreateInput!'),
        ("QueueCreateInput", "QueueInput"),
    ],
    "one_result": [
        ("): QueueCreateResult!", "): QueueCreateResult"),
        ("): QueueCreateResult!", "): Queue!"),
        ("QueueCreateResult", "QueueResult"),
        ("= QueueCreateSuccess | QueueFullError", "= QueueFullError | QueueCreateSuccess"),
        ("| QueueFullError", "| Queue"),
        ("QueueCreateSuccess", "QueueSuccess"),
    ],
    "success_carries_its_object": [('"d" queue: Queue!', '"d" queue: Queue')],
    "error_names": [
        ("QueueFullError", "QueueFull"),
        ("QueueFullError implements UserError", "QueueFullError"),
        ('"d" type PageInfo', '"d" type OtherError implements UserError { "d" message: String! } "d" type PageInfo'),
    ],
    "mutation_names": [("queueCreate(", "createQueue("), ("queueCreate(", "queueMake(")],
    "names": [
        ("PageInfo", "Page_info"),
        ("QueueCreateInput", "QueueCreate"),
        ("endCursor", "end_cursor"),
        ("NOT_YET", "notYet"),
        ('"d" first:', '"d" First:'),
    ],
    "ids_are_ids": [
        ("counterId: ID", "counterId: String"),
        ("counterId: ID", "counter: ID"),
        ("queueId: ID!", "queue: ID!"),
        ("JSON", "UUID"),
    ],
    "connections": [
        ("): QueueConnection!", "): [Queue!]!"),
        ('"d" endCursor: String', '"d" endCursor: [String!]'),
        ('"d" first: Int!', '"d" first: Int'),
        (', "d" after: String', ""),
        ("queueId: ID!", "queueIds: [ID!]!"),
    ],
    "pages": [
        ("edges: [QueueEdge!]!", "edges: [QueueEdge!]"),
        ('"d" pageInfo: PageInfo!', '"d" total: Int!'),
        ('"d" node: Queue!', '"d" node: Queue'),
    ],
    "whole_lists": [("edges: [QueueEdge!]!", "edges: [QueueEdge]!")],
    "deprecations_dated": [
        ("Deprecated since 2026-01-01, stays until 2026-04-01.", "Use another."),
        ("until 2026-04-01", "until 2026-03-31"),
        ("until 2026-04-01", "until 2026-04-31"),
        ('"d" endCursor: String', '"d" endCursor: String @deprecated'),
        ('"d" NOT_YET', '"d" NOT_YET @deprecated(reason: "Soon.")'),
        ('"d" after: String', '"d" after: String @deprecated(reason: "Soon.")'),
        ('"d" counterId: ID', '"d" counterId: ID @deprecated(reason: "Soon.")'),
    ],
    "feeds": [("queueChanged", "queueFeed"), ('"d" revision: Int!', '"d" name2: Int!')],
}


@pytest.mark.parametrize("name", RULES)
def test_the_schema_keeps_the_rule(name: str) -> None:
    assert list(RULES[name](schema())) == [], RULES[name].__doc__


def test_no_rule_finds_anything_in_a_good_schema() -> None:
    good = build_schema(GOOD)
    assert [offence for name in BROKEN for offence in RULES[name](good)] == []


def test_every_rule_is_tried() -> None:
    assert set(BROKEN) | {"access_declared", "danger_declared", "strangers_limited"} == set(RULES)


@pytest.mark.parametrize(
    ("name", "written", "otherwise"), [(name, *change) for name, changes in BROKEN.items() for change in changes]
)
def test_a_broken_rule_is_noticed(name: str, written: str, otherwise: str) -> None:
    assert written in GOOD
    assert list(RULES[name](build_schema(GOOD.replace(written, otherwise)))) != []


def test_a_root_field_without_access_is_noticed() -> None:
    @strawberry.type
    class Query:
        @strawberry.field(description="Declared.", extensions=[Public()])  # type: ignore[untyped-decorator]
        def declared(self) -> int:
            return 1

        @strawberry.field(description="Not declared.")  # type: ignore[untyped-decorator]
        def undeclared(self) -> int:
            return 1

        @strawberry.field(description="Declared twice.", extensions=[Public(), Requires("queue:read")])  # type: ignore[untyped-decorator]
        def contradictory(self) -> int:
            return 1

    found = list(RULES["access_declared"](strawberry.Schema(Query)._schema))
    assert found == ["Query.undeclared", "Query.contradictory"]


def test_a_danger_that_cannot_be_refused_is_noticed() -> None:
    @strawberry.type
    class StepUpRequiredError:
        message: str

    @strawberry.type
    class Success:
        done: bool

    either = Annotated[Success | StepUpRequiredError, strawberry.union("EitherResult")]

    @strawberry.type
    class Mutation:
        @strawberry.mutation(extensions=[StepUp(), Requires("queue:read")])
        async def good(self) -> either:  # type: ignore[valid-type]
            return Success(done=True)

        @strawberry.mutation(extensions=[Requires("queue:read"), StepUp()])
        async def asked_too_early(self) -> either:  # type: ignore[valid-type]
            return Success(done=True)

        @strawberry.mutation(extensions=[Requires("queue:read")])
        async def forgotten(self) -> either:  # type: ignore[valid-type]
            return Success(done=True)

        @strawberry.mutation(extensions=[StepUp(), Requires("queue:read")])
        async def cannot_refuse(self) -> Success:
            return Success(done=True)

    @strawberry.type
    class Query:
        number: int

    found = list(RULES["danger_declared"](strawberry.Schema(Query, Mutation)._schema))
    assert found == ["askedTooEarly: order", "forgotten", "cannotRefuse"]


def test_a_stranger_who_is_not_counted_is_noticed() -> None:
    @strawberry.type
    class Query:
        one: int

    @strawberry.type
    class Mutation:
        @strawberry.mutation(extensions=[Public()])
        def free(self) -> int:
            return 1

        @strawberry.mutation(extensions=[Public(), Limited("join")])
        async def counted(self) -> int:
            return 1

        @strawberry.mutation(extensions=[Requires("queue:write")])
        def known(self) -> int:
            return 1

    assert list(RULES["strangers_limited"](strawberry.Schema(Query, Mutation)._schema)) == ["free"]


def test_no_list_is_excused_that_is_not_there() -> None:
    places = set()
    for name, type_ in schema().type_map.items():
        for field_name, field in getattr(type_, "fields", {}).items():
            places |= {f"{name}.{field_name}", *(f"{name}.{field_name}({key})" for key in getattr(field, "args", {}))}
    assert set(BOUNDED_LISTS) <= places


def test_the_schema_file_is_current() -> None:
    written = Path(__file__).resolve().parents[2] / "schema.graphql"
    assert written.read_text(encoding="utf-8") == schema_text(), "run `make schema`"
