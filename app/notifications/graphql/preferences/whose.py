"""Whose preferences are meant, and whether the caller may see or change them."""

from uuid import UUID

from app.context import Context
from app.core.errors import BadInput
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.devices.service import Owner
from app.notifications.graphql.owner import owner
from app.sessions.graphql.loaders import session_ref

CHECKED = (
    "For visitors (session token) and users, each for themselves; for staff a session's with `{session}`, another "
    "user's with `{user}`."
)


def whose(
    context: Context, session_id: str | None, user_id: str | None, *, session: Permission, user: Permission
) -> tuple[UUID, Owner]:
    """The tenant and whose they are. `NOT_FOUND`, `FORBIDDEN` and `UNAUTHENTICATED` as declared in `CHECKED`."""
    if session_id is not None and user_id is not None:
        raise BadInput("Give `sessionId` or `userId`, not both.")
    if session_id is not None:
        ref = session_ref(context, session_id, session)
        return ref.tenant_id, Owner(session_id=ref.id)
    if user_id is not None:
        ref = context.ref("User", user_id)
        if ref != _self(context):
            context.actor.require(user)
        return ref.tenant_id, Owner(user_id=ref.id)
    return context.tenant_id, owner(context)


def _self(context: Context) -> Ref | None:
    actor = context.actor
    return None if actor.tenant_id is None or actor.id is None else Ref(actor.tenant_id, actor.id)
