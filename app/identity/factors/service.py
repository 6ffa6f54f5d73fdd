"""What can be done with second factors: enroll, confirm, remove, new recovery codes, reset. `logins.py` signs in.

Enrolled is not confirmed: until a code of it was shown, nothing is asked of anybody, and it may be enrolled anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.db import WriteTx
from app.core.ids import new_id
from app.identity import repository as users
from app.identity import rules as user_rules
from app.identity.factors import events, proving, repository, rules
from app.identity.factors.errors import (
    MethodUnavailable,
    SecondFactorExists,
    SecondFactorIndispensable,
    SecondFactorNotAllowed,
)
from app.identity.factors.models import FactorKind, RecoveryCode, SecondFactor
from app.identity.factors.proving import SecondFactors
from app.identity.models import Login, User
from app.identity.proofs import Method
from app.identity.roles import service as roles
from app.identity.service import note
from app.tenants import repository as tenants
from app.tenants.service import settings_in


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person needs to confirm a second factor: a secret for their app, or to know where a code was sent."""

    kind: FactorKind
    secret: str | None = None
    uri: str | None = None
    qr_code: str | None = None
    sent_to: str | None = None

    def __repr__(self) -> str:
        return f"Enrolment({self.kind})"


async def enroll(tx: WriteTx, factors: SecondFactors, user: User, kind: FactorKind, subject_id: UUID) -> Enrolment:
    """Prepare a second factor of a user whose lock is held; one that was prepared before is replaced.

    A code that is sent is bound to `subject_id`. Raises `SecondFactorExists`, `SecondFactorNotAllowed`, `NoAddress`,
    `TooManyCodes`.
    """
    tenant = await tenants.get(tx, tx.tenant)
    if kind is not FactorKind.TOTP and not settings_in(tenant).second_factor_codes:
        raise SecondFactorNotAllowed
    known = await repository.factor(tx, user.id, kind)
    if known is not None and known.confirmed_at is not None:
        raise SecondFactorExists
    await repository.delete_factors(tx, user.id, [kind])
    factor = SecondFactor(tenant_id=tx.tenant, id=new_id(), user_id=user.id, kind=kind, created_at=tx.now())
    if kind is FactorKind.TOTP:
        secret = rules.new_totp_secret()
        factors.seal(factor, secret)
        uri = rules.provisioning_uri(secret, user.email, tenant.name)
        enrolment = Enrolment(kind, secret=secret, uri=uri, qr_code=rules.qr_code(uri))
    else:
        enrolment = Enrolment(kind, sent_to=await factors.send_code(tx, user, kind, subject_id))
    tx.add(factor)
    note(tx, user, events.SecondFactorEnrolled(kind))
    return enrolment


async def confirm(
    tx: WriteTx, factors: SecondFactors, user: User, kind: FactorKind, code: str, subject_id: UUID
) -> Sequence[str] | None:
    """Confirm an enrolled second factor with a code of it; None if it is none, which has to commit and counts as a try.

    The first one gives recovery codes, which are shown once; others give none. Raises `MethodUnavailable` where nothing
    is enrolled.
    """
    factor = await repository.factor(tx, user.id, kind)
    if factor is None or factor.confirmed_at is not None:
        raise MethodUnavailable([])
    if not await factors.accept_code(tx, user, factor, code, subject_id):
        return None
    others = await repository.confirmed(tx, user.id)
    factor.confirmed_at = tx.now()
    if kind is FactorKind.EMAIL_CODE:
        user.email_verified = True
    elif kind is FactorKind.SMS_CODE:
        user.phone_verified = True
    note(tx, user, events.SecondFactorConfirmed(kind))
    await factors.tell(tx, user)
    return [] if others else await _new_recovery_codes(tx, factors, user)


async def remove(tx: WriteTx, factors: SecondFactors, user_id: UUID, kind: FactorKind) -> User:
    """Take a second factor away; with the last one the recovery codes go as well. Nothing happens if there is none.

    Raises `SecondFactorIndispensable`.
    """
    user = await users.lock(tx, user_id)
    confirmed = await repository.confirmed(tx, user_id)
    if kind in confirmed and len(confirmed) == 1:
        if await proving.is_required(tx, user):
            raise SecondFactorIndispensable
        await repository.delete_recovery_codes(tx, user_id)
    if await repository.factor(tx, user_id, kind) is not None:
        await repository.delete_factors(tx, user_id, [kind])
        note(tx, user, events.SecondFactorRemoved(kind))
    if kind in confirmed:
        await factors.tell(tx, user)
    return user


async def renew_recovery_codes(tx: WriteTx, factors: SecondFactors, user_id: UUID) -> Sequence[str]:
    """Ten new recovery codes in place of all there were. `MethodUnavailable` without a second factor."""
    user = await users.lock(tx, user_id)
    if not await repository.confirmed(tx, user_id):
        raise MethodUnavailable([])
    codes = await _new_recovery_codes(tx, factors, user)
    note(tx, user, events.RecoveryCodesRenewed())
    await factors.tell(tx, user)
    return codes


async def reset(tx: WriteTx, factors: SecondFactors, user_id: UUID) -> User:
    """Take all of another user's second factors and recovery codes, because they were lost; every sign-in ends.

    Raises `RoleNotGrantable`, `NotFound`.
    """
    user = await users.lock(tx, user_id)
    user_rules.ensure_may_manage(tx.actor, await roles.grant_of(tx, user))
    if await repository.factors_of(tx, [user_id]):
        await repository.delete_factors(tx, user_id, list(FactorKind))
        await repository.delete_recovery_codes(tx, user_id)
        await users.revoke_logins(tx, user_id, "second factors reset")
        note(tx, user, events.SecondFactorsReset())
        await factors.tell(tx, user)
    return user


def count_as_proved(tx: WriteTx, login: Login, method: Method) -> None:
    """A running sign-in has shown a proof just now."""
    login.methods = sorted({*login.methods, method})
    login.proved_at, login.wrong_proofs = tx.now(), 0


async def _new_recovery_codes(tx: WriteTx, factors: SecondFactors, user: User) -> Sequence[str]:
    await repository.delete_recovery_codes(tx, user.id)
    codes = rules.new_recovery_codes()
    for code in codes:
        read = rules.read_recovery_code(code)
        assert read is not None
        tx.add(
            RecoveryCode(
                tenant_id=tx.tenant,
                id=new_id(),
                user_id=user.id,
                code_hash=factors.recovery_hash(user, read),
                created_at=tx.now(),
            )
        )
    return codes
