"""Values nobody in their right mind sends, by the type of the place they are sent to."""

from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from graphql import GraphQLEnumType, GraphQLInputType, get_named_type

NUL = "a\x00b"
LONG = "x" * 60_000

TEXTS = [
    NUL,
    "\x00",
    "",
    "   ",
    "\t\n\r",
    "\x01\x1f\x7f\x80\x9f",
    "\u202e\u2066\u200b\ufeff",
    "\ufffe\uffff\U0010ffff",
    "é" * 300,
    "👩‍👩‍👧‍👦" * 100,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
    "' or ''='",
    "%_\\",
    "{{ 7 * 7 }}{% for a in range(9) %}",
    "../../etc/passwd",
    "[object Object]",
    LONG,
]
WORST = [NUL, "", LONG]
NUMBERS = [
    0,
    -1,
    2**31 - 1,
    -(2**31),
    2**31,
    2**53,
    2**63,
    -(2**63) - 1,
    2**64,
    10**40,
    1.5,
    1e308,
    -1e308,
    5e-324,
    -0.0,
]
TIMES = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "1969-12-31T23:59:59+23:59",
    "2026-11-20T10:00:00",
    "2026-02-30T10:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-11-20",
    "2026-W47-5",
    "20261120T100000Z",
    "-4712-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "24:00",
    "25:61:61",
    "10:00:00Z",
    "10:00:00+02:00",
    "23:59:59.999999",
    "now()",
    "infinity",
]
ZONES = [
    "Europe",
    "europe/berlin",
    "../UTC",
    "/etc/localtime",
    "localtime",
    "UTC\x00",
    "tzdata.zi",
    "zone1970.tab",
    "é",
    "+25:00",
]
OTHERS: list[Any] = [None, True, [], [[]], {}, {"a": {"b": "c"}}, ["x", None], 7, "7"]


def nested(depth: int) -> dict[str, Any]:
    """An object so many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def of_bytes(size: int) -> dict[str, str]:
    """An object of so many bytes as JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


DOCUMENTS: list[Any] = [
    nested(2),
    nested(33),
    nested(100),
    nested(250),
    nested(900),
    of_bytes(8192),
    of_bytes(8193),
    {"": 1},
    {"a\x00": 1},
    {"a": "\x00"},
    {"a": ["\x00", {"b": NUL}]},
    {"a": 2**63},
    {"a": 2**64},
    {"a": 10**40},
    {"a": 1e308, "b": 5e-324, "c": -0.0},
    {"__proto__": {}, "constructor": {}},
    {str(number): number for number in range(500)},
    [1, 2],
    "text",
    NUL,
]


def values_for(field: str, path: tuple[str, ...], type_: GraphQLInputType, *, few: bool = False) -> Iterator[Any]:
    """What to try in a place of a field. With `few` only the worst texts, for what takes long.

    The worst everywhere; of the others every second or third, by the place's name, so that each of them comes to
    dozens of places of its kind.
    """
    named, place = get_named_type(type_), f"{field}.{'.'.join(path)}"
    yield from _some(OTHERS, 3, place)
    if named.name in ("String", "ID"):
        yield from WORST
        if not few:
            yield from _some([text for text in TEXTS if text not in WORST], 2, place)
        if path[-1] == "timeZone":
            yield from ZONES
        if path[-1] == "after":
            yield from ("bm9wZQ", "W10", "WyIxIl0")
    elif named.name in ("Int", "Float"):
        yield from _some(NUMBERS, 2, place)
    elif named.name in ("Date", "DateTime", "Time"):
        yield from _some(TIMES, 2, place)
    elif named.name == "JSON":
        yield from DOCUMENTS
    elif isinstance(named, GraphQLEnumType):
        yield from ("", "NOPE", next(iter(named.values)).lower(), NUL)


def _some(values: Sequence[Any], of: int, place: str) -> Sequence[Any]:
    """One of so many, the same in every run."""
    return values[crc32(place.encode()) % of :: of]
