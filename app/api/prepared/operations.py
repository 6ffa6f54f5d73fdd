"""Prepared operations: one root field, its arguments all variables. Run without building an executor for each.

The resolver, its permissions and its refusals are called as Strawberry would. What comes of it is shown by plan, or, if
something about it is unusual, by graphql-core's executor, which is given the same outcome: nothing is done twice.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, reduce
from inspect import isawaitable
from typing import Any, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    Visitor,
    execute,
    is_required_argument,
    type_from_ast,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.middleware import MiddlewareManager
from graphql.pyutils import Path
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.extensions.field_extension import build_field_extension_resolvers
from strawberry.schema._graphql_core import execution_context_class_kwargs
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo as ResolveInfo
from strawberry.types import ExecutionResult
from strawberry.types.field import StrawberryField
from strawberry.types.graphql import OperationType
from strawberry.utils.await_maybe import await_maybe

from app.api.documents.cost import Price
from app.api.prepared.inputs import Converter, converter
from app.api.prepared.outputs import Show, Showing, show
from app.api.prepared.shapes import NO_VARIABLES, Document, Spot, Unusual, definition_of, ensure_plain_extensions

MOST_PREPARED = 256
MOST_QUERY_LENGTH = 10_000
"""Longer documents are executed: what is prepared is kept, with the document, and an attacker chooses its length."""

_KINDS = frozenset({OperationType.QUERY, OperationType.MUTATION})


@dataclass(frozen=True, slots=True)
class _Given:
    """An argument: the variable it is, and what it becomes for the resolver."""

    variable: str
    parameter: str
    convert: Converter


class PreparedOperations:
    """What is prepared, by text and name of the operation; least recently used ones leave first."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._prepared: OrderedDict[tuple[str, str | None], Prepared | None] = OrderedDict()

    def get(self, query: str, operation_name: str | None) -> "Prepared | None":
        """The operation if it is prepared."""
        key = query, operation_name
        found = self._prepared.get(key)
        if found is not None:
            self._prepared.move_to_end(key)
        return found

    def prepare(self, query: str, operation_name: str | None, document: DocumentNode) -> "Prepared | None":
        """Make an operation of a valid document ready; None if it is not of the kind that can be."""
        key = query, operation_name
        if key in self._prepared or len(query) > MOST_QUERY_LENGTH:
            return None
        made: Prepared | None = None
        with suppress(Unusual):
            made = prepared(self._schema, document, operation_name)
        self._prepared[key] = made
        if len(self._prepared) > MOST_PREPARED:
            self._prepared.popitem(last=False)
        return made


class Prepared:
    """An operation that is ready."""

    def __init__(self, document: Document, source: DocumentNode, key: str, spot: Spot) -> None:
        field = spot.parent.fields[spot.name]
        declared: StrawberryField = definition_of(field)
        self.kind = OperationType(document.operation.operation.value)
        self._schema = document.schema
        self._source = source
        self._operation = document.operation
        self._fragments = {name: details.definition for name, details in document.fragments.items()}
        self._key = key
        self._spot = spot
        self._declared = declared
        self._given = _arguments(document, declared, spot)
        self._resolve = _resolver(declared)
        self._handlers = document.schema.schema_converter._get_field_exception_handlers(declared)
        self._show: Show = show(document, field.type, spot)
        self.price: Price | None = None
        """What it costs, if whoever prepared it has said so."""

    async def run(self, variables: dict[str, Any] | None, context: Any) -> ExecutionResult:
        """Run it. `Unusual` if the variables are: then nothing has been called yet."""
        given = variables or {}
        try:
            arguments = {each.parameter: each.convert(given.get(each.variable, Undefined)) for each in self._given}
        except Exception:  # noqa: BLE001 - a constructor may raise anything; the executor says where
            raise Unusual from None
        make_info = partial(self._info, given, context)
        try:
            value = await self._value(make_info(self._spot, self._declared), arguments)
        except Exception as problem:  # noqa: BLE001 - located and told by the executor
            return await self._execute(variables, context, None, problem)
        showing = Showing(make_info)
        try:
            data = {self._key: self._show(value, showing)}
            if showing.later:
                await showing.complete()
        except Exception:  # noqa: BLE001 - the executor meets the same, or knows better
            return await self._execute(variables, context, value, None)
        finally:
            showing.give_up()
        return ExecutionResult(data=data, errors=None, extensions={})

    async def _value(self, info: Any, arguments: dict[str, Any]) -> Any:
        """What the resolver gives, or the refusal that stands for what it raises."""
        try:
            value = self._resolve(None, info, **arguments)
            return await value if isawaitable(value) else value
        except Exception as problem:
            for kinds, handler in self._handlers:
                if isinstance(problem, kinds):
                    refusal = await await_maybe(handler.handle(problem, field=self._declared, info=info))
                    if refusal is None:
                        break
                    return refusal
            raise

    def _info(self, variables: dict[str, Any], context: Any, spot: Spot, declared: StrawberryField) -> Any:
        field = spot.parent.fields[spot.name]
        raw = ResolveInfo(
            spot.name,
            spot.nodes,
            field.type,
            spot.parent,
            spot.path,
            self._schema._schema,
            self._fragments,
            None,
            self._operation,
            variables,
            context,
            optimized_is_awaitable,
            None,
            None,
            {},
        )
        return self._schema.config.info_class(_raw_info=raw, _field=declared)

    async def _execute(
        self, variables: dict[str, Any] | None, context: Any, value: Any, problem: Exception | None
    ) -> ExecutionResult:
        """By the executor, which is told what the root field's resolver has done."""

        def known(resolve: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
            if info.path.prev is not None:
                return resolve(source, info, **arguments)
            if problem is not None:
                raise problem
            return value

        executed = await await_maybe(
            execute(
                self._schema._schema,
                self._source,
                context_value=context,
                variable_values=variables,
                operation_name=None if self._operation.name is None else self._operation.name.value,
                middleware=MiddlewareManager(known),
                is_awaitable=cast(Any, optimized_is_awaitable),
                **execution_context_class_kwargs(self._schema.execution_context_class),
            )
        )
        return ExecutionResult(data=executed.data, errors=executed.errors, extensions={})


def prepared(schema: Any, source: DocumentNode, operation_name: str | None) -> Prepared:
    """An operation of a valid document, made ready. `Unusual` if it is not of the kind that can be."""
    operations = [node for node in source.definitions if isinstance(node, OperationDefinitionNode)]
    if operation_name is not None:
        operations = [node for node in operations if node.name is not None and node.name.value == operation_name]
    if len(operations) != 1 or OperationType(operations[0].operation.value) not in _KINDS:
        raise Unusual
    visit(source, _NoDirectives())
    document = Document(
        schema,
        operations[0],
        {
            node.name.value: FragmentDetails(node)
            for node in source.definitions
            if isinstance(node, FragmentDefinitionNode)
        },
    )
    root = document.core.get_root_type(operations[0].operation)
    assert root is not None  # it is valid
    fields = collect_fields(
        document.core, dict(document.fragments), NO_VARIABLES, root, operations[0]
    ).grouped_field_set
    if len(fields) != 1:
        raise Unusual
    ((key, details),) = fields.items()
    spot = Spot(root, details, Path(None, key, root.name))
    if spot.name not in root.fields:
        raise Unusual  # introspection
    return Prepared(document, source, key, spot)


class _NoDirectives(Visitor):
    def enter_directive(self, *_: Any) -> None:
        raise Unusual


def _arguments(document: Document, declared: StrawberryField, spot: Spot) -> list[_Given]:
    """The arguments of the root field. All variables of a valid document are in them: no other field has arguments."""
    (node, *same) = spot.nodes
    variables = {each.variable.name.value: each for each in document.operation.variable_definitions or ()}
    parameters = {
        document.schema.config.name_converter.from_argument(each): each
        for each in declared.arguments
        if not each.is_maybe
    }
    arguments = spot.parent.fields[spot.name].args
    given = []
    for argument in node.arguments or ():
        name, value = argument.name.value, argument.value
        if same or not isinstance(value, VariableNode) or name not in parameters:
            raise Unusual
        variable = variables.pop(value.name.value, None)
        if variable is None or variable.default_value is not None:
            raise Unusual
        type = type_from_ast(document.core, variable.type)
        if type is None or str(type) != str(arguments[name].type):
            # Null where the field takes none, one where it takes a list: right sometimes, and seldom.
            raise Unusual
        given.append(_Given(value.name.value, parameters[name].python_name, converter(arguments[name].type)))
    if variables or any(
        is_required_argument(argument) or argument.default_value is not Undefined
        for name, argument in arguments.items()
        if name not in {each.name.value for each in node.arguments or ()}
    ):
        raise Unusual
    return given


def _resolver(declared: StrawberryField) -> Callable[..., Any]:
    """The root field's resolver within its extensions, as Strawberry chains them; takes source, info and arguments."""
    base = declared.base_resolver
    extensions = ensure_plain_extensions(declared)
    if base is None or base.root_parameter is not None or base.parent_parameter is not None:
        raise Unusual
    call = cast(Callable[..., Any], base.wrapped_func)
    takes_self, asks = base.self_parameter is not None, base.info_parameter

    def innermost(source: Any, info: Any, **arguments: Any) -> Any:
        if asks is not None:
            arguments[asks.name] = info
        return call(source, **arguments) if takes_self else call(**arguments)

    chain = build_field_extension_resolvers(declared) if extensions else []
    return reduce(lambda inner, extension: partial(extension, inner), chain, innermost)
