"""The schema as it is served, built once for each set of limits in a process. It is nobody's: whoever changes one, or
asks what one has remembered, builds another.
"""

from typing import Any

from app.api.execution import ServedSchema
from app.api.schema import build_schema
from app.settings import Settings

_built: dict[tuple[Any, ...], ServedSchema] = {}


def served_schema(settings: Settings | None = None) -> ServedSchema:
    """That of an installation with these settings; with the defaults without any."""
    key: tuple[Any, ...] = ()
    if settings is not None:
        limits = [name for name in Settings.model_fields if name.startswith("max_query_")]
        key = (*(getattr(settings, name) for name in limits), settings.introspection)
    if key not in _built:
        _built[key] = build_schema(settings)
    return _built[key]
