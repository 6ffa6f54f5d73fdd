"""Asking a provider over HTTP, and what its answer means in general. What is special about one is in its own file.

Everything goes through `core/outbound`: no internal address is asked unless the installation allows it, no redirect is
followed, time and size are bounded.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from app.core.outbound import Answer, NoAnswer, send
from app.notifications.channels.interface import InDoubt, Refused, Settings, Surroundings, TryLater

_MOST_BYTES = 65_536
LONGEST_WAIT = timedelta(hours=1)
"""What a provider wants to be left alone for is believed up to here."""

# Wrong credentials, a wrong address of theirs: put right by somebody, and no fault of the message.
_OURS = frozenset({401, 403, 404, 405, 407})
# Too early or too much: put right by time.
_FOR_NOW = frozenset({408, 409, 423, 425, 429})


def _base(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("is no address; it starts with https://")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base), Field(max_length=500)]
"""Where a provider is asked, without a trailing slash."""


class HttpOptions(Settings):
    """What can be chosen of every provider that is asked over HTTP."""

    timeout_seconds: float = Field(
        default=15.0, ge=0.1, le=25, description="How long an answer is waited for, in seconds."
    )


async def ask(
    around: Surroundings,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_seconds: float,
    method: str = "POST",
) -> Answer | TryLater | InDoubt:
    """A provider's answer; or why there is none, and whether it may have taken the message all the same."""
    try:
        return await send(
            method,
            url,
            headers,
            body,
            timeout_seconds=timeout_seconds,
            body_bytes=_MOST_BYTES,
            allowed=around.allowed,
        )
    except NoAnswer as problem:
        if problem.may_have_arrived:
            return InDoubt(problem.reason)
        return TryLater(problem.reason)


def refusal(
    answer: Answer, words: str, *private: str, who: str = "The provider", is_gone: bool = False
) -> TryLater | Refused:
    """What an answer other than 2xx means: for now, until somebody puts it right, or for good.

    `words` are the provider's, `private` what must not be seen in them.
    """
    reason = masked(f"{who} answered {answer.status} {words}".strip(), *private)
    after = retry_after(answer)
    if answer.status in _OURS and not is_gone:
        return TryLater(reason, after, is_ours=True)
    if 400 <= answer.status < 500 and answer.status not in _FOR_NOW:
        return Refused(reason, is_gone=is_gone)
    return TryLater(reason, after)


def retry_after(answer: Answer) -> timedelta | None:
    """The header's wish, in seconds or as a time, at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, OverflowError):  # some years are too large for it
            return None
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=max(0.0, min(seconds, LONGEST_WAIT.total_seconds())))


def masked(reason: str, *private: str) -> str:
    """A sentence of others, in one line and not too long, without what they repeat of ours."""
    for each in private:
        # The longest first, so that nothing is left of it.
        for spelling in sorted({each, each.lower(), each.lstrip("+")} - {""}, key=len, reverse=True):
            reason = reason.replace(spelling, "…")
    return " ".join(reason.split())[:300]


def read_json(answer: Answer, pick: Callable[[Any], str | None]) -> str | None:
    """A text out of an answer in JSON; None if it is none, or has another form."""
    try:
        found = pick(orjson.loads(answer.body))
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return found if isinstance(found, str) else None
