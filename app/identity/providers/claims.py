"""Who somebody is by what their provider says: address, name, role. Pure; whether to believe the provider is not asked.

An address counts as the person's own only where the provider says so in a way that means it. Whoever can have any
address written into a token must not become its owner here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core.errors import InvalidInput
from app.identity import rules
from app.identity.models import Role
from app.identity.providers.models import ProviderKind

Claims = Mapping[str, Any]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a provider vouches for. `claims` is all it has said."""

    subject: str
    email: str | None
    email_verified: bool
    first_name: str | None
    last_name: str | None
    claims: Claims


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Whoever's claim is, or holds, this value has this role: one of the system's, or one of the tenant's own."""

    claim: str
    value: str
    role: Role | None = None
    custom_role_id: UUID | None = None


def person_of(kind: ProviderKind, claims: Claims, *, email_trusted: bool) -> Person | None:
    """The person, or None where the provider does not even say who."""
    subject = claims.get("id" if kind is ProviderKind.FACEBOOK else "sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        return None
    email = _email(claims)
    first, last = ("first_name", "last_name") if kind is ProviderKind.FACEBOOK else ("given_name", "family_name")
    return Person(
        subject=subject,
        email=email,
        email_verified=email is not None and _is_verified(kind, email, claims, email_trusted),
        first_name=_name(claims.get(first)),
        last_name=_name(claims.get(last)),
        claims=claims,
    )


def role_rule_for(role_rules: Sequence[RoleRule], claims: Claims) -> RoleRule | None:
    """The first rule that fits."""
    return next((rule for rule in role_rules if rule.value in values_of(claims, rule.claim)), None)


def values_of(claims: Claims, name: str) -> list[str]:
    """What a claim says, as texts; `realm_access.roles` is also looked for inside, where none is named so."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return [_text(each) for each in (value if isinstance(value, list) else [value]) if isinstance(each, str | int)]


def _is_verified(kind: ProviderKind, email: str, claims: Claims, trusted: bool) -> bool:
    said = claims.get("email_verified")
    if said is not None and not _is_true(said):
        # Trusted or not: here it says itself that it does not know.
        return False
    match kind:
        case ProviderKind.GOOGLE:
            # Of other addresses Google knows that somebody had them once.
            at_home = email.endswith("@gmail.com") or isinstance(claims.get("hd"), str)
            return _is_true(said) and (at_home or trusted)
        case ProviderKind.MICROSOFT:
            # `email` is what an administrator of any directory in the world has typed, unless this says otherwise.
            return _is_true(claims.get("xms_edov")) or trusted
        case ProviderKind.FACEBOOK:
            return trusted
        case ProviderKind.OIDC:
            return _is_true(said) or trusted


def _is_true(value: object) -> bool:
    # Booleans come as texts and numbers, too.
    return value is True or value == "true" or (value in (1, "1") and value is not False)


def _text(value: str | int) -> str:
    # As JSON has it.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _email(claims: Claims) -> str | None:
    value = claims.get("email")
    if not isinstance(value, str):
        return None
    try:
        return rules.email(value)
    except InvalidInput:
        return None


def _name(value: object) -> str | None:
    """What can be a name of it; who signs in need not fail for a name."""
    if not isinstance(value, str):
        return None
    return _CONTROL.sub(" ", value).strip()[:100].strip() or None
