"""Sign-ins that wait for their second factor: opened, held, enrolled for. `logins.py` opens the sign-in itself.

Whoever holds the token of one has shown the first proof and nothing else: it opens no sign-in, reads nothing, and lets
a user enroll only where the tenant asks for a second factor and they have none.
"""

from datetime import timedelta
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import Databases, WriteTx
from app.core.errors import NotFound, RateLimited
from app.core.ids import new_id
from app.identity import repository as users
from app.identity.factors import repository
from app.identity.factors.errors import LoginChallengeEnded, MethodUnavailable, SecondFactorRequired
from app.identity.factors.models import FactorKind, LoginChallenge
from app.identity.factors.proving import SecondFactors, has_second, is_required, usable_methods
from app.identity.factors.service import Enrolment, enroll
from app.identity.models import User, UserStatus
from app.identity.proofs import UNKNOWN, Method, Source
from app.identity.secret_text import hash_of, new_secret, tenant_in
from app.tenants import repository as tenants
from app.tenants.models import TenantStatus

LIFETIME = timedelta(minutes=10)
MOST_TRIES = 5
# Of all a user's challenges together: who knows the password can open any number of them. A code is one of a million,
# three of which are good at a time. Recovery codes are too long to be guessed, and stay open to the owner meanwhile.
MOST_TRIES_AN_HOUR = 20
_PREFIX = "vql_"


async def missing_second_factor(tx: WriteTx, user: User, proven: frozenset[Method]) -> SecondFactorRequired | None:
    """What is missing after the first proof: a challenge, which has to be committed before it is raised; or nothing."""
    if has_second(proven):
        return None
    must_enroll = not await repository.confirmed(tx, user.id)
    if must_enroll and not await is_required(tx, user):
        return None
    token = new_secret(_PREFIX, tx.tenant)
    tx.add(
        LoginChallenge(
            tenant_id=tx.tenant,
            id=new_id(),
            user_id=user.id,
            token_hash=hash_of(token),
            methods=sorted(proven),
            created_at=tx.now(),
            expires_at=tx.now() + LIFETIME,
        )
    )
    methods = [] if must_enroll else await usable_methods(tx, user)
    return SecondFactorRequired(token, methods, int(LIFETIME.total_seconds()), must_enroll=must_enroll)


async def enroll_for(
    dbs: Databases, factors: SecondFactors, token: str, kind: FactorKind, source: Source = UNKNOWN
) -> Enrolment:
    """Enroll the first second factor of a user whom the tenant asks for one; `verify` confirms it.

    Raises `LoginChallengeEnded`, `MethodUnavailable` if they have one, and what `enroll` does.
    """
    async with dbs.app.write(tenant_of(token), request_id=source.request_id, origin=source.origin) as tx:
        user, challenge = await hold(tx, token)
        if await repository.confirmed(tx, user.id):
            raise MethodUnavailable(await usable_methods(tx, user))
        return await enroll(tx, factors, user, kind, challenge.id)


async def send_code(
    dbs: Databases, factors: SecondFactors, token: str, kind: FactorKind, source: Source = UNKNOWN
) -> str:
    """Send a code; where it goes to, masked. Raises `LoginChallengeEnded`, `MethodUnavailable`, `TooManyCodes`."""
    async with dbs.app.write(tenant_of(token), request_id=source.request_id, origin=source.origin) as tx:
        user, challenge = await hold(tx, token)
        methods = await usable_methods(tx, user)
        if kind is FactorKind.TOTP or Method(kind) not in methods:
            raise MethodUnavailable(methods)
        return await factors.send_code(tx, user, kind, challenge.id)


def tenant_of(token: str) -> UUID:
    """The tenant a challenge's token names. `LoginChallengeEnded` for what is none."""
    found = tenant_in(_PREFIX, token)
    if found is None:
        raise LoginChallengeEnded
    return found


async def hold(tx: WriteTx, token: str) -> tuple[User, LoginChallenge]:
    """The user, locked, and the challenge, open. The block then acts for the user. `LoginChallengeEnded` otherwise."""
    found = await repository.challenge(tx, hash_of(token))
    if found is None:
        raise LoginChallengeEnded
    try:
        user = await users.lock(tx, found.user_id)
    except NotFound:
        raise LoginChallengeEnded from None
    # As it is now: whoever held the user before may have used it.
    challenge = await repository.challenge(tx, hash_of(token))
    if challenge is None or not _is_open(tx, challenge) or user.status is not UserStatus.ACTIVE:
        raise LoginChallengeEnded
    if (await tenants.get(tx, tx.tenant)).status is not TenantStatus.ACTIVE:
        raise LoginChallengeEnded
    tx.actor = Actor(ActorKind.USER, tx.tenant, user.id)
    return user, challenge


async def ensure_not_guessed(tx: WriteTx, user: User, method: Method) -> None:
    """`RateLimited` while somebody who knows the password goes through the codes."""
    if method is Method.RECOVERY_CODE:
        return
    window = timedelta(hours=1)
    if await repository.wrong_tries_since(tx, user.id, tx.now() - window) >= MOST_TRIES_AN_HOUR:
        raise RateLimited(
            "Too many wrong codes for this account: wait, or use a recovery code.", window.total_seconds()
        )


def count_wrong(challenge: LoginChallenge) -> int:
    """Count a wrong try, and say how many more there may be. Has to commit."""
    challenge.tries += 1
    return max(0, MOST_TRIES - challenge.tries)


def _is_open(tx: WriteTx, challenge: LoginChallenge) -> bool:
    return challenge.used_at is None and challenge.expires_at > tx.now() and challenge.tries < MOST_TRIES
