"""What an operation costs, in points, known before it runs: objects to be shown, times how many of them.

An upper bound from the document, its variables and the schema. How many points somebody may spend is not decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from app.api.documents.weights import (
    ELEMENTS,
    INTROSPECTION,
    LISTS,
    MOST_ELEMENTS,
    MUTATION,
    OBJECT,
    SUBSCRIPTION,
    WEIGHTS,
)

POINTS_PER_REQUEST = 100
"""An operation of up to so many points counts as one request to whoever limits requests."""

Sum = dict[tuple[str, ...], int]
"""Points as a polynomial: how many for each product of variables (the names, sorted), `()` for those that are fixed.

So a document is measured once and priced with each request's own variables.
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation costs."""

    points: int

    @property
    def requests(self) -> int:
        """As how many requests it counts; one at least."""
        return max(1, -(-self.points // POINTS_PER_REQUEST))

    @property
    def shown(self) -> str:
        """The points, unless they are many more than anybody needs to know."""
        return str(self.points) if self.points < 10**9 else "over a billion"


REFUSED = Cost(0)
"""Of a document that is not run: reading it counts as a request."""


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of an operation for any variables."""

    sum: Sum
    defaults: Mapping[str, object]

    def with_variables(self, variables: Mapping[str, Any] | None) -> Cost:
        """The cost with these variables. What is no number of a page counts as the largest page there may be."""
        given = variables or {}
        return Cost(
            sum(
                points * prod(_size(given.get(name, self.defaults.get(name))) for name in names)
                for names, points in self.sum.items()
            )
        )


def price_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Price:
    """The price of an operation of a valid document that is within the limits."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # it is valid
    defaults = {
        each.variable.name.value: int(each.default_value.value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }
    return Price(_Pricing(schema, fragments).selection(operation.selection_set, root), defaults)


class _Pricing:
    """Prices each fragment once."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._priced: dict[str, Sum] = {}

    def selection(self, selections: SelectionSetNode, parent: GraphQLNamedType) -> Sum:
        """All that is selected of an object. Of the members of a union all are counted, and none left out by a flag."""
        total: Sum = {}
        for node in selections.selections:
            match node:
                case FieldNode():
                    part = self._field(node, parent)
                case FragmentSpreadNode():
                    part = self._fragment(node.name.value)
                case InlineFragmentNode():
                    on = (
                        parent if node.type_condition is None else self._schema.type_map[node.type_condition.name.value]
                    )
                    part = self.selection(node.selection_set, on)
                case _:
                    continue
            _add(total, part)
        return total

    def _fragment(self, name: str) -> Sum:
        if name not in self._priced:
            fragment = self._fragments[name]
            on = self._schema.type_map[fragment.type_condition.name.value]
            self._priced[name] = self.selection(fragment.selection_set, on)
        return self._priced[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> Sum:
        name = node.name.value
        if name.startswith("__"):
            return {} if node.selection_set is None else {(): INTROSPECTION}
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)  # it is valid: unions have no fields
        field = parent.fields[name]
        type_ = get_named_type(field.type)
        total: Sum = {(): self._weight(name, parent, type_)}
        if node.selection_set is None:
            return total
        below = self.selection(node.selection_set, type_)
        if "first" in field.args:
            _add(total, below, _page(node))
        elif isinstance(get_nullable_type(field.type), GraphQLList) and not parent.name.endswith("Connection"):
            times = LISTS.get(f"{parent.name}.{name}", ELEMENTS)
            # Itself first: what is below counts once for each element, not once more for the list.
            total[()] *= times
            _add(total, below, times)
        else:
            _add(total, below)
        return total

    def _weight(self, name: str, parent: GraphQLNamedType, type_: GraphQLNamedType) -> int:
        """What the field itself costs, whatever is selected of it."""
        if (known := WEIGHTS.get(f"{parent.name}.{name}")) is not None:
            return known
        if parent is self._schema.mutation_type:
            return MUTATION
        if parent is self._schema.subscription_type:
            return SUBSCRIPTION
        # What tells of a page stands beside its objects and costs nothing by itself.
        return 0 if is_leaf_type(type_) or parent.name.endswith("Connection") else OBJECT


def _page(node: FieldNode) -> int | str:
    """How many are asked for: a number, or the name of the variable that says it."""
    value = next((each.value for each in node.arguments or () if each.name.value == "first"), None)
    if isinstance(value, VariableNode):
        return value.name.value
    return _size(int(value.value)) if isinstance(value, IntValueNode) else MOST_ELEMENTS


def _size(value: object) -> int:
    if isinstance(value, int) and 0 <= value <= MOST_ELEMENTS:
        return int(value)
    return MOST_ELEMENTS


def _add(total: Sum, part: Sum, times: int | str = 1) -> None:
    """Add so many times what a part costs."""
    for names, points in part.items():
        if isinstance(times, str):
            key, more = tuple(sorted((*names, times))), points
        else:
            key, more = names, points * times
        total[key] = total.get(key, 0) + more
