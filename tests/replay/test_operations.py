"""The documents of the replay against the schema the server promises."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from app.replay import operations
from app.replay.operations import MUTATIONS, Outcome

SCHEMA: GraphQLSchema = build_schema(Path("schema.graphql").read_text())
OTHERS = ("SESSION_CHANGED", "QUEUE_CHANGED", "QUEUE_EVENTS", "OPEN_SESSIONS", "QUEUE")


@pytest.mark.parametrize("document", [*MUTATIONS.values(), *(getattr(operations, name) for name in OTHERS)])
def test_every_document_is_valid(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


def test_a_refusal_says_where_the_session_stands() -> None:
    refused = {"__typename": "IllegalTransitionError", "message": "no", "sessionStatus": "CALLED"}
    assert Outcome.model_validate(refused).session_status == "CALLED"
