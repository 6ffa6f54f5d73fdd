"""Who shows an API key: from its text to an actor, and whether that actor is still welcome. Makes and ends no keys.

However often a key is used, it is looked up as it stands now, at most two seconds ago: tenant active, key neither
revoked nor expired, this secret of it not ended, its permissions today's.
"""

from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.clock import Clock
from app.core.db import Database
from app.identity.api_keys.last_use import LastUse
from app.identity.api_keys.repository import KeyStanding
from app.identity.api_keys.text import read_key_text
from app.identity.errors import TokenInvalid, TokenRevoked
from app.identity.permissions import Permission
from app.identity.standing import Standings
from app.tenants.errors import TenantClosed
from app.tenants.models import TenantStatus

# What no release of ours knows any more, a key does not have any more.
_KNOWN = frozenset(Permission)
_UNKNOWN = "The API key is unknown, or was not copied whole."
_ENDED = "The API key was revoked, has expired, or was replaced by rotation: use its newest secret, or another key."


class KeyDoor:
    """One process's doorkeeper for programs."""

    def __init__(self, database: Database, clock: Clock, standings: Standings) -> None:
        self._clock = clock
        self._standings = standings
        self.last_use = LastUse(database)

    async def authenticate(self, text: str) -> Actor:
        """The actor a key stands for. Raises `TokenInvalid`, `TokenRevoked`, `TenantClosed`."""
        shown = read_key_text(text)
        if shown is None:
            raise TokenInvalid(_UNKNOWN)
        standing = await self._standings.key(shown.tenant_id, shown.prefix)
        # The secret before anything else: who does not have it learns nothing of the key or of its tenant.
        if standing is None or not shown.is_of(standing.secret_hash):
            raise TokenInvalid(_UNKNOWN)
        actor = self._welcome(shown.tenant_id, shown.prefix, standing)
        self.last_use.note(shown.tenant_id, standing, self._clock.now())
        return actor

    async def reauthenticate(self, tenant_id: UUID, prefix: str) -> Actor:
        """Who has been let in before, as they stand now; raises what `authenticate` does."""
        standing = await self._standings.key(tenant_id, prefix)
        if standing is None:
            raise TokenRevoked(_ENDED)
        return self._welcome(tenant_id, prefix, standing)

    def _welcome(self, tenant_id: UUID, prefix: str, standing: KeyStanding) -> Actor:
        if standing.tenant_status is not TenantStatus.ACTIVE:
            raise TenantClosed
        ended = standing.ends_at is not None and standing.ends_at <= self._clock.now()
        if ended or standing.revoked_at is not None:
            raise TokenRevoked(_ENDED)
        return Actor(
            ActorKind.API_KEY,
            tenant_id,
            standing.key_id,
            permissions=_KNOWN.intersection(standing.scopes),
            expires_at=standing.ends_at,
            key_prefix=prefix,
        )
