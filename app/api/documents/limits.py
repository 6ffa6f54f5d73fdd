"""How large a document may be: the numbers, and what each is for. Measuring is `measure.py`'s and `scan.py`'s."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may ask for. Fields and aliases count as often as fragments repeat them.

    The front-end documents of this product stay below half of each number (a test says so). GraphiQL's introspection
    query is 15 levels deep, which is why introspection has a depth of its own.
    """

    characters: int = 20_000
    """A lexer in Python reads some ten characters a microsecond. Values belong into variables."""
    tokens: int = 450
    """Reading and validating takes up to twenty microseconds a token."""
    depth: int = 12
    introspection_depth: int = 20
    aliases: int = 30
    fields: int = 1_000
    root_fields: int = 20
    mutations: int = 5
    operations: int = 20
    fragments: int = 40
    values: int = 250
    """Arguments, and what stands in lists and objects, written out. Complaints about them print them."""
    comparisons: int = 400
    """Pairs of fields that end up in one place of the answer: validation compares them all."""
    cost: int = 5_000
    """Points, as `cost.py` counts them, with the variables of the request."""
