"""Closed sets of the domain as GraphQL enums, every value explained. The sets themselves know nothing of GraphQL."""

from enum import EnumMeta
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

EnumType = TypeVar("EnumType", bound=EnumMeta)


def explained_enum(kind: EnumType, description: str, *, called: str | None = None, **values: str) -> EnumType:
    """Register an enum, with a sentence for each of its members by name; none may be missing.

    `called` is its name in the schema, where that is not the class's.
    """
    declared = strawberry.enum(kind, name=called, description=description)
    definition: StrawberryEnumDefinition = declared.__strawberry_definition__  # type: ignore[attr-defined]
    if {value.name for value in definition.values} != set(values):
        raise TypeError(f"explain exactly the members of {definition.name}")
    for value in definition.values:
        value.description = values[value.name]
    return declared
