"""Showing a second factor: which a user has, and whether what they bring is one. What follows is the callers' business.

Everything here is done under the user's lock, so that a code brought twice at once is taken once.
"""

import hmac
from collections.abc import Iterable, Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.core.crypto import decrypt, derive_key, encrypt
from app.core.db import ReadTx, WriteTx
from app.identity import passwords
from app.identity.accounts.codes import Codes, Recipient
from app.identity.accounts.models import MessageChannel, MessageKind
from app.identity.factors import events, repository, rules
from app.identity.factors.errors import MethodUnavailable, NoAddress
from app.identity.factors.models import FactorKind, SecondFactor
from app.identity.models import User
from app.identity.proofs import SECOND, Method
from app.identity.service import note
from app.tenants import service as tenants

_CHANNELS = {FactorKind.EMAIL_CODE: MessageChannel.EMAIL, FactorKind.SMS_CODE: MessageChannel.SMS}


class SecondFactors:
    """Knows this installation's keys for them."""

    def __init__(self, secret: str, codes: Codes) -> None:
        self._sealing = derive_key(secret, "second factors")
        self._hashing = derive_key(secret, "recovery codes")
        self.codes = codes

    async def accept(self, tx: WriteTx, user: User, method: Method, given: str, subject_id: UUID) -> bool:
        """Whether this is a second factor of the user's, which is used up with it.

        `subject_id` is what a code was sent for. Raises `MethodUnavailable`.
        """
        usable = await usable_methods(tx, user)
        if method not in usable:
            raise MethodUnavailable(usable)
        if method is Method.RECOVERY_CODE:
            return await self._accept_recovery_code(tx, user, given)
        factor = (await repository.confirmed(tx, user.id))[FactorKind(method)]
        return await self.accept_code(tx, user, factor, given, subject_id)

    async def accept_code(self, tx: WriteTx, user: User, factor: SecondFactor, given: str, subject_id: UUID) -> bool:
        """Whether this is a code of the user's factor, confirmed or not, that was not used before."""
        if factor.kind is FactorKind.TOTP:
            step = rules.step_of(self._open(factor), given, tx.now(), after=factor.last_step)
            if step is None:
                return False
            factor.last_step = step
        else:
            message = await self.codes.redeem_newest(tx, MessageKind.SECOND_FACTOR, subject_id, given)
            if message is None or message.channel is not _CHANNELS[factor.kind]:
                return False
            # It shows that they read what is sent where it went, which is no word for an address they have had since.
            present = user.email if factor.kind is FactorKind.EMAIL_CODE else rules.dialled(user.phone)
            if self.codes.recipient_of(message).address != present:
                return False
        factor.last_used_at = tx.now()
        # At once: what reads the factors again in this block takes them as the database has them, and the code would
        # not be used up.
        await tx.flush()
        return True

    async def send_code(self, tx: WriteTx, user: User, kind: FactorKind, subject_id: UUID) -> str:
        """Send a code for a sign-in; where it goes to, masked. Raises `NoAddress`, `TooManyCodes`."""
        recipient = recipient_of(user, kind)
        await self.codes.issue(tx, MessageKind.SECOND_FACTOR, recipient, subject_id=subject_id)
        return masked(recipient)

    async def tell(self, tx: WriteTx, user: User) -> None:
        """Owe a user a message that their second step was changed: whoever it was not has to hear of it."""
        recipient = recipient_of(user, FactorKind.EMAIL_CODE)
        await self.codes.tell(tx, MessageKind.SECOND_FACTOR_CHANGED, recipient, subject_id=user.id)

    def seal(self, factor: SecondFactor, secret: str) -> None:
        """Put a TOTP's secret into its row."""
        factor.secret_sealed = encrypt(self._sealing, secret.encode(), _binding(factor))

    def recovery_hash(self, user: User, code: str) -> str:
        """How a recovery code is kept."""
        return hmac.digest(self._hashing, f"{user.tenant_id}:{user.id}:{code}".encode(), "sha256").hex()

    async def _accept_recovery_code(self, tx: WriteTx, user: User, given: str) -> bool:
        code = rules.read_recovery_code(given)
        if code is None:
            return False
        found = await repository.unused_recovery_code(tx, user.id, self.recovery_hash(user, code))
        if found is None:
            return False
        found.used_at = tx.now()
        await tx.flush()
        left = (await repository.recovery_codes_left(tx, [user.id])).get(user.id, 0)
        note(tx, user, events.RecoveryCodeUsed(left))
        await self.tell(tx, user)
        return True

    def _open(self, factor: SecondFactor) -> str:
        try:
            return decrypt(self._sealing, factor.secret_sealed or b"", _binding(factor)).decode()
        except InvalidTag:
            raise MethodUnavailable([]) from None


async def usable_methods(tx: ReadTx, user: User) -> Sequence[Method]:
    """The second factors a user can show; none, if none is confirmed."""
    kinds = [kind for kind in await repository.confirmed(tx, user.id) if _is_reachable(user, kind)]
    if not (await tenants.settings_of(tx)).second_factor_codes:
        kinds = [kind for kind in kinds if kind is FactorKind.TOTP] or kinds
    methods = [Method(kind) for kind in kinds]
    if (await repository.recovery_codes_left(tx, [user.id])).get(user.id, 0):
        methods.append(Method.RECOVERY_CODE)
    return methods


async def provable_methods(tx: ReadTx, user: User) -> Sequence[Method]:
    """By which a running sign-in can show again who it is: a second factor if there is one, the first one otherwise."""
    if await repository.confirmed(tx, user.id):
        return await usable_methods(tx, user)
    return [Method.PASSWORD if passwords.is_anybodys(user.password_hash) else Method.PROVIDER]


async def is_required(tx: ReadTx, user: User) -> bool:
    """Whether the tenant asks this user for a second factor."""
    return rules.is_required(user.role, (await tenants.settings_of(tx)).second_factor_roles)


def has_second(methods: Iterable[str]) -> bool:
    """Whether a second factor is among what was proved."""
    return not SECOND.isdisjoint(methods)


def recipient_of(user: User, kind: FactorKind) -> Recipient:
    """Where codes of a kind go. `NoAddress`."""
    if kind is FactorKind.EMAIL_CODE:
        return Recipient(MessageChannel.EMAIL, user.email)
    number = rules.dialled(user.phone)
    if number is None:
        raise NoAddress
    return Recipient(MessageChannel.SMS, number)


def masked(recipient: Recipient) -> str:
    """Enough of an address to know it by, and no more: `j…@example.com`, `…20`."""
    if recipient.channel is MessageChannel.EMAIL:
        name, _, domain = recipient.address.rpartition("@")
        return f"{name[:1]}…@{domain}"
    return f"…{recipient.address[-2:]}"


def _is_reachable(user: User, kind: FactorKind) -> bool:
    # An address that somebody else has changed is not the one that was confirmed.
    match kind:
        case FactorKind.EMAIL_CODE:
            return user.email_verified
        case FactorKind.SMS_CODE:
            return user.phone_verified
        case FactorKind.TOTP:
            return True


def _binding(factor: SecondFactor) -> str:
    return f"second_factors:{factor.tenant_id}:{factor.id}"
