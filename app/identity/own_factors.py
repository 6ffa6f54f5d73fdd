"""Second factors of the one who is signed in: each verb opens its block. What they do stands in `factors/service.py`.

A code that is wrong counts although the caller is refused: these blocks commit, and raise behind it.
"""

from collections.abc import Sequence

from app.core.actor import Actor
from app.core.db import Databases
from app.identity import repository
from app.identity.errors import LoginRevoked
from app.identity.factors import service
from app.identity.factors.errors import ProofRefused
from app.identity.factors.models import FactorKind
from app.identity.factors.proving import SecondFactors
from app.identity.factors.service import Enrolment
from app.identity.models import User
from app.identity.proofs import UNKNOWN, Method, Source
from app.identity.step_up import count_wrong, hold_running, running


async def enroll(
    dbs: Databases, factors: SecondFactors, actor: Actor, kind: FactorKind, source: Source = UNKNOWN
) -> Enrolment:
    """Prepare a second factor. Raises what `service.enroll` does."""
    tenant_id, user_id, login_id = running(actor)
    async with dbs.app.write(tenant_id, actor, source.request_id, source.origin) as tx:
        user, _ = await hold_running(tx, user_id, login_id)
        return await service.enroll(tx, factors, user, kind, login_id)


async def confirm(
    dbs: Databases, factors: SecondFactors, actor: Actor, kind: FactorKind, code: str, source: Source = UNKNOWN
) -> tuple[User, Sequence[str]]:
    """Confirm it with a code; the user, and recovery codes if it is the first. That one ends all other sign-ins.

    Raises `MethodUnavailable`, `ProofRefused`, and `LoginRevoked` with the fifth wrong one in a row.
    """
    tenant_id, user_id, login_id = running(actor)
    async with dbs.app.write(tenant_id, actor, source.request_id, source.origin) as tx:
        user, login = await hold_running(tx, user_id, login_id)
        recovery_codes = await service.confirm(tx, factors, user, kind, code, login_id)
        if recovery_codes is not None:
            service.count_as_proved(tx, login, Method(kind))
            if recovery_codes:
                # Whoever is in without having shown it might be the one it is to keep out.
                await repository.revoke_logins(tx, user.id, "second factor switched on", but=login_id)
            return user, recovery_codes
        left = count_wrong(tx, user, login)
    raise ProofRefused(left) if left else LoginRevoked
