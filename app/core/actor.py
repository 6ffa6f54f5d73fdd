"""Who acts: the answer of authentication, carried through every verb into the event log. Decides nothing itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID

from app.core.errors import Forbidden, NotFound, Unauthenticated


class ActorKind(StrEnum):
    """What kind of caller this is."""

    ANONYMOUS = "ANONYMOUS"
    VISITOR = "VISITOR"
    USER = "USER"
    API_KEY = "API_KEY"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller. `id` is the user's, the API key's, or the session's for a visitor.

    `login_id` is the sign-in a user's token is from, `key_prefix` how the secret begins that a program has shown.
    """

    kind: ActorKind
    tenant_id: UUID | None = None
    id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    login_id: UUID | None = None
    key_prefix: str | None = None

    def may(self, permission: str) -> bool:
        """Whether the matrix grants this action."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """`Unauthenticated` for visitors and strangers, `Forbidden` for users and API keys without the permission."""
        if self.may(permission):
            return
        if self.kind is ActorKind.API_KEY:
            raise Forbidden(
                f"This API key does not have the permission `{permission}`: give it with `apiKeyUpdate`, or take "
                "another key."
            )
        if self.kind is not ActorKind.USER:
            raise Unauthenticated("This needs a member of staff: sign in with `userLogin`.")
        raise Forbidden(
            f"Your role does not include the permission `{permission}`; ask an administrator of your tenant."
        )

    def require_tenant(self, tenant_id: UUID, kind: str) -> None:
        """`NotFound` if this actor belongs to another tenant; strangers belong to none."""
        if self.tenant_id is not None and self.tenant_id != tenant_id:
            raise NotFound(kind)

    def may_in(self, tenant_id: UUID, permission: str) -> bool:
        """Whether the matrix grants this action, and in this tenant."""
        return self.tenant_id == tenant_id and self.may(permission)

    def require_in(self, tenant_id: UUID, permission: str) -> None:
        """`require`, for what was reached by a public way: another tenant's staff may see no more of it."""
        self.require(permission)
        if self.tenant_id != tenant_id:
            raise Forbidden("This belongs to another tenant; only its public fields can be read.")

    @property
    def label(self) -> str:
        """How the event log names the actor: `USER:<id>`, `API_KEY:<id>`, `VISITOR:<id>`, `SYSTEM`, `ANONYMOUS`."""
        return self.kind.value if self.id is None else f"{self.kind.value}:{self.id}"


class Origin(NamedTuple):
    """Where a request came from, as the event log keeps it: the network address, and what the client says it is."""

    address: str | None = None
    agent: str | None = None

    @classmethod
    def of(cls, address: str | None, agent: str | None) -> Self:
        """From what a client has sent, cut to what the log has room for."""
        return cls(_fit(address, 64), _fit(agent, 200))


def _fit(text: str | None, length: int) -> str | None:
    return None if text is None else text.replace("\x00", "")[:length]


NOWHERE = Origin()
ANONYMOUS = Actor(ActorKind.ANONYMOUS)
SYSTEM = Actor(ActorKind.SYSTEM)
