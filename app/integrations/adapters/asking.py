"""One request to another system: five seconds, a bounded answer, a checked address. Tries once, and keeps nothing."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from app.core.outbound import Network, NoAnswer, send
from app.integrations.adapters.interface import TIMEOUT_SECONDS, AdapterFailed

_BODY_BYTES = 512 * 1024
_LONGEST_AFTER = timedelta(hours=1)
_REASONS = {
    400: "It did not understand the request (400): check the options.",
    401: "It does not accept the credentials (401).",
    403: "The credentials do not allow this there (403).",
    404: "There is no such thing there (404): check the base address.",
    409: "It refused, because something else is going on with it there (409).",
    422: "It did not accept the values (422): check the options.",
}


async def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    allowed: Sequence[Network] = (),
    missing_is_none: bool = False,
) -> Any:
    """The JSON of an answer in the 200s, None if it is empty. Raises `AdapterFailed` for all else.

    `missing_is_none`: 404 is an answer as well, and is None. What is said in a refusal is not passed on: it may be
    about a person.
    """
    try:
        answer = await send(
            method,
            url,
            {"Accept": "application/json", **headers},
            body,
            timeout_seconds=TIMEOUT_SECONDS,
            body_bytes=_BODY_BYTES,
            allowed=allowed,
        )
    except NoAnswer as problem:
        raise AdapterFailed(problem.reason) from None
    if answer.status == 404 and missing_is_none:
        return None
    if answer.status == 429 or answer.status >= 500:
        after = _retry_after(answer.headers.get("retry-after", ""))
        raise AdapterFailed(f"It is busy or out of order ({answer.status}).", after=after)
    if not 200 <= answer.status < 300:
        reason = _REASONS.get(answer.status, f"It refused ({answer.status}).")
        raise AdapterFailed(reason, is_refusal=True)
    if not answer.body:
        return None
    if len(answer.body) >= _BODY_BYTES:
        raise AdapterFailed("Its answer is too long.", is_refusal=True)
    try:
        return orjson.loads(answer.body)
    except ValueError:
        raise AdapterFailed("Its answer is no JSON.", is_refusal=True) from None


def _retry_after(text: str) -> timedelta | None:
    if not text.isascii() or not text.isdigit():
        return None
    return min(timedelta(seconds=int(text[:9])), _LONGEST_AFTER)


def strange(what: str) -> AdapterFailed:
    """An answer that is not what was asked for."""
    return AdapterFailed(f"Its answer has no usable {what}.", is_refusal=True)
