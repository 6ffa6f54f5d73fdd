"""How large a parsed document is, fragments included, each of them measured once. Knows no schema."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
)

from app.api.documents.limits import Limits


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a selection, fragments included."""

    depth: int = 0
    introspection_depth: int = 0
    aliases: int = 0
    fields: int = 0


_NOTHING = Measure()

_DEEPEST = 100
"""Selections within selections that are followed at all, fragments included: far beyond any limit, and far from where
Python's own recursion ends."""


class _Measurer:
    """Measures each fragment once, so doubled fragments cost additions, not a walk that doubles with each level."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measure] = {}
        self._level = 0

    def measure(self, selections: SelectionSetNode | None) -> Measure:
        """The size of a selection; a lower bound where it is absurdly deep."""
        if selections is None:
            return _NOTHING
        if self._level >= _DEEPEST:
            return Measure(depth=_DEEPEST, introspection_depth=_DEEPEST)
        self._level += 1
        size = self._measure(selections)
        self._level -= 1
        return size

    def _measure(self, selections: SelectionSetNode) -> Measure:
        depth = introspection_depth = aliases = fields = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                below = self.measure(node.selection_set)
                if node.name.value.startswith("__"):
                    introspection_depth = max(introspection_depth, 1 + below.depth, 1 + below.introspection_depth)
                else:
                    depth = max(depth, 1 + below.depth)
                    introspection_depth = max(introspection_depth, below.introspection_depth)
                aliases += below.aliases + (node.alias is not None)
                fields += below.fields + 1
                continue
            if isinstance(node, InlineFragmentNode):
                below = self.measure(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                below = self._fragment(node.name.value)
            else:
                continue
            depth = max(depth, below.depth)
            introspection_depth = max(introspection_depth, below.introspection_depth)
            aliases += below.aliases
            fields += below.fields
        return Measure(depth, introspection_depth, aliases, fields)

    def root_fields(self, selections: SelectionSetNode, seen: set[str]) -> int:
        """Fields that a root selection resolves to; a fragment's fields merge, so each fragment counts once."""
        count = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                count += 1
            elif isinstance(node, InlineFragmentNode):
                count += self.root_fields(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                if (fragment := self.fragments.get(node.name.value)) is not None:
                    count += self.root_fields(fragment.selection_set, seen)
        return count

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            # A cycle meets this and ends; validation rejects it afterwards.
            self._measured[name] = _NOTHING
            fragment: FragmentDefinitionNode | None = self.fragments.get(name)
            if fragment is not None:
                self._measured[name] = self.measure(fragment.selection_set)
        return self._measured[name]


def check_document(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """What is too large about a document; nothing if it may be validated."""
    measurer = _Measurer(document)
    errors: list[GraphQLError] = []

    def check(node: OperationDefinitionNode | None, what: str, size: int, most: int) -> None:
        if size > most:
            # An attacker's number may have thousands of digits, and says no more than its length.
            shown = str(size) if size < 10**9 else "over a billion"
            whose = "document" if node is None else "operation"
            errors.append(GraphQLError(f"The {whose} has {what} {shown}; at most {most} is allowed.", node))

    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    check(None, "a number of operations of", len(operations), limits.operations)
    check(None, "a number of fragments of", len(measurer.fragments), limits.fragments)
    check(None, "a number of values of", _values(document), limits.values)
    if errors:
        return errors
    for node in operations:
        size = measurer.measure(node.selection_set)
        check(node, "a depth of", size.depth, limits.depth)
        check(node, "an introspection depth of", size.introspection_depth, limits.introspection_depth)
        check(node, "a number of aliases of", size.aliases, limits.aliases)
        check(node, "a number of fields of", size.fields, limits.fields)
        if errors:
            # The rest is asked only of what is small: root fields are looked for recursively.
            return errors
        roots = measurer.root_fields(node.selection_set, set())
        check(node, "a number of root fields of", roots, limits.root_fields)
        if node.operation is OperationType.MUTATION:
            check(node, "a number of mutations of", roots, limits.mutations)
    if not errors and (pairs := _comparisons(document, measurer.fragments, limits)) > limits.comparisons:
        message = f"The same fields are selected too often: {pairs} pairs or more to compare"
        errors.append(GraphQLError(f"{message}; at most {limits.comparisons} is allowed."))
    return errors


def _values(document: DocumentNode) -> int:
    """How many arguments, elements of lists and fields of objects are written out."""
    count = 0
    waiting: list[Node | None] = list(document.definitions)
    while waiting:
        match waiting.pop():
            case OperationDefinitionNode() as node:
                waiting += [*(node.variable_definitions or ()), *(node.directives or ()), node.selection_set]
            case VariableDefinitionNode() as node:
                waiting += [node.default_value, *(node.directives or ())]
            case FragmentDefinitionNode() | InlineFragmentNode() as node:
                waiting += [*(node.directives or ()), node.selection_set]
            case FieldNode() as node:
                waiting += [*(node.arguments or ()), *(node.directives or ()), node.selection_set]
            case SelectionSetNode() as node:
                waiting += node.selections
            case FragmentSpreadNode() as node:
                waiting += node.directives or ()
            case DirectiveNode() as node:
                waiting += node.arguments or ()
            case ArgumentNode() | ObjectFieldNode() as node:
                count += 1
                waiting.append(node.value)
            case ListValueNode() as node:
                count += len(node.values)
                waiting += node.values
            case ObjectValueNode() as node:
                waiting += node.fields
    return count


def _comparisons(document: DocumentNode, fragments: dict[str, FragmentDefinitionNode], limits: Limits) -> int:
    """How many pairs of fields come to stand in one place; stops counting when it is too many.

    Validation compares each pair, with what is selected of both, and each pair of fragments that meet.
    """
    total = visited = 0
    places = [
        [node.selection_set]
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while places:
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for node in _merged(places.pop(), fragments, spread):
            fields.setdefault((node.alias or node.name).value, []).append(node)
        total += _pairs(len(spread)) + sum(_pairs(len(nodes)) * _words(nodes) for nodes in fields.values())
        visited += 1
        if total > limits.comparisons or visited > 2 * limits.fields:
            return max(total, limits.comparisons + 1)
        below = ([node.selection_set for node in nodes if node.selection_set is not None] for nodes in fields.values())
        places += [sets for sets in below if sets]
    return total


def _merged(
    sets: Iterable[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode], spread: set[str]
) -> Iterator[FieldNode]:
    """The fields of several selections that are answered in one place; each fragment once, as validation has it."""
    waiting = list(sets)
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                if (fragment := fragments.get(node.name.value)) is not None:
                    waiting.append(fragment.selection_set)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _words(nodes: list[FieldNode]) -> int:
    """What comparing two of these costs more than comparing names: their arguments are compared as text."""
    if len(nodes) < 2:
        return 1
    # Where each begins and ends is known; tokens are as good as characters here, and a front-end's has a few dozen.
    longest = max(
        (
            node.arguments[-1].loc.end - node.arguments[0].loc.start
            for node in nodes
            if node.arguments and node.arguments[-1].loc is not None and node.arguments[0].loc is not None
        ),
        default=0,
    )
    return 1 + longest // 50
