"""What Strawberry works out anew for every request, settled once: names in the schema, types of input fields.

Changes no answer. A join has ten input fields, and finding out their types and names was a fifth of executing it.
"""

from typing import Any

from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition


class SettledNames(NameConverter):
    """Converts each Python name once. There are as many as the code has: nothing of a request gets here."""

    def __init__(self, *, auto_camel_case: bool = True) -> None:
        super().__init__(auto_camel_case=auto_camel_case)
        self._known: dict[str, str] = {}

    def apply_naming_config(self, name: str) -> str:
        """The name in the schema."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = super().apply_naming_config(name)
        return known


def settle_input_types(schema: Any) -> None:
    """Let every input field of a built schema answer for its type without reading its annotation again."""
    for concrete in schema.schema_converter.type_map.values():
        definition = concrete.definition
        if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
            for field in definition.fields:
                field.resolve_type = _Settled(field.resolve_type(type_definition=definition))  # type: ignore[method-assign]


class _Settled:
    """A method's answer."""

    __slots__ = ("_type",)

    def __init__(self, type: Any) -> None:
        self._type = type

    def __call__(self, *, type_definition: StrawberryObjectDefinition | None = None) -> Any:
        """The same each time: no input type here is generic."""
        return self._type
