"""For whom a recipient's own fields are: the visitor of the session token, or the user who is signed in."""

from uuid import UUID

from app.context import Context
from app.core.actor import ActorKind
from app.core.errors import Forbidden, Unauthenticated
from app.notifications.devices.service import Owner
from app.notifications.inbox.service import of_session, of_user

OWN = "For visitors (session token) and users, each for themselves."


def owner(context: Context) -> Owner:
    """Whose device it is. `Unauthenticated` for strangers, `Forbidden` for programs, which have none."""
    actor = context.actor
    id = _id(context)
    return Owner(session_id=id) if actor.kind is ActorKind.VISITOR else Owner(user_id=id)


def recipient(context: Context) -> str:
    """Whose messages in the app these are. Raises as `owner`."""
    whose = owner(context)
    return of_user(_id(context)) if whose.session_id is None else of_session(whose.session_id)


def _id(context: Context) -> UUID:
    actor = context.actor
    if actor.kind is ActorKind.API_KEY:
        raise Forbidden("A program has no devices and no messages: use a visitor's session token, or sign in.")
    if actor.kind not in (ActorKind.VISITOR, ActorKind.USER) or actor.id is None:
        raise Unauthenticated("Send the session token of a place in line, or sign in with `userLogin`.")
    return actor.id
