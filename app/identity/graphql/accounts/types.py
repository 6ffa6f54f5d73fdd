"""Sign-ins as their owners see them, and invitations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.identity import models
from app.identity.accounts import models as account_models
from app.identity.graphql.types import Role, User
from app.identity.permissions import Permission

LazyCustomRole = Annotated[
    "CustomRole",  # type: ignore[name-defined]  # noqa: F821
    strawberry.lazy("app.identity.graphql.roles.types"),
]

InvitationStatus = explained_enum(
    account_models.InvitationStatus,
    "How an invitation stands.",
    OPEN="It can be accepted.",
    ACCEPTED="There is a user now.",
    REVOKED="It was taken back, or replaced by a newer one.",
    EXPIRED="Nobody accepted it within 7 days.",
)


@strawberry.type(description="One sign-in of one's own: a device, usually, until it is ended or has lasted 30 days.")
class Login(Node):
    created_at: datetime = strawberry.field(description="When it was opened.")
    last_used_at: datetime = strawberry.field(description="When its tokens were last refreshed; at first, as opened.")
    expires_at: datetime = strawberry.field(description="When it ends, however often it is refreshed.")
    address: str | None = strawberry.field(description="The network address it was opened from, if that is known.")
    agent: str | None = strawberry.field(description="What the program that opened it called itself; 200 characters.")
    is_current: bool = strawberry.field(description="Whether it is the one this request is made with.")

    @classmethod
    def of(cls, row: models.Login, context: Context) -> "Login":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            address=row.address,
            agent=row.agent,
            is_current=row.id == context.actor.login_id,
        )


@strawberry.type(description="A sign-in and its cursor.")
class LoginEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Login = strawberry.field(description="The sign-in.")


@strawberry.type(description="A page of sign-ins, in order of opening.")
class LoginConnection:
    edges: list[LoginEdge] = strawberry.field(description="The sign-ins.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="Somebody is asked by e-mail to have an account with a role.")
class Invitation(Node):
    row: strawberry.Private[account_models.Invitation]
    email: str = strawberry.field(description="Whom it was sent to.")
    role: Role = strawberry.field(  # type: ignore[valid-type]
        description="What they will be; with a custom role, its base."
    )
    created_at: datetime = strawberry.field(description="When it was sent.")
    expires_at: datetime = strawberry.field(description="Until when it can be accepted: 7 days after it was sent.")
    accepted_at: datetime | None = strawberry.field(description="When it was accepted; null if it was not.")

    @classmethod
    def of(cls, row: account_models.Invitation) -> "Invitation":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            email=row.email,
            role=row.role,
            created_at=row.created_at,
            expires_at=row.expires_at,
            accepted_at=row.accepted_at,
        )

    @strawberry.field(description="How it stands now.")
    def status(self, info: Info) -> InvitationStatus:  # type: ignore[valid-type]
        """Expiry is a matter of the clock."""
        return account_models.status_of(self.row, info.context.runtime.clock.now())

    @strawberry.field(
        description="The tenant's own role it gives; null for none, or if it is gone. Null without `role:read`."
    )
    async def custom_role(self, info: Info) -> LazyCustomRole | None:
        """Loaded for all invitations of the answer at once."""
        from app.identity.graphql.roles.loaders import may_see_roles, roles_by_id
        from app.identity.graphql.roles.types import CustomRole

        if self.row.custom_role_id is None or not may_see_roles(info.context, self.tenant_key):
            return None
        custom = await info.context.loader(roles_by_id, self.tenant_key).load(self.row.custom_role_id)
        return None if custom is None else CustomRole.of(custom)

    @strawberry.field(description="Who has sent it; null if it was a program. Null without `user:read`.")
    async def invited_by(self, info: Info) -> User | None:
        """Loaded for all invitations of the answer at once."""
        return await _user(info.context, self, self.row.invited_by_id)

    @strawberry.field(description="Whoever has accepted it; null if nobody has. Null without `user:read`.")
    async def user(self, info: Info) -> User | None:
        """Loaded for all invitations of the answer at once."""
        return await _user(info.context, self, self.row.user_id)


@strawberry.type(description="An invitation and its cursor.")
class InvitationEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Invitation = strawberry.field(description="The invitation.")


@strawberry.type(description="A page of invitations, in order of sending.")
class InvitationConnection:
    edges: list[InvitationEdge] = strawberry.field(description="The invitations.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


async def _user(context: Context, invitation: Invitation, user_id: UUID | None) -> User | None:
    from app.identity.graphql.loaders import users_by_id

    if user_id is None or not context.actor.may_in(invitation.tenant_key, Permission.USER_READ):
        return None
    return await context.loader(users_by_id, invitation.tenant_key).load(user_id)
