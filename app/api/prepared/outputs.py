"""From what a resolver gave to JSON, by a plan made of the selection once: the fields of an object in their order.

Which fields those are is asked of graphql-core's own collection. Whatever cannot be shown as planned is `Unusual`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from inspect import isawaitable
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    Undefined,
    is_abstract_type,
)
from graphql.execution.collect_fields import collect_subfields
from graphql.pyutils import Path
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from app.api.prepared.shapes import NO_VARIABLES, Document, Spot, Unusual, definition_of, ensure_plain_extensions

MakeInfo = Callable[["Spot", StrawberryField], Any]
"""Strawberry's `Info` for a field of the running operation."""

Later = tuple[dict[str, Any], str, Awaitable[Any], "Show"]
"""Where the value of an asynchronous resolver goes, the resolver at work, and how to show what it gives."""


class Showing:
    """One result in the making."""

    __slots__ = ("info", "later")

    def __init__(self, info: MakeInfo) -> None:
        self.info = info
        self.later: list[Later] = []

    async def complete(self) -> None:
        """Wait for what is resolved asynchronously: side by side, so that loaders gather what is asked for together."""
        while self.later:
            waiting, self.later = self.later, []
            try:
                values = await _all([each[2] for each in waiting])
            finally:
                _close(waiting)
            for (place, name, _, show), value in zip(waiting, values, strict=True):
                place[name] = show(value, self)

    def give_up(self) -> None:
        """Nobody waits for what has not begun."""
        _close(self.later)


Show = Callable[[Any, Showing], Any]


async def _all(resolvers: list[Awaitable[Any]]) -> list[Any]:
    if len(resolvers) == 1:
        return [await resolvers[0]]
    values = await asyncio.gather(*resolvers, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


def _close(waiting: list[Later]) -> None:
    for _, _, resolver, _ in waiting:
        if asyncio.iscoroutine(resolver):
            resolver.close()


def show(document: Document, type: GraphQLOutputType, spot: Spot) -> Show:
    """How to show a value of this type. `Unusual` if it is never shown by plan."""
    if isinstance(type, GraphQLNonNull):
        return _required(_of(document, type.of_type, spot))
    return _nullable(_of(document, type, spot))


def _of(document: Document, type_: GraphQLOutputType, spot: Spot) -> Show:
    if isinstance(type_, GraphQLScalarType):
        return _scalar(type_)
    if isinstance(type_, GraphQLEnumType):
        return _enum(type_)
    if isinstance(type_, GraphQLList):
        return _list(show(document, type_.of_type, Spot(spot.parent, spot.details, spot.path, is_in_list=True)))
    if isinstance(type_, GraphQLObjectType):
        origin, planned = _object(document, type_, spot)
        return lambda value, showing: planned(_exactly(origin, value), showing)
    if is_abstract_type(type_):
        return _abstract(document, list(document.core.get_possible_types(type_)), spot)
    raise Unusual


def _required(inner: Show) -> Show:
    def required(value: Any, showing: Showing) -> Any:
        if value is None:
            raise Unusual
        return inner(value, showing)

    return required


def _nullable(inner: Show) -> Show:
    return lambda value, showing: None if value is None else inner(value, showing)


def _scalar(leaf: GraphQLScalarType) -> Show:
    native = _NATIVE.get(leaf.name)

    def scalar(value: Any, showing: Showing) -> Any:
        return value if type(value) is native else _serialized(leaf, value)

    return scalar


# What graphql-core gives as it is; an Int is looked at for its size.
_NATIVE = {"String": str, "ID": str, "Boolean": bool}


def _enum(leaf: GraphQLEnumType) -> Show:
    known: dict[Any, str] = {}

    def enum(value: Any, showing: Showing) -> Any:
        if not isinstance(value, Enum):
            return _serialized(leaf, value)
        name = known.get(value)
        if name is None:
            name = known[value] = _serialized(leaf, value)
        return name

    return enum


def _serialized(leaf: GraphQLScalarType | GraphQLEnumType, value: Any) -> Any:
    if isinstance(value, Exception) or value is Undefined or isawaitable(value):
        raise Unusual
    made = leaf.coerce_output_value(value)
    if made is None or made is Undefined:
        raise Unusual
    return made


def _list(inner: Show) -> Show:
    def listed(value: Any, showing: Showing) -> Any:
        if type(value) is not list and type(value) is not tuple:
            raise Unusual
        return [inner(each, showing) for each in value]

    return listed


def _exactly(origin: type, value: Any) -> Any:
    if type(value) is not origin:
        raise Unusual
    return value


def _abstract(document: Document, possible: list[GraphQLObjectType], spot: Spot) -> Show:
    """By the class of the value. Planned when a class is met first: of ten members a union's value is one."""
    types: dict[type, GraphQLObjectType] = {definition_of(each).origin: each for each in possible}
    planned: dict[type, Show | None] = {}

    def abstract(value: Any, showing: Showing) -> Any:
        kind = type(value)
        if kind not in planned:
            if kind not in types:
                raise Unusual
            try:
                planned[kind] = _object(document, types[kind], spot)[1]
            except Unusual:
                planned[kind] = None
        plan = planned[kind]
        if plan is None:
            raise Unusual
        return plan(value, showing)

    return abstract


Read = Callable[[Any, Showing], Any]


def _object(document: Document, type_: GraphQLObjectType, spot: Spot) -> tuple[type, Show]:
    definition: StrawberryObjectDefinition = definition_of(type_)
    if definition.is_type_of is not None or definition.concrete_of is not None:
        raise Unusual
    collected = collect_subfields(
        document.core, dict(document.fragments), NO_VARIABLES, document.operation, type_, spot.details
    )
    plain: list[tuple[str, Read | None, Any]] = []
    for name, details in collected.grouped_field_set.items():
        document.count()
        below = Spot(type_, details, Path(spot.path, name, type_.name), spot.is_in_list)
        if below.name == "__typename":
            plain.append((name, None, type_.name))
        else:
            plain.append((name, *_field(document, type_, below)))

    def members(value: Any, showing: Showing) -> Any:
        shown: dict[str, Any] = {}
        for name, read, how in plain:
            if read is None:
                shown[name] = how
                continue
            found = read(value, showing)
            if how is not None:
                shown[name] = how(found, showing)
            else:
                # An asynchronous resolver: its place is kept.
                resolver, show = found
                shown[name] = None
                showing.later.append((shown, name, resolver, show))
        return shown

    return definition.origin, members


def _field(document: Document, parent: GraphQLObjectType, spot: Spot) -> tuple[Read, Show | None]:
    field = parent.fields.get(spot.name)
    if field is None or field.args or any(node.arguments for node in spot.nodes):
        raise Unusual
    declared: StrawberryField = definition_of(field)
    how = show(document, field.type, spot)
    if declared.is_basic_field:
        return _attribute(document, declared), how
    call = resolver(document, declared, spot)
    if declared.is_async:
        return (lambda value, showing: (call(value, showing.info), how)), None
    return (lambda value, showing: call(value, showing.info)), how


def _attribute(document: Document, declared: StrawberryField) -> Read:
    if document.schema.config.default_resolver is not getattr:
        raise Unusual
    name = declared.python_name
    return lambda value, showing: getattr(value, name)


def resolver(document: Document, declared: StrawberryField, spot: Spot) -> Callable[[Any, MakeInfo], Any]:
    """The resolver of a field without arguments and extensions."""
    base = declared.base_resolver
    if (
        base is None
        or ensure_plain_extensions(declared)
        or base.root_parameter is not None
        or base.parent_parameter is not None
        or document.schema.schema_converter._get_field_exception_handlers(declared)
    ):
        raise Unusual
    call = cast(Callable[..., Any], base.wrapped_func)
    if (asks := base.info_parameter) is not None:
        if spot.is_in_list:
            raise Unusual
        name = asks.name
        if base.self_parameter is not None:
            return lambda value, info: call(value, **{name: info(spot, declared)})
        return lambda value, info: call(**{name: info(spot, declared)})
    if base.self_parameter is not None:
        return lambda value, info: call(value)
    return lambda value, info: call()
