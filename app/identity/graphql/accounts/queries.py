"""Reading one's own sign-ins, and the tenant's invitations."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Checked, Requires
from app.identity.accounts import repository
from app.identity.graphql.accounts.loaders import invitation_node, login_node
from app.identity.graphql.accounts.types import (
    Invitation,
    InvitationConnection,
    InvitationEdge,
    Login,
    LoginConnection,
    LoginEdge,
)
from app.identity.permissions import Permission
from app.identity.step_up import running


@strawberry.type
class AccountQuery:
    @strawberry.field(
        description="One's own sign-ins that have not ended, in order of opening.",
        extensions=[Checked("Users only, and each sees their own.")],
    )
    async def logins(self, info: Info, first: First, after: After = None) -> LoginConnection:
        _, user_id, _ = running(info.context.actor)
        async with info.context.read() as tx:
            now = info.context.runtime.clock.now()
            page = await repository.running_logins(tx, user_id, now, PageRequest(first, after))
        return connection(LoginConnection, LoginEdge, page, lambda row: Login.of(row, info.context))

    @strawberry.field(
        description="The tenant's invitations in order of sending, those that have ended included.",
        extensions=[Requires(Permission.USER_READ)],
    )
    async def invitations(self, info: Info, first: First, after: After = None) -> InvitationConnection:
        async with info.context.read() as tx:
            page = await repository.invitations(tx, PageRequest(first, after))
        return connection(InvitationConnection, InvitationEdge, page, Invitation.of)


NODES = {"Invitation": invitation_node, "Login": login_node}
