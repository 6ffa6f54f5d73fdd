"""One-time codes: issued with the message that brings them, redeemed once. What a code allows is its caller's business.

A code has 6 digits and is good for 10 minutes, 5 tries and one use; an invitation's secret has 256 bits and is good for
7 days. What is kept is a keyed hash, and until the message is sent the sealed text; the event that makes a worker send
it names neither code nor address.

A try that fails has to count although the caller is refused. So nothing is raised here: `redeem` answers None, the
caller's block ends (and commits), and `CodeRefused` is raised behind it:

    async with context.write() as tx:
        message = await codes.redeem(tx, MessageKind.CHANGE_EMAIL, token, code, subject_id=user_id)
        ...
    if message is None:
        raise CodeRefused
"""

import hmac
import math
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.core.crypto import decrypt, derive_key, encrypt
from app.core.db import WriteTx
from app.core.events import record
from app.core.ids import new_id
from app.identity.accounts import repository
from app.identity.accounts.errors import CodeRefused, TooManyCodes
from app.identity.accounts.events import ACCOUNT_MESSAGE, AccountMessageOwed
from app.identity.accounts.models import AccountMessage, MessageChannel, MessageKind

DIGITS = 6
LIFETIME = timedelta(minutes=10)
INVITATION_LIFETIME = timedelta(days=7)
MOST_TRIES = 5

# What carries no code is worth sending for so long.
NOTICE_LIFETIME = timedelta(hours=6)

# How many messages one address is sent, whoever asks for them: within an hour, within a day.
MOST_SENT: Mapping[timedelta, int] = MappingProxyType({timedelta(hours=1): 6, timedelta(days=1): 20})
_LONGEST = max(MOST_SENT)
# Counted apart. What strangers can ask for must not use up what only the owner's password sends, or they could keep the
# owner out; nor what tells the owner that something was changed, or they could have it not be told.
_APART = (
    frozenset({MessageKind.SECOND_FACTOR}),
    frozenset(
        {
            MessageKind.PASSWORD_CHANGED,
            MessageKind.EMAIL_CHANGED,
            MessageKind.SECOND_FACTOR_CHANGED,
            MessageKind.PROVIDER_LINKED,
            MessageKind.WEBHOOK_DISABLED,
        }
    ),
)
_ASKED_BY_ANYBODY = frozenset(MessageKind).difference(*_APART)

# Sent in place of one another, so that nobody learns which: a try counts at both alike, and opens the former only.
_TRIED_LIKE: Mapping[MessageKind, MessageKind] = MappingProxyType(
    {MessageKind.REGISTRATION: MessageKind.ALREADY_REGISTERED}
)

_PREFIX = "vqc_"
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes: an e-mail address, or a telephone number as `+4930901820`."""

    channel: MessageChannel
    address: str

    def __repr__(self) -> str:
        return f"Recipient({self.channel})"


@dataclass(frozen=True, slots=True)
class Issued:
    """A code that is on its way. Whoever asked for it sends the token back with it, so that nobody else's wrong tries
    count against it, and a code of one request opens no other."""

    message_id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What a sender has to know. Nothing of it is written down or logged."""

    recipient: Recipient
    # Empty where the message carries none.
    code: str

    def __repr__(self) -> str:
        return "Unsealed()"


class Codes:
    """Makes and checks codes with this installation's keys."""

    def __init__(self, secret: str) -> None:
        self._hashing = derive_key(secret, "one-time codes: hashes")
        self._sealing = derive_key(secret, "one-time codes: messages")

    async def issue(
        self,
        tx: WriteTx,
        kind: MessageKind,
        to: Recipient,
        *,
        subject_id: UUID | None,
        locale: str | None = None,
    ) -> Issued:
        """Owe somebody a message with a fresh code bound to this kind and subject.

        Where there is no subject (an account nobody has), everything is done all the same, and nothing is sent.
        Raises `TooManyCodes`, for whoever is at the address and for nobody.
        """
        await self._ensure_not_flooded(tx, kind, to)
        if kind is MessageKind.INVITATION:
            return self._owe(tx, kind, to, subject_id, locale, secrets.token_urlsafe(32), INVITATION_LIFETIME)
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        return self._owe(tx, kind, to, subject_id, locale, code, LIFETIME)

    async def tell(
        self, tx: WriteTx, kind: MessageKind, to: Recipient, *, subject_id: UUID | None, locale: str | None = None
    ) -> None:
        """Owe somebody a message that carries no code: that their password was changed, say. Nothing if flooded."""
        try:
            await self._ensure_not_flooded(tx, kind, to)
        except TooManyCodes:
            return
        self._owe(tx, kind, to, subject_id, locale, "", NOTICE_LIFETIME)

    async def redeem(
        self, tx: WriteTx, kind: MessageKind, token: str, code: str, *, subject_id: UUID | None = None
    ) -> AccountMessage | None:
        """Use a code up: its message, or None, which counts as a try once the block commits (see above).

        With `subject_id` it has to be theirs. Of any number who bring a code at once, one is answered with it.
        """
        found = _message_of(token)
        if found is None or found[0] != tx.tenant:
            return None
        return await self._redeem(tx, kind, found[1], code, subject_id)

    async def redeem_newest(self, tx: WriteTx, kind: MessageKind, subject_id: UUID, code: str) -> AccountMessage | None:
        """`redeem` for the newest code of a kind bound to this subject, where the subject is itself a secret."""
        message_id = await repository.newest_id(tx, kind, subject_id)
        return None if message_id is None else await self._redeem(tx, kind, message_id, code, subject_id)

    def recipient_of(self, message: AccountMessage) -> Recipient:
        """Where a message went."""
        sealed = decrypt(self._sealing, message.sealed_recipient, _binding(message, "recipient"))
        return Recipient(message.channel, sealed.decode())

    def unsealed(self, message: AccountMessage) -> Unsealed | None:
        """What the sender has to know; None once it was sent or given up, or if it cannot be read."""
        if message.sealed_code is None:
            return None
        try:
            code = decrypt(self._sealing, message.sealed_code, _binding(message, "code")).decode()
            return Unsealed(self.recipient_of(message), code)
        except InvalidTag:
            return None

    def token_of(self, message: AccountMessage) -> str:
        """What goes with its code."""
        return _token(message)

    def recipient_hash(self, to: Recipient) -> str:
        """How messages to one recipient are found again."""
        return self._hash("recipient", to.channel, to.address)

    def _owe(
        self,
        tx: WriteTx,
        kind: MessageKind,
        to: Recipient,
        subject_id: UUID | None,
        locale: str | None,
        code: str,
        lifetime: timedelta,
    ) -> Issued:
        now = tx.now()
        message = AccountMessage(
            tenant_id=tx.tenant,
            id=new_id(),
            kind=kind,
            channel=to.channel,
            subject_id=subject_id,
            locale=locale,
            recipient_hash=self.recipient_hash(to),
            sealed_recipient=b"",
            created_at=now,
            expires_at=now + lifetime,
        )
        message.sealed_recipient = encrypt(self._sealing, to.address.encode(), _binding(message, "recipient"))
        message.sealed_code = encrypt(self._sealing, code.encode(), _binding(message, "code"))
        message.code_hash = self._code_hash(message, code) if code else None
        tx.add(message)
        record(tx, ACCOUNT_MESSAGE, message.id, 1, AccountMessageOwed(kind, to.channel), now)
        return Issued(message.id, _token(message), message.expires_at)

    async def _redeem(
        self, tx: WriteTx, kind: MessageKind, message_id: UUID, code: str, subject_id: UUID | None
    ) -> AccountMessage | None:
        message = await repository.lock_message(tx, message_id)
        if (
            message is None
            or message.kind not in (kind, _TRIED_LIKE.get(kind))
            or message.code_hash is None
            or message.used_at is not None
            or message.expires_at <= tx.now()
            or message.tries >= MOST_TRIES
            or (subject_id is not None and message.subject_id != subject_id)
        ):
            return None
        message.tries += 1
        await tx.flush()
        if (
            not hmac.compare_digest(message.code_hash, self._code_hash(message, tidied(code)))
            or message.kind is not kind
        ):
            return None
        message.used_at = tx.now()
        return message

    async def _ensure_not_flooded(self, tx: WriteTx, kind: MessageKind, to: Recipient) -> None:
        recipient_hash, now = self.recipient_hash(to), tx.now()
        together = next((group for group in _APART if kind in group), _ASKED_BY_ANYBODY)
        await repository.hold_recipient(tx, recipient_hash)
        sent = await repository.sent_since(tx, recipient_hash, together, now - _LONGEST)
        for window, most in MOST_SENT.items():
            within = [moment for moment in sent if moment > now - window]
            if len(within) >= most:
                free_at = within[-most] + window
                raise TooManyCodes(max(1, math.ceil((free_at - now).total_seconds())))

    def _code_hash(self, message: AccountMessage, code: str) -> str:
        return self._hash("code", message.tenant_id, message.id, message.kind, code)

    def _hash(self, *parts: object) -> str:
        # Six digits are guessed in no time by whoever has the table alone: the key is not in it.
        return hmac.digest(self._hashing, "\n".join(map(str, parts)).encode(), "sha256").hex()


def tidied(code: str) -> str:
    """A code as it was sent: people copy `123 456`, and spaces around it."""
    compact = "".join(code.split())
    return compact if _CODE.fullmatch(compact) else code.strip()


def invitation_text(message: AccountMessage, code: str) -> str:
    """What an invited person is sent: token and secret in one, to be copied or followed as a link."""
    return f"{_token(message)}.{code}"


def tenant_of(token: str) -> UUID:
    """The tenant a token names, so that the database can be bound to it. `CodeRefused` for what is none of ours."""
    found = _message_of(token)
    if found is None:
        raise CodeRefused
    return found[0]


def _token(message: AccountMessage) -> str:
    return _PREFIX + urlsafe_b64encode(message.tenant_id.bytes + message.id.bytes).rstrip(b"=").decode()


def _message_of(token: str) -> tuple[UUID, UUID] | None:
    try:
        raw = urlsafe_b64decode(token.removeprefix(_PREFIX).encode("ascii") + b"=")
    except (ValueError, Base64Error):
        return None
    if not token.startswith(_PREFIX) or len(raw) != 32:
        return None
    return UUID(bytes=raw[:16]), UUID(bytes=raw[16:])


def _binding(message: AccountMessage, part: str) -> str:
    return f"account_messages:{message.tenant_id}:{message.id}:{part}"
