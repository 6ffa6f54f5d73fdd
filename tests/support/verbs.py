"""Any mutation, asked for everything its result can say: documents are built from the committed schema.

A success shows its object's own fields; an error all its fields, and the id of what it points to.
"""

from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_leaf_type,
)

from tests.support.api import SESSION, Caller

_SHOWN = {
    "rating": "score nps comment source ratedAt changedAt",
    "session": SESSION + " userIdentifier partySize locale metadata contact { email phone } category { name priority }"
    " servedBy { id }",
    "queue": "id name slug status discipline capacity maxConcurrentUsers ticketPrefix ticketLastNumber"
    " visitorMaxPriority timeZone dailyResetTime announcement description priorityCredits { priority seconds }"
    " waitingCount heldCount calledCount servingCount openCounterCount estimatedWaitSeconds revision archivedAt",
    "counter": "id name isActive queues { id }",
    "shift": "id startedAt pausedAt endedAt breakSeconds servedCount averageServiceSeconds notes counter { id }"
    " user { id }",
    "admission": "sessionId queueId state token tokenExpiresAt releasedAt enteredAt renewedAt expiresAt endedAt end"
    " revision",
    "event": "id name state startsAt endsAt prequeueStartsAt drawsLots queueStatus beganAt endedAt",
    "category": "id name priority priorityMultiplier ticketPrefix ticketFirstNumber ticketLastNumber isActive",
}


@cache
def schema() -> GraphQLSchema:
    """The committed schema."""
    return build_schema((Path(__file__).resolve().parents[2] / "schema.graphql").read_text())


@cache
def document(verb: str) -> str:
    """A mutation that asks for everything."""
    root = schema().mutation_type
    assert root is not None
    union = get_named_type(root.fields[verb].type)
    assert isinstance(union, GraphQLUnionType)
    members = " ".join(f"... on {member.name} {{ {_fields(member)} }}" for member in union.types)
    name = verb[0].upper() + verb[1:]
    return f"mutation($i: {name}Input!) {{ {verb}(input: $i) {{ __typename {members} }} }}"


async def ask(caller: Caller, verb: str, **given: Any) -> dict[str, Any]:
    """The whole result. `GraphQLFailed` for a top-level error."""
    answer: dict[str, Any] = await caller(document(verb), i=given)
    return {key if key == "__typename" else key.rpartition("__")[2]: value for key, value in answer.items()}


async def done(caller: Caller, verb: str, **given: Any) -> dict[str, Any]:
    """The object of a result that has to be a success."""
    answer = await ask(caller, verb, **given)
    assert answer["__typename"].endswith("Success"), answer
    for name in _SHOWN:
        if name in answer:
            return dict(answer[name])
    return answer


def _fields(member: GraphQLObjectType) -> str:
    # Members of one union may give the same name different types: each has aliases of its own.
    return " ".join(f"{member.name}__{name}: {name} {_selection(name, field)}" for name, field in member.fields.items())


def _selection(name: str, field: GraphQLField) -> str:
    return "" if is_leaf_type(get_named_type(field.type)) else f"{{ {_SHOWN.get(name, 'id')} }}"
