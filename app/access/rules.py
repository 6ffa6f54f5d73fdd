"""What a list or a code does for whoever joins, as functions of plain values. Reads and writes nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.access.errors import AccessCodeRefused, AddressLimitReached, CodeRefusal, InvitationRequired
from app.access.models import AccessCode, AccessCodeKind, AccessList


@dataclass(frozen=True, slots=True)
class Pass:
    """What somebody is let in with. `priority` is the least they get: who has a higher one keeps it."""

    is_bypassed: bool = False
    priority: int = 0


NOTHING = Pass()


def ensure_usable(code: AccessCode | None, now: datetime) -> AccessCode:
    """`AccessCodeRefused` unless the code can be used once more."""
    if code is None:
        raise AccessCodeRefused(CodeRefusal.UNKNOWN)
    if code.revoked_at is not None:
        raise AccessCodeRefused(CodeRefusal.REVOKED)
    if code.expires_at is not None and code.expires_at <= now:
        raise AccessCodeRefused(CodeRefusal.EXPIRED)
    if code.max_uses is not None and code.use_count >= code.max_uses:
        raise AccessCodeRefused(CodeRefusal.USED_UP)
    return code


def pass_of(
    lists: Collection[AccessList],
    code: AccessCode | None,
    *,
    invited_only: bool,
    brought_by_staff: bool,
    refusal_message: str | None = None,
) -> Pass:
    """What lists and a usable code let somebody in with; `InvitationRequired` where that is nothing and has to be.

    Either list is an invitation, and so is every code, and staff who join for somebody.
    """
    if invited_only and not lists and code is None and not brought_by_staff:
        raise InvitationRequired(refusal_message)
    return Pass(
        is_bypassed=AccessList.BYPASS in lists or (code is not None and code.kind is AccessCodeKind.BYPASS),
        priority=(code.priority or 0) if code is not None else 0,
    )


def ensure_address_has_room(maximum: int | None, places: int) -> None:
    """`AddressLimitReached` when as many people as may be have a place from one address."""
    if maximum is not None and places >= maximum:
        raise AddressLimitReached(maximum)
