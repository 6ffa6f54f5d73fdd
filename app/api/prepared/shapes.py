"""What the parts of a prepared operation agree on: the document it is made of, and what they leave to the executor.

Decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

MOST_FIELDS = 400
"""Fields of one operation, those of fragments as often as they are spread and of abstract types once per kind that is
met: some 0.5 KB each, and an attacker chooses how many."""


class Unusual(Exception):
    """Not what operations are prepared for: the executor knows what to make of it."""


@dataclass(slots=True)
class Document:
    """A valid document, one operation of it, and the schema it is asked of."""

    schema: Any
    """Strawberry's."""
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDetails]
    fields: int = 0

    @property
    def core(self) -> GraphQLSchema:
        """The schema as graphql-core has it."""
        core: GraphQLSchema = self.schema._schema
        return core

    def count(self) -> None:
        """One field more. `Unusual` if there are too many."""
        self.fields += 1
        if self.fields > MOST_FIELDS:
            raise Unusual


NO_VARIABLES = VariableValues({}, {})
"""No prepared operation has a directive, so that what is selected depends on no variable."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a field stands in its operation."""

    parent: GraphQLObjectType
    details: list[FieldDetails]
    path: Path
    # Within a list the path of a field is another for each member.
    is_in_list: bool = False
    nodes: list[FieldNode] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", [each.node for each in self.details])

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.details[0].node.name.value


def definition_of(part: Any) -> Any:
    """What Strawberry made this part of the schema of. `Unusual` if it did not."""
    found = (part.extensions or {}).get("strawberry-definition")
    if found is None:
        raise Unusual
    return found


def ensure_plain_extensions(field: StrawberryField) -> list[FieldExtension]:
    """The extensions of a field that take part in resolving it. `Unusual` if one reshapes arguments."""
    if any(type(each).map_arguments is not FieldExtension.map_arguments for each in field.extensions):
        raise Unusual
    return [each for each in field.extensions if each.has_resolver]
