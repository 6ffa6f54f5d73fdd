"""Facts about an API key. No secret and no name: a prefix says which text is meant to whoever has found it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.core.events import Event

API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class ApiKeyCreated(Event):
    type: ClassVar[str] = "API_KEY_CREATED"
    prefix: str
    scopes: list[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKeyUpdated(Event):
    """`changed` names the fields that have new values; `scopes` and `expires_at` are those after it."""

    type: ClassVar[str] = "API_KEY_UPDATED"
    changed: list[str]
    scopes: list[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKeyRotated(Event):
    """`prefix` is the new secret's; `others_end_at` says how long those before it stay good at most."""

    type: ClassVar[str] = "API_KEY_ROTATED"
    prefix: str
    others_end_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked(Event):
    type: ClassVar[str] = "API_KEY_REVOKED"
