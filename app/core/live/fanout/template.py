"""A message with gaps: everything but a few numbers encoded once, by the very encoder of ordinary messages.

Gaps are where the object's members say they are; no text is searched for them, so no value can be mistaken for one.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson

NULL = b"null"


class Template:
    """Bytes with gaps. `values` in `render` are the JSON texts of all values; those the message lacks are left out."""

    __slots__ = ("_pick", "_text")

    def __init__(self, parts: Sequence[bytes], gaps: Sequence[int]) -> None:
        """`gaps` are the numbers of the values that stand between the parts: one part more than gaps."""
        self._text = b"%b".join(part.replace(b"%", b"%%") for part in parts)
        # `%` wants a tuple, also for one value or none.
        start = gaps[0] if gaps else 0
        self._pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]] = (
            itemgetter(*gaps) if len(gaps) > 1 else itemgetter(slice(start, start + len(gaps)))
        )

    def render(self, values: tuple[bytes, ...]) -> bytes:
        """The message with these values."""
        return self._text % self._pick(values)


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
