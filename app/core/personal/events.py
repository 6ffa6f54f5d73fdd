"""Facts about a tenant's data keys. No key stands in them."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events.log import Event

KEY_ROTATION = "key_rotation"


@dataclass(frozen=True, slots=True)
class KeyRotationStarted(Event):
    type: ClassVar[str] = "KEY_ROTATION_STARTED"
    to_version: int


@dataclass(frozen=True, slots=True)
class KeyRotationFinished(Event):
    """Nothing is sealed with an older key any more. `rows`: how many were sealed anew."""

    type: ClassVar[str] = "KEY_ROTATION_FINISHED"
    to_version: int
    rows: int
