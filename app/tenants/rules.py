"""What a tenant's name, slug and domain may be, as functions of plain values. Reads and writes nothing."""

import re

from app.core.errors import InvalidInput

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


def slug(value: str) -> str:
    """A slug fit for addresses. `InvalidInput` otherwise."""
    if not _SLUG.fullmatch(value):
        raise InvalidInput("slug", "A slug is 1 to 63 of a-z, 0-9 and -, and starts and ends with a letter or digit.")
    return value


def slug_to_look_up(value: str) -> str:
    """A slug as it would be stored; one that nobody can have where it is none."""
    return value if _SLUG.fullmatch(value) else ""


def name(value: str) -> str:
    """A name without space around it. `InvalidInput` if nothing is left, or too much."""
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= 120 or _CONTROL.search(trimmed):
        raise InvalidInput("name", "`name` needs 1 to 120 characters, on one line.")
    return trimmed


def domain(value: str | None) -> str | None:
    """A host name in lower case, or None. `InvalidInput` for anything else."""
    if value is None:
        return None
    lowered = value.strip().lower()
    if len(lowered) > 253 or not _DOMAIN.fullmatch(lowered):
        raise InvalidInput("domain", "Give a host name without scheme and path, e.g. `queue.example.com`, or null.")
    return lowered


def domain_of_host(host: str | None) -> str | None:
    """The domain a `Host` header names, as it would be stored; None for addresses and for what is no host name."""
    name = (host or "").rsplit(":", 1)[0].rstrip(".").lower()
    return name if len(name) <= 253 and _DOMAIN.fullmatch(name) else None


def description(value: str | None) -> str | None:
    """At most 2,000 characters. `InvalidInput` otherwise."""
    if value is not None and (len(value) > 2000 or "\x00" in value):
        raise InvalidInput("description", "`description` has at most 2,000 characters.")
    return value
