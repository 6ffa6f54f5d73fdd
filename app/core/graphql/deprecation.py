"""How something is deprecated: what to use instead, since when, and until when it stays. A rule demands all."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

SHORTEST = timedelta(days=90)
"""What front-ends have to change in. Apps on phones are not updated in a week."""

_DATES = re.compile(r" Deprecated since (\d{4}-\d{2}-\d{2}), stays until (\d{4}-\d{2}-\d{2})\.$")


class Dates(NamedTuple):
    """Of a deprecation."""

    since: date
    until: date


def deprecated(instead: str, *, since: date, until: date) -> str:
    """The reason to give: `deprecation_reason=deprecated("Use `slug`.", since=…, until=…)`."""
    if until - since < SHORTEST:
        raise ValueError(f"It has to stay for {SHORTEST.days} days at least.")
    return f"{instead} Deprecated since {since.isoformat()}, stays until {until.isoformat()}."


def dates_of(reason: str) -> Dates | None:
    """The dates in a reason; None if it was not given by `deprecated`."""
    found = _DATES.search(reason)
    if found is None:
        return None
    try:
        dates = Dates(date.fromisoformat(found[1]), date.fromisoformat(found[2]))
    except ValueError:
        return None
    return dates if dates.until - dates.since >= SHORTEST else None


def deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Everything deprecated: its coordinate (`Queue.slug`, `Query.queue(id:)`, `Colour.RED`), and the reason."""
    for type_ in schema.type_map.values():
        if type_.name.startswith("__"):
            continue
        match type_:
            case GraphQLObjectType() | GraphQLInterfaceType():
                for name, field in type_.fields.items():
                    if field.deprecation_reason is not None:
                        yield f"{type_.name}.{name}", field.deprecation_reason
                    for argument_name, argument in field.args.items():
                        if argument.deprecation_reason is not None:
                            yield f"{type_.name}.{name}({argument_name}:)", argument.deprecation_reason
            case GraphQLInputObjectType():
                for name, input_field in type_.fields.items():
                    if input_field.deprecation_reason is not None:
                        yield f"{type_.name}.{name}", input_field.deprecation_reason
            case GraphQLEnumType():
                for name, value in type_.values.items():
                    if value.deprecation_reason is not None:
                        yield f"{type_.name}.{name}", value.deprecation_reason
