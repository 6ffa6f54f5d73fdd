"""What a user may look like and who may manage whom, as functions of plain values. Reads and writes nothing."""

import re

import email_validator

from app.core.actor import Actor, ActorKind
from app.core.errors import InvalidInput
from app.identity.errors import RoleNotGrantable
from app.identity.roles.errors import CustomRoleNotGrantable
from app.identity.roles.grants import Grant

# Reserved for a protocol of its own, but what many an intranet is called; the library's way to allow it.
if "local" in email_validator.SPECIAL_USE_DOMAIN_NAMES:
    email_validator.SPECIAL_USE_DOMAIN_NAMES.remove("local")

_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{3,30}")
_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def email(value: str, field: str = "email") -> str:
    """An e-mail address as it is stored: in lower case, in one spelling. `InvalidInput` otherwise."""
    try:
        # Not only what the internet delivers: an intranet's own domains are fine. Nothing is asked over the network.
        found = email_validator.validate_email(
            value.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise InvalidInput(field, "Give an e-mail address, e.g. `name@example.com`.") from None
    normal = found.normalized.lower()
    if len(normal) > 254:
        raise InvalidInput(field, "An e-mail address has at most 254 characters.")
    return normal


def email_to_look_up(value: str) -> str:
    """An e-mail address as it would be stored; one that nobody can have where it is none."""
    try:
        return email(value)
    except InvalidInput:
        return ""


def username(value: str | None) -> str | None:
    """A username, or None. `InvalidInput` otherwise."""
    if value is not None and not _USERNAME.fullmatch(value):
        raise InvalidInput("username", "A username is 1 to 64 letters, digits and . _ - between them.")
    return value


def person_name(field: str, value: str | None) -> str | None:
    """A first or last name without space around it; None for an empty one. `InvalidInput` otherwise."""
    trimmed = (value or "").strip()
    if len(trimmed) > 100 or _CONTROL.search(trimmed):
        raise InvalidInput(field, f"`{field}` has at most 100 characters, on one line.")
    return trimmed or None


def phone(value: str | None) -> str | None:
    """A telephone number as it was written, or None. `InvalidInput` otherwise."""
    if value is None:
        return None
    trimmed = value.strip()
    if not _PHONE.fullmatch(trimmed):
        raise InvalidInput("phone", "Give a telephone number, e.g. `+49 30 901820`.")
    return trimmed


def ensure_may_manage(actor: Actor, grant: Grant) -> None:
    """`RoleNotGrantable` unless the actor may do everything the role allows: nobody gives what they do not have."""
    beyond = grant.permissions - actor.permissions
    if beyond and actor.kind is not ActorKind.SYSTEM:
        raise RoleNotGrantable(grant.role) if grant.custom is None else CustomRoleNotGrantable(grant.role, beyond)
