"""Facts about a user. Names and addresses stay in the user's row: no personal data here."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.identity.models import Role

USER = "user"
LOGIN = "login"


@dataclass(frozen=True, slots=True)
class UserCreated(Event):
    type: ClassVar[str] = "USER_CREATED"
    role: Role
    custom_role_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UserUpdated(Event):
    """`changed` names the fields that have new values; `role` and `custom_role_id` are those after it."""

    type: ClassVar[str] = "USER_UPDATED"
    changed: list[str]
    role: Role
    custom_role_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UserDeactivated(Event):
    type: ClassVar[str] = "USER_DEACTIVATED"


@dataclass(frozen=True, slots=True)
class UserReactivated(Event):
    type: ClassVar[str] = "USER_REACTIVATED"


@dataclass(frozen=True, slots=True)
class LoginOpened(Event):
    """Somebody has signed in, by these proofs. A history of its own: nobody's standing has changed."""

    type: ClassVar[str] = "LOGIN_OPENED"
    user_id: UUID
    methods: list[str]


@dataclass(frozen=True, slots=True)
class UserLoginRevoked(Event):
    """A sign-in was ended before its time; every process and socket has to know."""

    type: ClassVar[str] = "USER_LOGIN_REVOKED"
    login_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class UserErased(Event):
    """Nothing says any more who it was; the row stays, for what it did."""

    type: ClassVar[str] = "USER_ERASED"
