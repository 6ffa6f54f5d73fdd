"""How large an operation may be, and the cache of documents that passed.

Measures documents before they are validated or executed; does not limit how often somebody asks.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document as _validate

from app.api.errors import VALIDATION_FAILED


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may ask for. Fields and aliases count as often as fragments repeat them.

    The front-end documents of this product stay below a third of each number; GraphiQL's introspection query is 15
    levels deep, which is why introspection has a depth of its own.
    """

    depth: int = 12
    introspection_depth: int = 20
    aliases: int = 30
    fields: int = 1_000
    root_fields: int = 20
    mutations: int = 5
    tokens: int = 2_000
    repeats: int = 100


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
        self._fragments = {
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
                if (fragment := self._fragments.get(node.name.value)) is not None:
                    count += self.root_fields(fragment.selection_set, seen)
        return count

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            # A cycle meets this and ends; validation rejects it afterwards.
            self._measured[name] = _NOTHING
            fragment: FragmentDefinitionNode | None = self._fragments.get(name)
            if fragment is not None:
                self._measured[name] = self.measure(fragment.selection_set)
        return self._measured[name]


def check_document(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """What is too large about a document; nothing if it may be validated and run."""
    measurer = _Measurer(document)
    errors: list[GraphQLError] = []

    def check(node: OperationDefinitionNode, what: str, size: int, most: int) -> None:
        if size > most:
            # An attacker's number may have thousands of digits, and says no more than its length.
            shown = str(size) if size < 10**9 else "over a billion"
            errors.append(GraphQLError(f"The operation has {what} {shown}; at most {most} is allowed.", node))

    if (repeats := _most_repeated(document)) > limits.repeats:
        message = f"One field is selected {repeats} times; at most {limits.repeats} is allowed."
        errors.append(GraphQLError(message))
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        size = measurer.measure(node.selection_set)
        roots = measurer.root_fields(node.selection_set, set())
        check(node, "a depth of", size.depth, limits.depth)
        check(node, "an introspection depth of", size.introspection_depth, limits.introspection_depth)
        check(node, "a number of aliases of", size.aliases, limits.aliases)
        check(node, "a number of fields of", size.fields, limits.fields)
        check(node, "a number of root fields of", roots, limits.root_fields)
        if node.operation is OperationType.MUTATION:
            check(node, "a number of mutations of", roots, limits.mutations)
    return errors


def _most_repeated(document: DocumentNode) -> int:
    """How often the document writes its most frequent field: validation compares all pairs of the same name."""
    counts: Counter[str] = Counter()
    open_sets = [
        node.selection_set
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while open_sets:
        for node in open_sets.pop().selections:
            if isinstance(node, FieldNode):
                counts[(node.alias or node.name).value] += 1
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set is not None:
                open_sets.append(node.selection_set)
    return max(counts.values(), default=0)


@dataclass(slots=True)
class _Checked:
    document: DocumentNode
    errors: list[GraphQLError] | None = None


@dataclass
class DocumentCache:
    """Parsed and validated documents, least recently used ones leave first.

    Bounded by the total length of the texts: a syntax tree takes some fifty times its text, and an attacker chooses
    both the number of texts and their length.
    """

    limits: Limits
    capacity: int = 500_000
    _documents: OrderedDict[str, _Checked] = field(default_factory=OrderedDict)
    _length: int = 0

    def get(self, query: str) -> _Checked | None:
        """The document of this text if it is known."""
        found = self._documents.get(query)
        if found is not None:
            self._documents.move_to_end(query)
        return found

    def put(self, query: str, document: DocumentNode) -> _Checked:
        """Keep a parsed document."""
        checked = _Checked(document)
        if len(query) <= self.capacity // 20:
            self._documents[query] = checked
            self._length += len(query)
            while self._length > self.capacity:
                oldest, _ = self._documents.popitem(last=False)
                self._length -= len(oldest)
        return checked


class DocumentChecks(SchemaExtension):
    """Parses at most `tokens` tokens, measures, then validates; once per text."""

    def __init__(self, cache: DocumentCache) -> None:
        self._cache = cache
        self._checked: _Checked | None = None

    def on_parse(self) -> Iterator[None]:
        """Take the document from the cache, or keep what Strawberry parses."""
        context = self.execution_context
        query = context.query or ""
        context.parse_options["max_tokens"] = self._cache.limits.tokens
        self._checked = self._cache.get(query)
        if self._checked is not None:
            context.graphql_document = self._checked.document
        # Parsing stays Strawberry's: an exception raised by this hook would end a stream without a result.
        yield
        if self._checked is None and context.graphql_document is not None:
            self._checked = self._cache.put(query, context.graphql_document)

    def on_validate(self) -> Iterator[None]:
        """Measure before validating: some validation rules are quadratic in what the measure bounds."""
        context = self.execution_context
        checked = self._checked
        if checked is not None:
            if checked.errors is None:
                checked.errors = check_document(checked.document, self._cache.limits) or _validate(
                    context.schema._schema, checked.document, context.validation_rules
                )
                for error in checked.errors:
                    error.extensions = {"code": VALIDATION_FAILED}
            context.pre_execution_errors = checked.errors
            if (
                not checked.errors
                and context._provided_operation_name is None
                and _operation_count(checked.document) > 1
            ):
                # Strawberry would run the first.
                message = "The document has several operations: say in `operationName` which one to run."
                context.pre_execution_errors = [GraphQLError(message, extensions={"code": VALIDATION_FAILED})]
        yield


def _operation_count(document: DocumentNode) -> int:
    return sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
