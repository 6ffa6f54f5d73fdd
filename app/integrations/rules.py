"""Pure rules: when a system is left alone, which fees go back, where payers may come back to, what a visit says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.integrations.models import RefundRule
from app.sessions.models import Session

FAILURES_TO_OPEN = 5
_FIRST_REST = timedelta(seconds=30)
_LONGEST_REST = timedelta(minutes=10)
TRIAL = timedelta(seconds=15)
"""While one asks whether a system is back, the others wait: a little longer than an answer may take."""

MAX_AMOUNT = 100_000_000
_CURRENCY = re.compile(r"[A-Z]{3}")
MIN_PAYMENT_SECONDS, MAX_PAYMENT_SECONDS = 60, 86_400
_PORTS = {"https": 443, "http": 80}


def rest_after(failure_count: int, wanted: timedelta | None) -> timedelta | None:
    """How long a system is left alone after so many failures in a row; None: it is not. `wanted`: what it asked for."""
    if failure_count < FAILURES_TO_OPEN:
        return wanted
    doubled: int = 2 ** min(failure_count - FAILURES_TO_OPEN, 10)
    rest = min(_FIRST_REST * doubled, _LONGEST_REST)
    return max(rest, wanted or rest)


def goes_back(rule: RefundRule, *, was_called: bool) -> bool:
    """Whether a fee goes back by itself when the place is cancelled."""
    return rule is RefundRule.ALWAYS or (rule is RefundRule.BEFORE_CALL and not was_called)


@dataclass(frozen=True, slots=True)
class FeeConfig:
    """A fee as it is asked for; `amount` in the currency's smallest unit."""

    amount: int
    currency: str
    description: str
    refund: RefundRule
    payment_seconds: int


def ensure_fee(fee: FeeConfig) -> None:
    """`InvalidInput` that names the first value that cannot be."""
    if not 1 <= fee.amount <= MAX_AMOUNT:
        raise InvalidInput("fee.amount", f"An amount is from 1 to {MAX_AMOUNT:,} of the currency's smallest unit.")
    if not _CURRENCY.fullmatch(fee.currency):
        raise InvalidInput("fee.currency", "Give a currency by its three capital letters, e.g. `EUR`.")
    ensure_text("fee.description", fee.description, 1, 200)
    if not MIN_PAYMENT_SECONDS <= fee.payment_seconds <= MAX_PAYMENT_SECONDS:
        raise InvalidInput(
            "fee.paymentSeconds", f"`paymentSeconds` is from {MIN_PAYMENT_SECONDS} to {MAX_PAYMENT_SECONDS:,}."
        )


def ensure_return_url(url: str, origins: Iterable[str]) -> str:
    """`InvalidInput` unless it leads to a front-end of the queue or of the installation.

    Anywhere else, and the payment page would send people to a stranger's.
    """
    refusal = InvalidInput(
        "returnUrl", "Give an address of at most 1,000 characters at one of the queue's `siteOrigins` or of ours."
    )
    if len(url) > 1000 or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        raise refusal
    try:
        mine = _origin(url)
    except ValueError:
        raise refusal from None
    if mine is None or mine not in {_origin(each) for each in origins}:
        raise refusal
    return url


def visit_of(session: Session, queue_name: str) -> dict[str, str]:
    """What can be written down about a visit, by name; nothing that has not happened."""
    waited_until = session.called_at or session.ended_at
    served = session.completed_at
    found = {
        "status": session.status.value,
        "queue": queue_name,
        "ticketNumber": session.ticket_number,
        "joinedAt": session.joined_at.isoformat(),
        "calledAt": session.called_at.isoformat() if session.called_at else None,
        "servedAt": served.isoformat() if served else None,
        "waitSeconds": _seconds(session.joined_at, waited_until),
        "serviceSeconds": _seconds(session.started_at, served),
    }
    return {name: value for name, value in found.items() if value is not None}


def _seconds(begin: datetime | None, end: datetime | None) -> str | None:
    return None if begin is None or end is None else str(round((end - begin).total_seconds()))


def _origin(url: str) -> tuple[str, str, int] | None:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
