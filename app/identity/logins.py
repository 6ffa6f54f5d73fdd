"""Signing in, staying signed in, signing out. What a signed-in user may do is the permissions' business.

Each verb opens its own blocks, because a password is checked between two of them and a copied refresh token is revoked
in one that has to commit although the caller is refused.
"""

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import Databases, WriteTx
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.identity import passwords, repository, rules
from app.identity.errors import InvalidCredentials, InvalidRefreshToken, LoginRevoked
from app.identity.events import UserLoginRevoked
from app.identity.models import Login, RefreshToken, User, UserStatus
from app.identity.passwords import NOBODYS_HASH, HashedPassword
from app.identity.service import note
from app.identity.tokens import Tokens
from app.tenants import repository as tenants
from app.tenants import rules as tenant_rules
from app.tenants.errors import TenantClosed
from app.tenants.models import TenantStatus

# However often it is refreshed.
LOGIN_LIFETIME = timedelta(days=30)
# An answer that was lost on the way may be asked for again; so may two tabs of a browser ask at the same moment.
RETRY_WINDOW = timedelta(seconds=30)
# Where an unknown business is looked into, so that it takes as many steps as a known one.
_NOWHERE = UUID(int=0)
_PREFIX = "vqr_"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with, and from where."""

    tenant_slug: str
    email: str
    password: str
    address: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A sign-in's fresh pair of tokens."""

    user: User
    access_token: str
    refresh_token: str
    expires_in_seconds: int


async def sign_in(dbs: Databases, tokens: Tokens, given: Credentials) -> Granted:
    """Open a sign-in. `InvalidCredentials`, in the same words and by the same steps, whatever is wrong."""
    tenant_id = await _open_tenant(dbs, given.tenant_slug)
    async with dbs.app.read(tenant_id) as tx:
        known = await repository.by_email(tx, rules.email_to_look_up(given.email))
    stored = NOBODYS_HASH if known is None else HashedPassword(known.password_hash)
    right, better_hash = await passwords.verify(given.password, stored)
    if known is None or not right:
        raise InvalidCredentials
    async with dbs.app.write(tenant_id, Actor(ActorKind.USER, tenant_id, known.id)) as tx:
        user = await repository.lock(tx, known.id)
        # Looked at again: deactivation or a new password may have come in between.
        if user.status is not UserStatus.ACTIVE or user.password_hash != stored:
            raise InvalidCredentials
        if better_hash is not None:
            user.password_hash = better_hash
        login, refresh_token = await _open(tx, user, tokens, given)
    return await _granted(tokens, user, login, refresh_token)


async def refresh(dbs: Databases, tokens: Tokens, refresh_token: str) -> Granted:
    """Exchange a refresh token for a fresh pair.

    Each token works once. The token used last may be used again within 30 s, as long as none of those it was exchanged
    for has been used: the answer may have been lost. Any other second use means that it was copied, and ends the
    sign-in. Raises `InvalidRefreshToken`, `LoginRevoked`, `TenantClosed`.
    """
    tenant_id = _tenant_of(refresh_token)
    async with dbs.app.write(tenant_id) as tx:
        user, login = await _hold(tx, refresh_token)
        if (await tenants.get(tx, tenant_id)).status is not TenantStatus.ACTIVE:
            # Not the sign-in's fault: the token stays good for when the tenant is back.
            raise TenantClosed
        fresh_token = await _exchange(tx, tokens, user, login, refresh_token)
    if fresh_token is None:
        raise LoginRevoked
    return await _granted(tokens, user, login, fresh_token)


async def sign_out(dbs: Databases, refresh_token: str) -> UUID | None:
    """End the sign-in of a refresh token, and return its tenant. Nothing happens if it is unknown or ended already.

    Raises `InvalidInput` for what cannot be a token.
    """
    ensure_text("refreshToken", refresh_token, 1, 500)
    try:
        tenant_id = _tenant_of(refresh_token)
        async with dbs.app.write(tenant_id) as tx:
            user, login = await _hold(tx, refresh_token)
            if login.revoked_at is None:
                tx.actor = Actor(ActorKind.USER, tenant_id, user.id)
                _revoke(tx, user, login, "signed out")
    except InvalidRefreshToken:
        return None
    return tenant_id


async def _open_tenant(dbs: Databases, slug: str) -> UUID:
    async with dbs.system.read(None) as tx:
        tenant = await tenants.by_slug(tx, tenant_rules.slug_to_look_up(slug))
    return tenant.id if tenant is not None and tenant.status is TenantStatus.ACTIVE else _NOWHERE


async def _open(tx: WriteTx, user: User, tokens: Tokens, given: Credentials) -> tuple[Login, str]:
    now = tx.now()
    user.last_login_at = now
    login = Login(
        tenant_id=tx.tenant,
        id=new_id(),
        user_id=user.id,
        created_at=now,
        last_used_at=now,
        expires_at=now + LOGIN_LIFETIME,
        agent=_fit(given.agent, 200),
        address=_fit(given.address, 64),
    )
    tx.add(login)
    await tx.flush()
    return login, _add_token(tx, tokens, login)


async def _hold(tx: WriteTx, refresh_token: str) -> tuple[User, Login]:
    """The user (locked: two who refresh at once go one after the other) and the sign-in, as they are now."""
    found = await repository.login_of(tx, _hash(refresh_token))
    if found is None:
        raise InvalidRefreshToken
    user = await repository.lock(tx, found.user_id)
    login = await repository.login_of(tx, _hash(refresh_token))
    if login is None:
        raise InvalidRefreshToken
    return user, login


async def _exchange(tx: WriteTx, tokens: Tokens, user: User, login: Login, refresh_token: str) -> str | None:
    """The next token; None if there is none, because the sign-in has ended, with this at the latest."""
    now = tx.now()
    token = await repository.refresh_token(tx, _hash(refresh_token))
    if login.revoked_at is not None or user.status is not UserStatus.ACTIVE:
        return None
    if token.expires_at <= now or login.expires_at <= now:
        raise InvalidRefreshToken
    if token.generation == login.generation:
        token.used_at = login.last_used_at = now
        login.generation += 1
    elif token.generation < login.generation - 1 or now - login.last_used_at > RETRY_WINDOW:
        _revoke(tx, user, login, "refresh token used again")
        return None
    return _add_token(tx, tokens, login)


def _add_token(tx: WriteTx, tokens: Tokens, login: Login) -> str:
    text = _PREFIX + urlsafe_b64encode(tx.tenant.bytes + secrets.token_bytes(_SECRET_BYTES)).decode()
    tx.add(
        RefreshToken(
            tenant_id=tx.tenant,
            login_id=login.id,
            generation=login.generation,
            token_hash=_hash(text),
            issued_at=tx.now(),
            expires_at=min(tx.now() + timedelta(seconds=tokens.refresh_seconds), login.expires_at),
        )
    )
    return text


def _revoke(tx: WriteTx, user: User, login: Login, reason: str) -> None:
    login.revoked_at, login.revoke_reason = tx.now(), reason
    note(tx, user, UserLoginRevoked(login.id, reason))


async def _granted(tokens: Tokens, user: User, login: Login, refresh_token: str) -> Granted:
    return Granted(user, await tokens.access_token(user, login.id), refresh_token, tokens.access_seconds)


def _tenant_of(refresh_token: str) -> UUID:
    """The tenant a refresh token names, so that the database can be bound to it before anything is read."""
    try:
        raw = urlsafe_b64decode(refresh_token.removeprefix(_PREFIX).encode("ascii"))
    except (ValueError, Base64Error):
        raise InvalidRefreshToken from None
    if not refresh_token.startswith(_PREFIX) or len(raw) != 16 + _SECRET_BYTES:
        raise InvalidRefreshToken
    return UUID(bytes=raw[:16])


def _hash(refresh_token: str) -> str:
    # 256 random bits: a fast hash is enough.
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def _fit(text: str | None, length: int) -> str | None:
    return None if text is None else text.replace("\x00", "")[:length]
