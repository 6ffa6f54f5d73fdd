"""Whether a sign-in has shown lately who it is, and showing it again. What is dangerous is said on the fields.

A token that was left behind on a desk, or copied, opens what its owner does every day and nothing that lasts.
"""

from datetime import timedelta
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import Database, Databases, WriteTx
from app.core.errors import Unauthenticated
from app.identity import passwords, repository
from app.identity.errors import LoginRevoked, StepUpRequired, TokenRevoked
from app.identity.events import UserLoginRevoked
from app.identity.factors.errors import MethodUnavailable, ProofRefused
from app.identity.factors.events import LoginProved
from app.identity.factors.models import FactorKind
from app.identity.factors.proving import SecondFactors, provable_methods
from app.identity.factors.service import count_as_proved
from app.identity.models import Login, User
from app.identity.passwords import HashedPassword
from app.identity.proofs import UNKNOWN, Method, Source
from app.identity.service import note

FRESH = timedelta(minutes=15)
"""How long a proof is good for dangerous actions."""
MOST_WRONG = 5
"""Wrong proofs in a row end the sign-in: somebody has found it, and guesses."""


async def ensure_fresh(database: Database, actor: Actor) -> None:
    """`StepUpRequired` for a user whose sign-in has not proved itself for 15 minutes.

    Others pass, because it is not for them to prove anything: a program shows its whole secret with every request.
    """
    if actor.kind is not ActorKind.USER or actor.id is None:
        return
    async with database.read(actor.tenant_id) as tx:
        login = None if actor.login_id is None else await repository.login(tx, actor.login_id)
        if login is not None and login.proved_at + FRESH > database.clock.now():
            return
        raise StepUpRequired(await provable_methods(tx, await repository.get(tx, actor.id)))


async def step_up(
    dbs: Databases, factors: SecondFactors, actor: Actor, method: Method, proof: str, source: Source = UNKNOWN
) -> Login:
    """Show again who one is: with a second factor, or, for who has none, with the password.

    Raises `MethodUnavailable`, `ProofRefused`, and `LoginRevoked` with the fifth wrong one in a row.
    """
    tenant_id, user_id, login_id = running(actor)
    known_hash, right = None, False
    if method is Method.PASSWORD:
        async with dbs.app.read(tenant_id) as tx:
            known_hash = (await repository.get(tx, user_id)).password_hash
        right, _ = await passwords.verify(proof, HashedPassword(known_hash))
    async with dbs.app.write(tenant_id, actor, source.request_id, source.origin) as tx:
        user, login = await hold_running(tx, user_id, login_id)
        methods = await provable_methods(tx, user)
        if method not in methods or method is Method.PROVIDER:
            raise MethodUnavailable(methods)
        if method is not Method.PASSWORD:
            right = await factors.accept(tx, user, method, proof, login_id)
        # Looked at again: a new password may have come in between.
        elif user.password_hash != known_hash:
            right = False
        if right:
            count_as_proved(tx, login, method)
            note(tx, user, LoginProved(login_id, method))
            return login
        left = count_wrong(tx, user, login)
    raise ProofRefused(left) if left else LoginRevoked


async def send_code(
    dbs: Databases, factors: SecondFactors, actor: Actor, kind: FactorKind, source: Source = UNKNOWN
) -> str:
    """Send a code to step up with; where it goes to, masked. Raises `MethodUnavailable`, `TooManyCodes`."""
    tenant_id, user_id, login_id = running(actor)
    async with dbs.app.write(tenant_id, actor, source.request_id, source.origin) as tx:
        user, _ = await hold_running(tx, user_id, login_id)
        methods = await provable_methods(tx, user)
        if kind is FactorKind.TOTP or Method(kind) not in methods:
            raise MethodUnavailable(methods)
        return await factors.send_code(tx, user, kind, login_id)


def running(actor: Actor) -> tuple[UUID, UUID, UUID]:
    """Tenant, user and sign-in of a signed-in user; `Unauthenticated` for everybody else."""
    match actor:
        case Actor(kind=ActorKind.USER, tenant_id=UUID() as tenant_id, id=UUID() as id, login_id=UUID() as login_id):
            return tenant_id, id, login_id
    raise Unauthenticated("This is for users: sign in with `userLogin`.")


async def hold_running(tx: WriteTx, user_id: UUID, login_id: UUID) -> tuple[User, Login]:
    """The user, locked, and the sign-in they act by. `TokenRevoked` if it has ended in between."""
    user = await repository.lock(tx, user_id)
    login = await repository.login(tx, login_id)
    if login is None or login.revoked_at is not None:
        raise TokenRevoked
    return user, login


def count_wrong(tx: WriteTx, user: User, login: Login) -> int:
    """Count a wrong proof, and say how many more there may be; the last one ends the sign-in. Has to commit."""
    login.wrong_proofs += 1
    left = max(0, MOST_WRONG - login.wrong_proofs)
    if not left:
        login.revoked_at, login.revoke_reason = tx.now(), "too many wrong proofs"
        note(tx, user, UserLoginRevoked(login.id, login.revoke_reason))
    return left
