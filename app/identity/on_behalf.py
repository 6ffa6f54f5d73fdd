"""Acting for somebody who asked for something earlier: with what they may do today, not with what they could then."""

from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import NotFound
from app.identity import repository as users
from app.identity.api_keys import repository as api_keys
from app.identity.api_keys.models import ApiKeyStatus, status_of
from app.identity.models import UserStatus
from app.identity.roles import service as roles


async def present_actor(tx: WriteTx, label: str) -> Actor | None:
    """Whom the log calls so (`USER:<id>`, `API_KEY:<id>`); None if they may act no more."""
    kind, _, id = label.partition(":")
    if kind == ActorKind.API_KEY:
        key = (await api_keys.by_ids(tx, [UUID(id)])).get(UUID(id))
        if key is None or status_of(key, tx.now()) is not ApiKeyStatus.ACTIVE:
            return None
        return Actor(ActorKind.API_KEY, tx.tenant, key.id, permissions=frozenset(key.scopes))
    if kind != ActorKind.USER:
        return None
    try:
        user = await users.get(tx, UUID(id))
    except NotFound:
        return None
    if user.status is not UserStatus.ACTIVE:
        return None
    return Actor(ActorKind.USER, tx.tenant, user.id, permissions=(await roles.grant_of(tx, user)).permissions)
