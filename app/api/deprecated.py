"""Which deprecated parts of the schema an operation uses: what its document names, and what its variables give.

Costs nothing while nothing is deprecated; else a document is read once.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from graphql import (
    EnumValueNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    GraphQLType,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    type_from_ast,
    visit,
)

from app.core.graphql.deprecation import deprecations

_MOST_TOKENS = 2_000
_REMEMBERED = 1_000


class DeprecatedParts:
    """Those of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._parts = frozenset(coordinate for coordinate, _ in deprecations(schema))
        self._inputs = bool(self._parts) and any(self._is_input(part) for part in self._parts)
        # By digest: a thousand texts of a hundred kilobytes would be a hundred megabytes, for whoever sends them.
        self._read: OrderedDict[bytes, tuple[frozenset[str], Mapping[str, GraphQLType]]] = OrderedDict()

    def used_by(self, document: str, variables: Mapping[str, Any] | None) -> frozenset[str]:
        """The coordinates of what an operation uses. Every operation of the document is taken for used."""
        if not self._parts:
            return frozenset()
        key = blake2b(document.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = self._read_now(document)
            if len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        named, given = found
        if not self._inputs or not variables:
            return named
        return named.union(*(self._in_value(given[name], value) for name, value in variables.items() if name in given))

    def _is_input(self, coordinate: str) -> bool:
        type_ = self._schema.type_map.get(coordinate.partition(".")[0])
        return isinstance(type_, GraphQLInputObjectType | GraphQLEnumType)

    def _read_now(self, text: str) -> tuple[frozenset[str], Mapping[str, GraphQLType]]:
        try:
            document = parse(text, max_tokens=_MOST_TOKENS)
        except (GraphQLError, RecursionError):
            return frozenset(), {}
        given = {
            each.variable.name.value: type_
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
            for each in node.variable_definitions or ()
            if (type_ := type_from_ast(self._schema, each.type)) is not None
        }
        info = TypeInfo(self._schema)
        finder = _Named(info)
        visit(document, TypeInfoVisitor(info, finder))
        return frozenset(finder.found & self._parts), given

    def _in_value(self, type_: Any, value: object) -> Iterator[str]:
        type_ = get_nullable_type(type_)
        if is_list_type(type_):
            for each in value if isinstance(value, list) else [value]:
                yield from self._in_value(type_.of_type, each)
        elif isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
            for name, below in value.items():
                if (field := type_.fields.get(name)) is not None:
                    if (coordinate := f"{type_.name}.{name}") in self._parts:
                        yield coordinate
                    yield from self._in_value(field.type, below)
        elif isinstance(type_, GraphQLEnumType) and (coordinate := f"{type_.name}.{value}") in self._parts:
            yield coordinate


class _Named(Visitor):
    """Collects the coordinates of everything that a document names."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._info = info

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._info.get_parent_type()
        if parent is not None:
            self.found.add(f"{parent.name}.{node.name.value}")
            self.found.update(f"{parent.name}.{node.name.value}({each.name.value}:)" for each in node.arguments or ())

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        if parent is not None:
            self.found.add(f"{parent.name}.{node.name.value}")

    def enter_enum_value(self, node: EnumValueNode, *_: object) -> None:
        type_ = get_named_type(self._info.get_input_type())
        if type_ is not None:
            self.found.add(f"{type_.name}.{node.value}")
