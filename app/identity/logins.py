"""Signing in, staying signed in, signing out. What a signed-in user may do is the permissions' business.

Each verb opens its own blocks, because a proof is checked between two of them and a copied refresh token is revoked in
one that has to commit although the caller is refused. Nobody else opens a sign-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import Databases, WriteTx
from app.core.errors import NotFound
from app.core.events import record
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.identity import challenges, repository
from app.identity.errors import InvalidCredentials, InvalidRefreshToken, LoginRevoked, ProofOutdated
from app.identity.events import LOGIN, LoginOpened, UserLoginRevoked
from app.identity.factors import repository as factor_rows
from app.identity.factors.errors import LoginChallengeEnded, ProofRefused
from app.identity.factors.models import FactorKind
from app.identity.factors.proving import SecondFactors, has_second, is_required
from app.identity.factors.service import confirm
from app.identity.models import Login, RefreshToken, User, UserStatus
from app.identity.proofs import UNKNOWN, Credentials, Method, Proven, Source, by_password
from app.identity.secret_text import hash_of, new_secret, tenant_in
from app.identity.service import note
from app.identity.tokens import Tokens
from app.tenants import repository as tenants
from app.tenants.errors import TenantClosed
from app.tenants.models import TenantStatus

# However often it is refreshed.
LOGIN_LIFETIME = timedelta(days=30)
# An answer that was lost on the way may be asked for again; so may two tabs of a browser ask at the same moment.
RETRY_WINDOW = timedelta(seconds=30)
_PREFIX = "vqr_"


@dataclass(frozen=True, slots=True)
class Granted:
    """A sign-in's fresh pair of tokens."""

    user: User
    access_token: str
    refresh_token: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A sign-in after its second factor; with recovery codes if that was the first one of the user's."""

    granted: Granted
    recovery_codes: Sequence[str]


async def sign_in(dbs: Databases, tokens: Tokens, given: Credentials, source: Source) -> Granted:
    """Prove by password, and begin. Raises what `by_password` and `begin` do."""
    try:
        return await begin(dbs, tokens, await by_password(dbs, given), source)
    except ProofOutdated:
        # A sign-in beside this one has replaced the hash by a better one, or the password is another now.
        return await begin(dbs, tokens, await by_password(dbs, given), source)


async def begin(dbs: Databases, tokens: Tokens, proven: Proven, source: Source) -> Granted:
    """Open a sign-in for somebody who has shown who they are: the one way in.

    Raises `InvalidCredentials` unless user and tenant are (still) active, and `SecondFactorRequired` where this is not
    enough: `verify` goes on from there.
    """
    known = proven.user
    actor = Actor(ActorKind.USER, known.tenant_id, known.id)
    async with dbs.app.write(known.tenant_id, actor, source.request_id, source.origin) as tx:
        user = await _hold_user(tx, known.id)
        # Looked at again: deactivation or a new password may have come in between.
        if user is None or user.status is not UserStatus.ACTIVE:
            raise InvalidCredentials
        if (await tenants.get(tx, tx.tenant)).status is not TenantStatus.ACTIVE:
            raise InvalidCredentials
        if Method.PASSWORD in proven.methods and user.password_hash != known.password_hash:
            raise ProofOutdated
        if proven.better_hash is not None:
            user.password_hash = proven.better_hash
        missing = await challenges.missing_second_factor(tx, user, proven.methods)
        if missing is None:
            login, refresh_token = await _open(tx, user, tokens, proven.methods, source)
    if missing is not None:
        raise missing
    return await _granted(tokens, user, login, refresh_token)


async def verify(
    dbs: Databases, tokens: Tokens, factors: SecondFactors, token: str, method: Method, code: str, source: Source
) -> Verified:
    """Open the sign-in that waited for this second factor; one that was enrolled for it is confirmed by the way.

    Raises `LoginChallengeEnded`, `MethodUnavailable`, `ProofRefused`, `RateLimited`.
    """
    tenant_id = challenges.tenant_of(token)
    async with dbs.app.write(tenant_id, request_id=source.request_id, origin=source.origin) as tx:
        user, challenge = await challenges.hold(tx, token)
        await challenges.ensure_not_guessed(tx, user, method)
        recovery_codes = await _second(tx, factors, user, method, code, challenge.id)
        if recovery_codes is None:
            left = challenges.count_wrong(challenge)
        else:
            challenge.used_at = tx.now()
            methods = frozenset({*map(Method, challenge.methods), method})
            login, refresh_token = await _open(tx, user, tokens, methods, source)
    if recovery_codes is None:
        raise ProofRefused(left) if left else LoginChallengeEnded
    return Verified(await _granted(tokens, user, login, refresh_token), recovery_codes)


async def refresh(dbs: Databases, tokens: Tokens, refresh_token: str, source: Source = UNKNOWN) -> Granted:
    """Exchange a refresh token for a fresh pair.

    Each token works once. The token used last may be used again within 30 s, as long as none of those it was exchanged
    for has been used: the answer may have been lost. Any other second use means that it was copied, and ends the
    sign-in. Raises `InvalidRefreshToken`, `LoginRevoked`, `TenantClosed`.
    """
    tenant_id = _tenant_of(refresh_token)
    async with dbs.app.write(tenant_id, request_id=source.request_id, origin=source.origin) as tx:
        user, login = await _hold(tx, refresh_token)
        if (await tenants.get(tx, tenant_id)).status is not TenantStatus.ACTIVE:
            # Not the sign-in's fault: the token stays good for when the tenant is back.
            raise TenantClosed
        fresh_token = await _exchange(tx, tokens, user, login, refresh_token)
    if fresh_token is None:
        raise LoginRevoked
    return await _granted(tokens, user, login, fresh_token)


async def sign_out(dbs: Databases, refresh_token: str, source: Source = UNKNOWN) -> UUID | None:
    """End the sign-in of a refresh token, and return its tenant. Nothing happens if it is unknown or ended already.

    Raises `InvalidInput` for what cannot be a token.
    """
    ensure_text("refreshToken", refresh_token, 1, 500)
    try:
        tenant_id = _tenant_of(refresh_token)
        async with dbs.app.write(tenant_id, request_id=source.request_id, origin=source.origin) as tx:
            user, login = await _hold(tx, refresh_token)
            if login.revoked_at is None:
                tx.actor = Actor(ActorKind.USER, tenant_id, user.id)
                _revoke(tx, user, login, "signed out")
    except InvalidRefreshToken:
        return None
    return tenant_id


async def _hold_user(tx: WriteTx, user_id: UUID) -> User | None:
    try:
        return await repository.lock(tx, user_id)
    except NotFound:
        # Deleted in between.
        return None


async def _second(
    tx: WriteTx, factors: SecondFactors, user: User, method: Method, code: str, subject_id: UUID
) -> Sequence[str] | None:
    """Whether this is a second factor: recovery codes, which only the first one gives, or None."""
    enrolled = {Method(factor.kind) for factor in await factor_rows.factors_of(tx, [user.id])}
    if await factor_rows.confirmed(tx, user.id) or method not in enrolled:
        return [] if await factors.accept(tx, user, method, code, subject_id) else None
    return await confirm(tx, factors, user, FactorKind(method), code, subject_id)


async def _open(
    tx: WriteTx, user: User, tokens: Tokens, methods: frozenset[Method], source: Source
) -> tuple[Login, str]:
    now = tx.now()
    user.last_login_at = now
    login = Login(
        tenant_id=tx.tenant,
        id=new_id(),
        user_id=user.id,
        created_at=now,
        last_used_at=now,
        expires_at=now + LOGIN_LIFETIME,
        methods=sorted(methods),
        proved_at=now,
        agent=_fit(source.agent, 200),
        address=_fit(source.address, 64),
    )
    tx.add(login)
    await tx.flush()
    record(tx, LOGIN, login.id, 1, LoginOpened(user.id, login.methods), now)
    return login, _add_token(tx, tokens, login)


async def _hold(tx: WriteTx, refresh_token: str) -> tuple[User, Login]:
    """The user (locked: two who refresh at once go one after the other) and the sign-in, as they are now."""
    found = await repository.login_of(tx, hash_of(refresh_token))
    if found is None:
        raise InvalidRefreshToken
    user = await repository.lock(tx, found.user_id)
    login = await repository.login_of(tx, hash_of(refresh_token))
    if login is None:
        raise InvalidRefreshToken
    return user, login


async def _exchange(tx: WriteTx, tokens: Tokens, user: User, login: Login, refresh_token: str) -> str | None:
    """The next token; None if there is none, because the sign-in has ended, with this at the latest."""
    now = tx.now()
    token = await repository.refresh_token(tx, hash_of(refresh_token))
    if login.revoked_at is not None or user.status is not UserStatus.ACTIVE:
        return None
    if token.expires_at <= now or login.expires_at <= now:
        raise InvalidRefreshToken
    if not has_second(login.methods) and await is_required(tx, user):
        _revoke(tx, user, login, "second factor required")
        return None
    if token.generation == login.generation:
        token.used_at = login.last_used_at = now
        login.generation += 1
    elif token.generation < login.generation - 1 or now - login.last_used_at > RETRY_WINDOW:
        _revoke(tx, user, login, "refresh token used again")
        return None
    return _add_token(tx, tokens, login)


def _add_token(tx: WriteTx, tokens: Tokens, login: Login) -> str:
    text = new_secret(_PREFIX, tx.tenant)
    tx.add(
        RefreshToken(
            tenant_id=tx.tenant,
            login_id=login.id,
            generation=login.generation,
            token_hash=hash_of(text),
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
    found = tenant_in(_PREFIX, refresh_token)
    if found is None:
        raise InvalidRefreshToken
    return found


def _fit(text: str | None, length: int) -> str | None:
    return None if text is None else text.replace("\x00", "")[:length]
