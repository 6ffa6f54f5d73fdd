"""The walk itself: it stops at what it does not know, and its checksums tell when something has changed."""

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
)
from graphql import GraphQLString as String

from tests.support.api import Api
from tests.support.holdings import holdings
from tests.support.schema_walk import RootField, Unknown, root_fields


def field(**arguments: GraphQLInputType) -> RootField:
    """A root field with these arguments."""
    given = {name: GraphQLArgument(type_) for name, type_ in arguments.items()}
    return RootField("query", "new", GraphQLField(String, given))


@pytest.mark.parametrize(
    "arguments",
    [
        {"placeId": GraphQLID},
        {"id": GraphQLNonNull(GraphQLID)},
        {"input": GraphQLInputObjectType("A", {"placeId": GraphQLInputField(GraphQLID)})},
        {"input": GraphQLInputObjectType("B", {"place": GraphQLInputField(GraphQLID)})},
    ],
)
def test_it_stops_at_an_id_it_does_not_know(arguments: dict[str, GraphQLInputType]) -> None:
    with pytest.raises(Unknown):
        _ = field(**arguments).ids


def test_it_stops_at_a_value_it_does_not_know() -> None:
    with pytest.raises(Unknown):
        field(novelty=GraphQLNonNull(String)).arguments({})


def test_it_reaches_ids_in_inputs_of_inputs() -> None:
    inner = GraphQLInputObjectType("Inner", {"queueId": GraphQLInputField(GraphQLID)})
    outer = GraphQLInputObjectType("Outer", {"inner": GraphQLInputField(inner)})
    found = field(input=outer)
    assert found.ids == {("input", "inner", "queueId"): "Queue"}
    assert found.arguments({("input", "inner", "queueId"): "x"}) == {"input": {"inner": {"queueId": "x"}}}


def test_it_knows_every_field_of_the_schema() -> None:
    for each in root_fields():
        variables = each.arguments(dict.fromkeys(each.ids, "x"))
        assert each.document(variables, depth=0).startswith(each.operation)


async def test_a_changed_row_changes_its_table_s_checksum(api: Api) -> None:
    mine = await holdings(api)
    before = await mine.rows()
    assert all(before[table] for table in ("tenants", "users", "queues", "sessions", "session_notes", "notifications"))
    await mine.business.act("sessionCancel", mine.neighbour.id)
    after = await mine.rows()
    assert {table for table in before if before[table] != after[table]} == {"sessions", "queue_lines", "events"}
