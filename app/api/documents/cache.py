"""Documents that were read: parsed, measured, validated and priced once per text, and kept within bounds.

Also Strawberry's extension that takes them from here; without it Strawberry would parse and validate by itself.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.api.documents.cost import REFUSED, Cost, Price, price_of
from app.api.documents.limits import Limits
from app.api.documents.measure import check_document
from app.api.documents.scan import has_more_tokens
from app.api.errors import PARSE_FAILED, VALIDATION_FAILED

MOST_ERRORS = 5
"""Of one document. A hundred would tell nobody more, and each costs a walk."""

# There is neither @defer nor @stream here, so whoever writes one is refused as with any unknown directive; and how deep
# introspection goes is measured before.
_NEEDLESS = ("defer_stream", "stream_directive", "max_introspection_depth")
RULES = (
    *(rule for rule in specified_rules if not any(name in rule.__module__ for name in _NEEDLESS)),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass(slots=True)
class Checked:
    """A text that was read: its document if it may be run, or what is wrong with it."""

    document: DocumentNode | None
    errors: Sequence[GraphQLError]
    schema: GraphQLSchema
    _prices: dict[str | None, Price] = field(default_factory=dict)

    def problem(self, operation_name: str | None) -> Sequence[GraphQLError]:
        """Why an operation of it cannot be run; nothing if it can, or if there is none of that name."""
        if not self.errors and operation_name is None and len(self._operations()) > 1:
            # Strawberry would run the first.
            message = "The document has several operations: say in `operationName` which one to run."
            return [GraphQLError(message, extensions={"code": VALIDATION_FAILED})]
        return self.errors

    def cost(self, operation_name: str | None, variables: Mapping[str, Any] | None) -> Cost:
        """What an operation of it costs with these variables."""
        if (price := self.price(operation_name)) is None:
            return REFUSED
        return price.with_variables(variables)

    def price(self, operation_name: str | None) -> Price | None:
        """What an operation of it costs with any variables; None if there is nothing to run."""
        if operation_name in self._prices:
            return self._prices[operation_name]
        if self.document is None or self.problem(operation_name):
            return None
        fragments = {
            node.name.value: node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        for node in self._operations():
            if operation_name is None or (node.name is not None and node.name.value == operation_name):
                price = self._prices[operation_name] = price_of(self.schema, node, fragments)
                return price
        return None

    def _operations(self) -> list[OperationDefinitionNode]:
        definitions = self.document.definitions if self.document is not None else ()
        return [node for node in definitions if isinstance(node, OperationDefinitionNode)]


class DocumentCache:
    """The documents of one schema, least recently used ones leave first.

    Bounded by the total length of the texts: a syntax tree takes some fifty times its text, and an attacker chooses
    both the number of texts and their length. What cannot be parsed is not kept.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, introspection: bool = True, capacity: int = 500_000
    ) -> None:
        self.limits = limits
        self._schema = schema
        self._capacity = capacity
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        # What is not shown must not be guessed from "Did you mean" either; and guessing takes long.
        self._hides = not introspection
        self._documents: OrderedDict[str, Checked] = OrderedDict()
        self._length = 0

    def known(self, query: str) -> Checked | None:
        """A text that has come before."""
        found = self._documents.get(query)
        if found is not None:
            self._documents.move_to_end(query)
        return found

    def checked(self, query: str) -> Checked:
        """A text, read now if it has not come before."""
        found = self.known(query)
        if found is None:
            found = self._read(query)
            if found.document is not None and len(query) <= self._capacity // 20:
                self._keep(query, found)
        return found

    def _keep(self, query: str, checked: Checked) -> None:
        self._documents[query] = checked
        self._length += len(query)
        while self._length > self._capacity:
            oldest, _ = self._documents.popitem(last=False)
            self._length -= len(oldest)

    def _read(self, query: str) -> Checked:
        """Cheap questions first: some validation rules are quadratic in what the measure bounds."""
        limits = self.limits
        if len(query) > limits.characters:
            return self._unread(f"The document has {len(query)} characters; at most {limits.characters} are allowed.")
        if has_more_tokens(query, limits.tokens):
            return self._unread(f"The document has more than {limits.tokens} tokens.")
        try:
            document = parse(query, max_tokens=limits.tokens)
        except GraphQLError as problem:
            return Checked(None, [problem], self._schema)
        except RecursionError as problem:
            return Checked(None, [GraphQLError(str(problem), original_error=problem)], self._schema)
        errors = check_document(document, limits) or validate(
            self._schema, document, self._rules, max_errors=MOST_ERRORS, hide_suggestions=self._hides
        )
        for error in errors:
            error.extensions = {"code": VALIDATION_FAILED}
        return Checked(document, errors, self._schema)

    def _unread(self, message: str) -> Checked:
        return Checked(None, [GraphQLError(message, extensions={"code": PARSE_FAILED})], self._schema)


class FromCache(SchemaExtension):
    """Hands documents that were checked to Strawberry, so that it neither parses nor validates them."""

    def __init__(self, cache: DocumentCache) -> None:
        self._cache = cache

    def on_parse(self) -> Iterator[None]:
        """The document, if there is one; else what is wrong with the text is told as it would be by a parser."""
        context = self.execution_context
        if context.query:
            context.graphql_document = self._cache.checked(context.query).document
        yield

    def on_validate(self) -> Iterator[None]:
        """What was found when it was read."""
        context = self.execution_context
        if context.query:
            context.pre_execution_errors = list(
                self._cache.checked(context.query).problem(context._provided_operation_name)
            )
        yield
