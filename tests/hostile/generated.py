"""Documents and frames as a machine makes them up: from the schema, with other people's ids, and at times broken.

One number makes one of them, always the same. Nothing here sends anything.
"""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from tests.hostile.values import NUMBERS, TEXTS, TIMES

_TEXTS = [text for text in TEXTS if len(text) < 200]
_BROKEN = ["", "{", "}", "...", '"', "$", "@skip", "fragment", "\x00", "\ud800", "é", "query Q", "!", "[[[", "1e400"]


class Documents:
    """Documents for a schema. `ids` are those of things that exist, by kind."""

    def __init__(self, schema: GraphQLSchema, ids: Sequence[str], words: Sequence[str], without: set[str]) -> None:
        self._schema = schema
        self._ids = ids
        self._words = words
        self._roots = {
            kind: [(name, field) for name, field in root.fields.items() if f"{root.name}.{name}" not in without]
            for kind, root in (
                ("query", schema.query_type),
                ("mutation", schema.mutation_type),
                ("subscription", schema.subscription_type),
            )
            if root is not None
        }

    def document(self, number: int) -> tuple[str, dict[str, Any]]:
        """A document and its variables."""
        return _Document(self, Random(number)).made()

    def roots(self, kind: str) -> list[tuple[str, GraphQLField]]:
        """The root fields that are asked for."""
        return self._roots[kind]

    def members(self, type_: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        """The kinds of object a union or an interface may hold."""
        assert isinstance(type_, GraphQLUnionType | GraphQLInterfaceType)
        return self._schema.get_possible_types(type_)

    def text(self, random: Random, name: str) -> str:
        """A text for a place of that name."""
        return random.choice(self._words if random.random() < 0.5 or name.endswith("lug") else _TEXTS)

    def id(self, random: Random) -> str:
        """Somebody's id, or what only looks like one."""
        return random.choice(self._ids) if random.random() < 0.9 else random.choice(_TEXTS)


class _Document:
    def __init__(self, documents: Documents, random: Random) -> None:
        self._all = documents
        self._random = random
        self._variables: dict[str, Any] = {}
        self._heads: list[str] = []
        self._fragments: list[str] = []
        self._names = 0

    def made(self) -> tuple[str, dict[str, Any]]:
        random = self._random
        kind = random.choices(["query", "mutation", "subscription"], [80, 17, 3])[0]
        count = random.choices([1, 2, 3], [85, 10, 5])[0]
        depth = random.choices([0, 1, 2, 3], [40, 35, 15, 10])[0]
        body = " ".join(self._field(*random.choice(self._all.roots(kind)), depth=depth) for _ in range(count))
        head = f"({', '.join(self._heads)})" if self._heads else ""
        text = " ".join([f"{kind} Q{head} {{ {body} }}", *self._fragments])
        if random.random() < 0.08:
            start = random.randrange(len(text))
            end = start + random.randint(0, 20)
            text = text[:start] + random.choice([*_BROKEN, text[start:end] * 2, text[start:end][::-1]]) + text[end:]
        if self._variables and random.random() < 0.1:
            self._variables[random.choice(list(self._variables))] = random.choice([None, [], {}, 7, "x", 2**70, True])
        return text, self._variables

    def _field(self, name: str, field: GraphQLField, *, depth: int) -> str:
        random = self._random
        arguments = [
            f"{key}: {self._argument(key, argument)}"
            for key, argument in field.args.items()
            if is_required_argument(argument) or random.random() < 0.3
        ]
        call = f"({', '.join(arguments)})" if arguments else ""
        alias = f"{self._name()}: " if random.random() < 0.1 else ""
        flag = random.choice([" @include(if: true)", " @skip(if: false)", " @skip(if: true)"])
        below = self._selection(get_named_type(field.type), depth)
        return f"{alias}{name}{call}{flag if random.random() < 0.05 else ''}{below}"

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        random = self._random
        if is_leaf_type(type_):
            return ""
        parts = ["__typename"]
        if isinstance(type_, GraphQLObjectType):
            parts += self._fields(type_, depth)
        else:
            members = list(self._all.members(type_))
            for member in random.sample(members, min(len(members), 2)):
                parts.append(f"... on {member.name} {{ __typename {' '.join(self._fields(member, depth))} }}")
        if random.random() < 0.1 and isinstance(type_, GraphQLObjectType):
            name = self._name()
            self._fragments.append(f"fragment {name} on {type_.name} {{ {' '.join(parts)} }}")
            return f" {{ ...{name} ...{name} }}"
        return f" {{ {' '.join(parts)} }}"

    def _fields(self, type_: GraphQLObjectType, depth: int) -> list[str]:
        random = self._random
        chosen = random.sample(list(type_.fields.items()), min(len(type_.fields), random.randint(1, 3)))
        return [
            self._field(name, field, depth=depth - 1)
            for name, field in chosen
            if depth > 0 or is_leaf_type(get_named_type(field.type))
        ]

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(argument.type, name, 0)
        if isinstance(get_named_type(argument.type), GraphQLInputObjectType) or self._random.random() < 0.6:
            variable = self._name()
            self._heads.append(f"${variable}: {argument.type}")
            self._variables[variable] = value
            return f"${variable}"
        return value if isinstance(get_named_type(argument.type), GraphQLEnumType) else json.dumps(value)

    def _value(self, type_: GraphQLInputType, name: str, depth: int) -> Any:
        random = self._random
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, name, depth)
        if isinstance(type_, GraphQLList):
            return [self._value(type_.of_type, name, depth) for _ in range(random.randint(0, 3))]
        if isinstance(type_, GraphQLInputObjectType):
            return {
                key: self._value(field.type, key, depth + 1)
                for key, field in type_.fields.items()
                if is_required_input_field(field) or (depth < 3 and random.random() < 0.3)
            }
        if isinstance(type_, GraphQLEnumType):
            return random.choice(list(type_.values))
        return self._plain(type_.name, name)

    def _plain(self, kind: str, name: str) -> Any:
        random = self._random
        match kind:
            case "ID":
                return self._all.id(random)
            case "Int":
                return random.randint(1, 20) if random.random() < 0.8 else random.choice(NUMBERS)
            case "Float":
                return random.random() if random.random() < 0.8 else random.choice(NUMBERS)
            case "Boolean":
                return random.random() < 0.5
            case "Date" | "Time" | "DateTime":
                return random.choice(TIMES)
            case "JSON":
                return random.choice([{}, {"a": [1, "x"]}, [1], "text", None])
        return self._all.text(random, name)

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"


def frames(number: int, queries: Sequence[str], ids: Mapping[str, str] | None = None) -> list[str]:
    """What somebody sends on one socket, frame by frame: mostly messages, at times of the wrong shape."""
    random = Random(number)
    sent = [] if random.random() < 0.1 else [json.dumps({"type": "connection_init", "payload": dict(ids or {})})]
    rubbish: list[Any] = [None, [], {}, 0, "", "x" * 300, True, ["a"], {"query": "{"}, "\x00", 1e308]

    def anything(usual: Any, often: float) -> Any:
        return usual if random.random() < often else random.choice(rubbish)

    for _ in range(random.randint(5, 45)):
        often = random.choice([1.0, 1.0, 1.0, 0.98, 0.9])
        kind = random.choices(
            ["subscribe", "complete", "ping", "pong", "connection_init", "next", "error", "start"],
            [60, 20, 9, 9, 0.3, 0.3, 0.3, 0.3],
        )[0]
        message: dict[str, Any] = {"type": anything(kind, often)}
        if kind in ("subscribe", "complete"):
            # Mostly new, as clients have them; else in use, over, or never there.
            message["id"] = anything(f"{number}.{random.randint(0, 400)}", often)
        if kind == "subscribe":
            message["payload"] = anything(
                {
                    "query": anything(random.choice(queries), often),
                    "variables": anything(None, often),
                    "operationName": anything(None, often),
                    "extensions": anything(None, often),
                },
                often,
            )
        elif random.random() < 0.2:
            message["payload"] = anything({"x": 1}, often)
        text = json.dumps(message)
        if random.random() < 0.005:
            at = random.randrange(len(text))
            text = random.choice([text[:at], text[at:], text + "}", f"[{text}]", "\x00", "null", text[::-1], ""])
        sent.append(text)
    return sent
