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
    of_session = None if session_id is None else session_ref(context, session_id, session)
    of_user = None if user_id is None else context.ref("User", user_id)
    if of_user is not None and of_user != _self(context):
        context.actor.require(user)
    # Only now: whoever may not see them learns nothing else about two ids than about one.
    if of_session is not None and of_user is not None:
        raise BadInput("Give `sessionId` or `userId`, not both.")
    if of_session is not None:
        return of_session.tenant_id, Owner(session_id=of_session.id)
    if of_user is not None:
        return of_user.tenant_id, Owner(user_id=of_user.id)
    return context.tenant_id, owner(context)


def _self(context: Context) -> Ref | None:
    actor = context.actor
    return None if actor.tenant_id is None or actor.id is None else Ref(actor.tenant_id, actor.id)
