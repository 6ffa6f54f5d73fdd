"""What a line's estimates remember, as plain data that JSON keeps, and back. It does not know where that is kept."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter

from app.estimates.paced import Paced
from app.estimates.selector import Selector
from app.estimates.staying import Staying
from app.estimates.values import Features

Remembering = TypeVar("Remembering")
"""A data class of this package: Selector, Staying, Pace, any predictor."""


@dataclass(slots=True)
class LineMemory:
    """All that one line has learned. Who only says estimates needs no `selector.staying`, which is most of it."""

    selector: Selector = field(default_factory=Selector)
    paced: Paced = field(default_factory=Paced)

    def learn(self, features: Features, waited_seconds: float, *, served: bool) -> None:
        """A wait has ended; `served` is false for who left. Call it in the order in which waits end."""
        if features.paced_seconds is None:
            self.selector.learn(features, waited_seconds, served=served)
            return
        if served:
            self.paced.learn(features, waited_seconds, self.selector.staying.weight(features.category, waited_seconds))
        self.selector.staying.learn(features.category, waited_seconds, served=served)


def remembered(what: Remembering) -> JsonValue:
    """Its state as numbers, texts, lists and objects."""
    state: JsonValue = _adapter(type(what)).dump_python(what, mode="json")
    return state


def recalled(kind: type[Remembering], state: JsonValue) -> Remembering:
    """The same again: it says and learns what the remembered one would have. Raises ValueError for another's state."""
    found: Remembering = _adapter(kind).validate_python(state)
    return found


def apart(memory: LineMemory) -> tuple[JsonValue, JsonValue]:
    """What estimates are said from, and what is needed only for learning on."""
    staying, memory.selector.staying = memory.selector.staying, Staying()
    try:
        return remembered(memory), remembered(staying)
    finally:
        memory.selector.staying = staying


def together(said: JsonValue, learning: JsonValue | None) -> LineMemory:
    """`apart`, undone; without the second it says the same and cannot learn. Raises ValueError for another's state."""
    memory = recalled(LineMemory, said)
    if learning is not None:
        memory.selector.staying = recalled(Staying, learning)
    return memory


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    # Made once: making one costs a hundred times what using it does.
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
