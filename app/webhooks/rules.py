"""What is decided about webhooks from plain values: when to try again, when to pause, what may be shown. No SQL.

The schedule is dense at first, so that whoever was away for a minute has everything within half a minute of being back.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from app.core.errors import InvalidInput
from app.core.personal.masks import mask_email

SCHEDULE_SECONDS: Final = (5, 10, 20, 25, 25, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400)
"""How long after a failed try the next one is made, at most; after the last the delivery has failed."""
MAX_TRIES: Final = len(SCHEDULE_SECONDS) + 1

# After so many portions in a row of which nothing arrived, nobody asks the endpoint for so long. Then one is tried.
_PAUSE_SECONDS: Final = (0, 0, 5, 10, 20, 20, 20, 60, 120, 300)
_LONGEST_RETRY_AFTER: Final = timedelta(days=1)
# What failed together does not come back together.
_LEAST_OF_DELAY: Final = 0.8

MAX_URL: Final = 2_000
SHOWN_OF_ANSWER: Final = 2_000
_ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_SECRET_VALUE = re.compile(
    r"""(["']?[\w-]{0,40}(?:password|secret|token|authorization|api[_-]?key|cookie)[\w-]{0,40}["']?\s{0,3}[:=]\s{0,3})"""
    r"""("[^"]{0,2000}"?|'[^']{0,2000}'?|[^\s,;&}\])]{1,2000})""",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{4,2000}|\bwhsec_[\w+/=-]{4,200}|\b(?:vqk|vqr|vql)_\w{4,200}")


def delay_after(tries: int, luck: float) -> timedelta | None:
    """How long until the next try, after so many; None if that was the last. `luck` is from 0 to 1."""
    if tries >= MAX_TRIES:
        return None
    spread = _LEAST_OF_DELAY + (1 - _LEAST_OF_DELAY) * luck
    return timedelta(seconds=SCHEDULE_SECONDS[tries - 1] * spread)


def pause_after(failures: int) -> timedelta:
    """How long an endpoint is left alone of which so many portions in a row have failed."""
    return timedelta(seconds=_PAUSE_SECONDS[min(failures, len(_PAUSE_SECONDS) - 1)])


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta:
    """How long an answer wants to be left alone: a number of seconds or a date; at most a day, 0 if it says nothing."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=int(said[:9])), _LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):  # some years are too large for it
        return timedelta(0)
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), _LONGEST_RETRY_AFTER)


def endpoint_url(text: str) -> str:
    """An address that can be sent to. Whether it leads into an internal network is seen when it is: names change."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        is_good = False
    if not is_good or len(text) > MAX_URL or not text.isascii() or re.search(r"[\s#\\<>\"\x00-\x1f]", text):
        raise InvalidInput(
            "url",
            "`url` needs an `https://` or `http://` address of at most 2,000 letters, without a user name and `#`; "
            "other letters than ASCII percent-encoded.",
        )
    return text


def shown_answer(body: bytes) -> str:
    """The beginning of an answer, without what should be in no log: addresses of people and secrets."""
    text = body[: 2 * SHOWN_OF_ANSWER].decode("utf-8", "replace").replace("\x00", "\ufffd")
    text = _CREDENTIAL.sub("•••", text)
    text = _SECRET_VALUE.sub(r"\1•••", text)
    return _ADDRESS.sub(lambda found: mask_email(found[0]), text)[:SHOWN_OF_ANSWER]
