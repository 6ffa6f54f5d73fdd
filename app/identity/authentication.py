"""Who is asking: from a token to an actor. Signing in and out is `logins.py`'s business.

Whatever a token says, its owner is looked up as they stand now (at most two seconds ago): tenant active, user active,
sign-in not ended, permissions unchanged. A visitor's token stands for exactly one session; its tenant is looked up.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.db import Databases
from app.core.errors import NotFound, TokenExpired
from app.identity.accounts.codes import Codes
from app.identity.api_keys.door import KeyDoor
from app.identity.api_keys.text import looks_like_a_key
from app.identity.errors import TokenInvalid, TokenRevoked
from app.identity.factors.proving import SecondFactors
from app.identity.keyring import KeyRing, ensure_keys
from app.identity.models import UserStatus
from app.identity.repository import Standing
from app.identity.standing import Standings
from app.identity.tokens import AccessClaims, SessionClaims, Tokens
from app.settings import Settings
from app.tenants.errors import TenantClosed
from app.tenants.models import TenantStatus
from app.tenants.values import TenantDemands


class Authenticator:
    """One process's doorkeeper."""

    def __init__(self, settings: Settings, dbs: Databases) -> None:
        self._settings = settings
        self._dbs = dbs
        self._clock = dbs.app.clock
        self.keys = KeyRing(dbs.app, settings.secret)
        self._standings = Standings(dbs.app, self._clock)
        self.programs = KeyDoor(dbs.app, self._clock, self._standings)
        self.codes = Codes(settings.secret)
        self.factors = SecondFactors(settings.secret, self.codes)
        self.tokens = Tokens(settings, self._clock, self.keys)

    async def start(self) -> None:
        """Create the signing keys of a new installation."""
        await ensure_keys(self._dbs.system, self._settings)

    async def stop(self) -> None:
        """Write down what is not written yet."""
        await self.programs.last_use.stop()

    async def authenticate(self, token: str | None) -> Actor:
        """The actor a token stands for; `ANONYMOUS` without one.

        Raises `TokenExpired` where a refreshed token will do; `TokenInvalid`, `TokenRevoked` where it will not;
        `TenantClosed` while the tenant is not served.
        """
        if token is None:
            return ANONYMOUS
        if looks_like_a_key(token):
            return await self.programs.authenticate(token)
        claims = await self.tokens.read(token)
        match claims:
            case SessionClaims():
                await self._ensure_served(claims.tenant_id)
                return Actor(ActorKind.VISITOR, claims.tenant_id, claims.session_id, expires_at=claims.expires_at)
            case AccessClaims():
                return await self._user(claims)

    async def reauthenticate(self, actor: Actor) -> Actor:
        """An actor who has been let in before, as they stand now; raises what `authenticate` does.

        The permissions are today's, so that a live socket need not close because a role was changed.
        """
        if actor.expires_at is not None and actor.expires_at <= self._clock.now():
            raise TokenExpired
        match actor:
            case Actor(kind=ActorKind.VISITOR, tenant_id=UUID() as tenant_id):
                await self._ensure_served(tenant_id)
            case Actor(kind=ActorKind.API_KEY, tenant_id=UUID() as tenant_id, key_prefix=str() as prefix):
                return await self.programs.reauthenticate(tenant_id, prefix)
            case Actor(
                kind=ActorKind.USER, tenant_id=UUID() as tenant_id, id=UUID() as id, login_id=UUID() as login_id
            ):
                standing = self._welcome(await self._standings.user(tenant_id, id, login_id))
                return replace(actor, permissions=standing.permissions)
        return actor

    async def ensure_tenant_open(self, tenant_id: UUID) -> None:
        """For what strangers may do in a tenant: `TenantClosed` unless it is ACTIVE, `NotFound` if there is none."""
        standing = await self._standings.tenant(tenant_id)
        if standing is None:
            raise NotFound("Tenant")
        if standing.status is not TenantStatus.ACTIVE:
            raise TenantClosed

    async def demands_of(self, tenant_id: UUID) -> TenantDemands | None:
        """What a tenant has every request keep to; None if there is no such tenant."""
        standing = await self._standings.tenant(tenant_id)
        return None if standing is None else standing.demands

    def session_token(self, tenant_id: UUID, session_id: UUID, joined_at: datetime) -> str:
        """The token that stands for a session: always the same one."""
        return self.tokens.session_token(tenant_id, session_id, joined_at)

    async def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys of access and admission tokens, for `/.well-known/jwks.json`."""
        return await self.keys.jwks()

    def forget(self, tenant_id: UUID) -> None:
        """Look up this tenant, its users and its keys afresh; call it for every message of the topic `tenant:<id>`."""
        self._standings.forget(tenant_id)

    async def _user(self, claims: AccessClaims) -> Actor:
        standing = self._welcome(
            await self._standings.user(
                claims.tenant_id, claims.user_id, claims.login_id, at_least=claims.permission_version
            )
        )
        if standing.permission_version != claims.permission_version:
            raise TokenExpired("Your permissions have changed: refresh the token and try again.")
        return Actor(
            ActorKind.USER,
            claims.tenant_id,
            claims.user_id,
            permissions=standing.permissions,
            expires_at=claims.expires_at,
            login_id=claims.login_id,
        )

    def _welcome(self, standing: Standing | None) -> Standing:
        if standing is None:
            raise TokenRevoked
        if standing.tenant_status is not TenantStatus.ACTIVE:
            raise TenantClosed
        ended = standing.login_revoked_at is not None or standing.login_expires_at <= self._clock.now()
        if ended or standing.user_status is not UserStatus.ACTIVE:
            raise TokenRevoked
        return standing

    async def _ensure_served(self, tenant_id: UUID) -> None:
        try:
            await self.ensure_tenant_open(tenant_id)
        except NotFound:
            # Deleted since, with everything in it.
            raise TokenRevoked from None


def bearer_token(authorization: str | None) -> str | None:
    """The token in an `Authorization` header; None without a header. `TokenInvalid` for other schemes."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalid("Send the token as `Bearer <token>`.")
    return token.strip()
