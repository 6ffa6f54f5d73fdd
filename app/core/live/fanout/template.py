"""A message with gaps: everything but a few numbers encoded once, by the very encoder of ordinary messages.

Gaps are where the object's members say they are; no text is searched for them, so no value can be mistaken for one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

NULL = b"null"


class Template:
    """Bytes with gaps. `values` in `render` are the JSON texts of all values; those the message lacks are left out."""

    __slots__ = ("gaps", "pick", "text")

    def __init__(self, parts: Sequence[bytes], gaps: Sequence[int]) -> None:
        """`gaps` are the numbers of the values that stand between the parts: one part more than gaps."""
        self.text = b"%b".join(part.replace(b"%", b"%%") for part in parts)
        self.gaps = tuple(gaps)
        self.pick = _picker(self.gaps)

    def render(self, values: tuple[bytes, ...]) -> bytes:
        """The message with these values."""
        return self.text % self.pick(values)


@lru_cache(256)
def _picker(gaps: tuple[int, ...]) -> Callable[[tuple[bytes, ...]], tuple[bytes, ...]]:
    """The values of the gaps: one for all templates with the same, so that the processor's cache has it."""
    if len(gaps) > 1:
        return itemgetter(*gaps)
    # `%` wants a tuple, also for one value or none.
    start = gaps[0] if gaps else 0
    return itemgetter(slice(start, start + len(gaps)))


def object_template(before: bytes, members: Mapping[str, Any], gaps: Mapping[str, int], after: bytes) -> Template:
    """`before`, the JSON object with gaps in place of some members' values, `after`.

    The same bytes as encoding the object whole, with each value in its gap.
    """
    parts, order = [], []
    text, fixed = before + b"{", {}
    comma = b""
    for name, value in members.items():
        if name not in gaps:
            fixed[name] = value
            continue
        if fixed:
            text += comma + orjson.dumps(fixed)[1:-1]
            comma, fixed = b",", {}
        parts.append(text + comma + orjson.dumps(name) + b":")
        order.append(gaps[name])
        text, comma = b"", b","
    if fixed:
        text += comma + orjson.dumps(fixed)[1:-1]
    parts.append(text + b"}" + after)
    return Template(parts, order)
