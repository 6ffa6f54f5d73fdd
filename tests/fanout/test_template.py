"""Messages with gaps: the same bytes as encoding the whole, whatever stands around the gaps."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.core.live.fanout import object_template

NUMBERS = st.none() | st.integers(-(2**53), 2**53)
HOSTILE = st.sampled_from(["%b", "%d%%", "%(x)s", "%", '"', "\\", "\x00", "null", "🎫", '":7,"', "{}", "\u2028"])
NAMES = st.text(min_size=1, max_size=8) | HOSTILE
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _text(value: int | None) -> bytes:
    return orjson.dumps(value)


@given(st.data())
def test_a_rendered_message_is_the_encoded_one(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAMES, unique=True, max_size=9))
    gaps = {name: data.draw(st.integers(0, 3)) for name in names if data.draw(st.booleans())}
    members: dict[str, Any] = {name: data.draw(JSON) for name in names}
    around = data.draw(st.text() | HOSTILE)
    before = b'{"id":' + orjson.dumps(around) + b',"payload":'
    template = object_template(before, members, gaps, b"}")
    for _ in range(2):
        values = data.draw(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
        whole = {name: values[gaps[name]] if name in gaps else value for name, value in members.items()}
        rendered = template.render(tuple(_text(value) for value in values))
        assert rendered == orjson.dumps({"id": around, "payload": whole})
