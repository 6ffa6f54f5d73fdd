"""Facts about a tenant's own role. Who has it is told by the events of users."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.identity.models import Role

ROLE = "role"


@dataclass(frozen=True, slots=True)
class RoleCreated(Event):
    type: ClassVar[str] = "ROLE_CREATED"
    name: str
    base_role: Role
    permissions: list[str]


@dataclass(frozen=True, slots=True)
class RoleUpdated(Event):
    """`changed` names the fields that have new values; `permissions` are those after it."""

    type: ClassVar[str] = "ROLE_UPDATED"
    changed: list[str]
    permissions: list[str]


@dataclass(frozen=True, slots=True)
class RoleDeleted(Event):
    type: ClassVar[str] = "ROLE_DELETED"
    name: str
