"""A schema with every kind of thing a result can hold, and documents generated from it: all valid, none alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Annotated, Any

import strawberry
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from strawberry.scalars import JSON
from strawberry.types import Info

from app.core.errors import InvalidInput, NotFound
from app.core.graphql.errors import InvalidInputError, UserError
from app.core.graphql.permissions import Public, Requires


@strawberry.enum
class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass
class Seen:
    """An operation's context: what its root resolvers were given."""

    actor: Any = None
    request_id: str = "a-request"
    calls: list[object] = field(default_factory=list)


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def upper(self) -> str:
        return self.name.upper()


@strawberry.type
class Leaf(Named):
    number: int
    share: float
    colour: Colour | None
    at: datetime
    data: JSON | None
    texts: list[str | None]
    colours: list[Colour]
    id: strawberry.ID

    @strawberry.field
    async def later(self) -> int | None:
        return self.number

    @strawberry.field
    def told(self, info: Info) -> str:
        return f"{info.field_name} {info.path.as_list()} {info.context.request_id} {info.return_type}"

    @strawberry.field
    def with_argument(self, times: int = 2) -> str:
        return self.name * times

    @strawberry.field
    def broken(self) -> str | None:
        if self.number % 2:
            raise NotFound("Leaf")
        return None

    @strawberry.field
    def very_broken(self) -> int:
        return "no number"  # type: ignore[return-value]


@strawberry.type
class Branch(Named):
    leaves: list[Leaf]
    best: Leaf | None

    @strawberry.field
    async def loaded(self) -> list[Named]:
        return [*self.leaves, Branch(name="a branch's branch", leaves=[], best=None)]

    @strawberry.field
    async def branch(self) -> "Branch | None":
        return None if self.best is None else Branch(name=f"{self.name}+", leaves=[self.best], best=None)

    @strawberry.field
    def either(self) -> "LeafOrBranch | None":
        return self.best or self

    @strawberry.field(name="self")
    def itself(self, info: Info) -> Named:
        assert info.context.request_id
        return self


LeafOrBranch = Annotated[Leaf | Branch, strawberry.union("LeafOrBranch")]


@strawberry.input
class Inner:
    colour: Colour = Colour.RED
    data: JSON | None = None
    numbers: list[int | None] | None = strawberry.UNSET


@strawberry.input
class Order:
    name: str
    number: int = 1
    share: float | None = None
    flag: bool = False
    id: strawberry.ID | None = None
    inner: Inner | None = None
    inners: list[Inner] = strawberry.field(default_factory=list)
    no_default: str | None


@strawberry.type
class Done:
    branch: Branch
    note: str


def tree(number: int = 3) -> Branch:
    """Something of everything."""
    leaves = [
        Leaf(
            name=name,
            number=each,
            share=each / 7,
            colour=[None, Colour.RED, Colour.GREEN][each % 3],
            at=datetime(2026, 1, 1 + each, tzinfo=UTC),
            data=[None, JSON({"b": [each, None, {"%": '"'}]})][each % 2],
            texts=[name, None, ""],
            colours=[Colour.GREEN, Colour.RED][: each % 3],
            id=strawberry.ID(f"id-{each}"),
        )
        for each, name in enumerate(["Ada", 'B"ob\u2028', "🎫", "ß", "x"][:number])
    ]
    return Branch(name="root", leaves=leaves, best=leaves[number // 2] if leaves else None)


def _seen(info: Info, *given: object) -> None:
    info.context.calls.append(given)


@strawberry.type
class Query:
    @strawberry.field(extensions=[Public()])
    async def branch(self, info: Info, number: int = 3) -> Branch:
        _seen(info, number)
        return tree(number)

    @strawberry.field
    def named(self, info: Info, id: strawberry.ID | None = None) -> Named | None:
        _seen(info, id)
        return None if id is None else tree()

    @strawberry.field
    def leaves(self, info: Info, colours: list[Colour]) -> list[Leaf]:
        _seen(info, colours)
        return [leaf for leaf in tree().leaves if leaf.colour in colours]

    @strawberry.field
    def text(self, info: Info) -> str:
        _seen(info)
        return "text"

    @strawberry.field
    async def crash(self, info: Info) -> Leaf | None:
        _seen(info)
        raise RuntimeError("a bug")


@strawberry.type
class Mutation:
    @strawberry.mutation(extensions=[Public()])
    async def place(self, info: Info, input: Order) -> Done | InvalidInputError:
        _seen(info, input)
        if input.number < 0:
            raise InvalidInput("number", "Not so little.")
        if input.name == "bug":
            raise RuntimeError("a bug")
        return Done(branch=tree(abs(input.number) % 6), note=repr(input))

    @strawberry.mutation(extensions=[Requires("nobody:has")])
    async def forbidden(self, info: Info, input: Order) -> Done | InvalidInputError:
        _seen(info, input)
        return Done(branch=tree(), note="")


TYPES = [UserError]
TROUBLE = frozenset({"broken", "veryBroken", "crash", "withArgument"})


@dataclass(frozen=True)
class Asked:
    """A document with variables."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class Documents:
    """Generates documents for a schema. With `trouble`, fields that fail or take arguments are selected as well."""

    def __init__(self, core: GraphQLSchema, random: Random, *, trouble: bool) -> None:
        self._core = core
        self._random = random
        self._trouble = trouble
        self._fragments: list[str] = []
        self._names: dict[str, str] = {}
        self._aliases = 0

    def document(self) -> Asked:
        """One operation."""
        random = self._random
        self._fragments, self._names, self._aliases = [], {}, 0
        kind, root = random.choice([("query", self._core.query_type), ("mutation", self._core.mutation_type)])
        assert root is not None
        name = random.choice([name for name in root.fields if self._trouble or name not in TROUBLE])
        field = root.fields[name]
        variables: dict[str, Any] = {}
        declared, given = "", ""
        for argument, definition in field.args.items():
            declared = f"(${argument}: {definition.type})"
            given = f"({argument}: ${argument})"
            if not str(definition.type).endswith("!") and random.random() < 0.2:
                declared = given = ""
            elif random.random() < 0.95:
                variables[argument] = _VALUES[argument](random)
        alias = random.choice(["", "a: ", "data: "])
        selected = f"{alias}{name}{given}{self._below(field.type, 0)}"
        if random.random() < 0.2:
            selected = f"... on {root.name} {{ {selected} }}"
        query = f"{kind} Asked{declared} {{ {selected} }} {' '.join(self._fragments)}"
        return Asked(query, variables or None, random.choice([None, "Asked"]))

    def _below(self, type: GraphQLOutputType, depth: int) -> str:
        named = get_named_type(type)
        return f" {{ {self._selection(named, depth)} }}" if is_composite_type(named) else ""

    def _selection(self, type: GraphQLNamedType, depth: int) -> str:
        random, parts = self._random, []
        for _ in range(random.randrange(1, 5)):
            choice = random.randrange(8) if depth < 4 else 7
            kinds = list(self._core.get_possible_types(type)) if is_abstract_type(type) else [type]
            within = random.choice([type, *kinds])
            if choice == 0:
                parts.append(f"... on {within.name} {{ {self._selection(within, depth + 1)} }}")
            elif choice == 1:
                parts.append(f"... {{ {self._selection(type, depth + 1)} }}")
            elif choice == 2:
                number = len(self._fragments)
                self._fragments.append("")
                self._fragments[number] = (
                    f"fragment F{number} on {within.name} {{ {self._selection(within, depth + 1)} }}"
                )
                parts.append(f"...F{number}")
            else:
                parts.append(self._field(type, depth))
        return " ".join(parts)

    def _field(self, type: GraphQLNamedType, depth: int) -> str:
        random = self._random
        fields = getattr(type, "fields", {})
        names = [name for name in fields if self._trouble or name not in TROUBLE]
        if depth >= 4:
            names = [name for name in names if not is_composite_type(get_named_type(fields[name].type))]
        if not names or random.random() < 0.1:
            return "__typename"
        name = random.choice(names)
        # One meaning per response name and type of parent: else validation would refuse it.
        alias = random.choice(["a", "b", name]) if self._aliases < 20 and isinstance(type, GraphQLObjectType) else name
        key = f"{alias}{type.name if alias != name else ''}"
        if alias != name and (self._names.setdefault(alias, key + name) != key + name):
            alias = name
        self._aliases += alias != name
        return f"{'' if alias == name else alias + ': '}{name}{self._below(fields[name].type, depth + 1)}"


def _order(random: Random) -> Any:
    """Mostly right; sometimes not, in one of the ways there are."""
    inner: dict[str, Any] = {}
    if random.random() < 0.5:
        inner["colour"] = random.choice(["RED", "GREEN", "GREEN", "BLUE", None, 1])
    if random.random() < 0.5:
        inner["data"] = random.choice([None, {"a": [1, None]}, [], "text", 1.5, False])
    if random.random() < 0.5:
        inner["numbers"] = random.choice([None, [1, None], 1, [], ["1"]])
    members: dict[str, Callable[[], Any]] = {
        "name": lambda: random.choice(["Ada", "", "🎫", "bug", "Bob", "Bob", 5, None]),
        "number": lambda: random.choice([0, 1, 2, 5, -1, 2**31, 1.0, 1.5, "1", True, None]),
        "share": lambda: random.choice([0.5, 1, None, "x"]),
        "flag": lambda: random.choice([True, False, None, 0]),
        "id": lambda: random.choice(["x", 7, None, 1.5]),
        "inner": lambda: random.choice([inner, inner, None, []]),
        "inners": lambda: random.choice([[inner], [], inner, [inner, inner], None]),
        "noDefault": lambda: random.choice(["x", None]),
        "unknown": lambda: 1,
    }
    order = {"name": "Ada"}
    for member in random.sample(list(members), random.randrange(4)):
        if member != "unknown" or random.random() < 0.2:
            order[member] = members[member]()
    return random.choice([order] * 20 + [None, [], "x"])


_VALUES: dict[str, Callable[[Random], Any]] = {
    "input": _order,
    "number": lambda random: random.choice([0, 1, 3, 5, 5, 5, "x", None]),
    "id": lambda random: random.choice(["x", "y", 5, None]),
    "colours": lambda random: random.choice([["RED"], ["RED", "GREEN"], [], "RED", ["BLUE"], [None]]),
}
