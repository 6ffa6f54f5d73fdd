"""From the variables of a request straight to what resolvers take: coerced and converted in one step.

Takes what is plainly right. Whatever is not, or only might not be, is `Unusual`, and graphql-core says what is wrong.
"""

from collections.abc import Callable
from dataclasses import MISSING
from enum import Enum
from math import isfinite
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    Undefined,
)
from strawberry.types.base import StrawberryMaybe, StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from app.api.prepared.shapes import Unusual, definition_of

Converter = Callable[[Any], Any]

_INT_MOST = 2**31 - 1
# Types whose values Strawberry makes into something else.
_CONVERTED = frozenset({"GlobalID"})


def converter(type: GraphQLInputType, within: tuple[GraphQLInputType, ...] = ()) -> Converter:
    """What makes a value of a variable into what Strawberry would give. `Unusual` for types with ways of their own."""
    if isinstance(type, GraphQLNonNull):
        return _required(_of(type.of_type, within))
    return _nullable(_of(type, within))


def _of(type: GraphQLInputType, within: tuple[GraphQLInputType, ...]) -> Converter:
    if isinstance(type, GraphQLInputObjectType) and type not in within:
        return _object(type, (*within, type))
    if isinstance(type, GraphQLList):
        return _list(converter(type.of_type, within))
    if isinstance(type, GraphQLEnumType):
        return _coerced(type, (str,))
    if isinstance(type, GraphQLScalarType) and type.name not in _CONVERTED:
        return _SCALARS.get(type.name) or _coerced(type, (str, int, float, bool, dict, list))
    raise Unusual


def _nullable(convert: Converter) -> Converter:
    return lambda value: None if value is None else convert(value)


def _required(convert: Converter) -> Converter:
    def required(value: Any) -> Any:
        if value is None:
            raise Unusual
        return convert(value)

    return required


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise Unusual
    return value


def _int(value: Any) -> Any:
    if type(value) is not int or not -_INT_MOST <= value <= _INT_MOST:
        raise Unusual
    return value


def _float(value: Any) -> Any:
    if type(value) is not float or not isfinite(value):
        raise Unusual
    return value


def _boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise Unusual
    return value


# An ID may be sent as a number, a list as its only member, and so on: right, but seldom.
_SCALARS: dict[str, Converter] = {"String": _text, "ID": _text, "Int": _int, "Float": _float, "Boolean": _boolean}


def _coerced(leaf: GraphQLScalarType | GraphQLEnumType, kinds: tuple[type, ...]) -> Converter:
    coerce = leaf.coerce_input_value

    def coerced(value: Any) -> Any:
        if type(value) not in kinds:
            raise Unusual
        try:
            made = coerce(value)
        except Exception:  # noqa: BLE001 - a scalar may raise anything
            raise Unusual from None
        if made is Undefined or made is None:
            raise Unusual
        return made

    return coerced


def _list(convert: Converter) -> Converter:
    def listed(value: Any) -> Any:
        if type(value) is not list:
            raise Unusual
        return [convert(each) for each in value]

    return listed


def _object(type_: GraphQLInputObjectType, within: tuple[GraphQLInputType, ...]) -> Converter:
    definition: StrawberryObjectDefinition = definition_of(type_)
    if definition.is_one_of or definition.from_input is not None:
        raise Unusual
    made: Callable[..., Any] = definition.origin
    members: dict[str, tuple[str, Converter]] = {}
    defaults: dict[str, Any] = {}
    lists = []
    required = set()
    for name, field in type_.fields.items():
        declared: StrawberryField = definition_of(field)
        if isinstance(declared.type, StrawberryMaybe):
            raise Unusual
        members[name] = declared.python_name, converter(field.type, within)
        if isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined:
            required.add(name)
        elif field.default_value == []:
            lists.append(declared.python_name)
        else:
            defaults |= _default(declared, field)

    def made_of(value: Any) -> Any:
        if type(value) is not dict or not required <= value.keys():
            raise Unusual
        given = defaults.copy()
        for name in lists:
            given[name] = []  # each request its own
        for name, each in value.items():
            member = members.get(name)
            if member is None:
                raise Unusual
            given[member[0]] = member[1](each)
        return made(**given)

    return made_of


def _default(declared: StrawberryField, field: GraphQLInputField) -> dict[str, Any]:
    """What the constructor is given for a field that is not sent."""
    if field.default_value is not Undefined:
        # Others are converted anew for each request.
        if field.default_value is not None and not isinstance(field.default_value, _AS_THEY_ARE):
            raise Unusual
        return {declared.python_name: field.default_value}
    if declared.default_value is MISSING and declared.default_factory is MISSING:
        return {declared.python_name: None}
    return {}


_AS_THEY_ARE = (str, int, float, Enum)
