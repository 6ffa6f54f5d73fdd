"""What a provider's configuration may be, as functions of plain values. Reads and writes nothing, asks nobody."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from app.core.errors import InvalidInput
from app.core.outbound.ranges import Network
from app.identity.models import Role
from app.identity.providers.claims import RoleRule
from app.identity.providers.models import IdentityProvider, ProviderKind

MAX_DIRECTORIES = 20
MAX_SCOPES = 20
MAX_ROLE_RULES = 100
MAX_RETURN_ORIGINS = 20

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,300}")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def slug(value: str) -> str:
    """A slug fit for addresses. `InvalidInput` otherwise."""
    if not _SLUG.fullmatch(value):
        raise InvalidInput("slug", "A slug is 1 to 40 of a-z, 0-9 and -, and starts and ends with a letter or digit.")
    return value


def name(value: str) -> str:
    """What stands on the button, without space around it. `InvalidInput` otherwise."""
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= 80 or _CONTROL.search(trimmed):
        raise InvalidInput("name", "`name` needs 1 to 80 characters, on one line.")
    return trimmed


def client_id(value: str | None) -> str | None:
    """What a provider calls us. `InvalidInput` for what no provider gives out."""
    if value is not None and not _PRINTABLE.fullmatch(value):
        raise InvalidInput("clientId", "`clientId` is 1 to 300 printable ASCII characters, as the provider shows it.")
    return value


def client_secret(value: str | None) -> str | None:
    """What we show a provider. `InvalidInput`, without the value, for what no provider gives out."""
    if value is not None and not _PRINTABLE.fullmatch(value):
        raise InvalidInput(
            "clientSecret", "`clientSecret` is 1 to 300 printable ASCII characters, as the provider shows it."
        )
    return value


def issuer(value: str | None, allowed: Sequence[Network]) -> str | None:
    """An issuer of OpenID Connect, letter by letter as it calls itself. `InvalidInput` otherwise."""
    if value is not None and (len(value) > 300 or not is_askable(value, allowed) or "?" in value):
        raise InvalidInput(
            "issuer",
            "Give the issuer's address as its discovery document has it, e.g. `https://login.example.com/realms/shop`. "
            "It starts with https://; http:// only as an IP address in a network that the installation allows.",
        )
    return value


def is_askable(url: object, allowed: Sequence[Network]) -> bool:
    """Whether an address may be asked, or a browser sent there: with TLS, or inside a network allowed by name."""
    if not isinstance(url, str) or len(url) > 2_000 or not url.isascii() or re.search(r"[\s\\#<>\"]", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    if parts.scheme == "https":
        return True
    try:
        # Its own words for where it is: a name could be anybody's by the time it is asked.
        return parts.scheme == "http" and any(ip_address(host) in each for each in allowed)
    except ValueError:
        return False


def directories(values: Iterable[str]) -> list[str]:
    """Microsoft's directories, by GUID, sorted. `InvalidInput` otherwise."""
    wanted = sorted({value.strip().lower() for value in values})
    if len(wanted) > MAX_DIRECTORIES or not all(_GUID.fullmatch(each) for each in wanted):
        raise InvalidInput(
            "directories", f"Give at most {MAX_DIRECTORIES} directory (tenant) ids, each a GUID as Entra shows it."
        )
    return wanted


def scopes(values: Iterable[str]) -> list[str]:
    """What is asked for besides who it is. `InvalidInput` otherwise."""
    wanted = sorted(set(values) - {"openid"})
    if len(wanted) > MAX_SCOPES or not all(_SCOPE.fullmatch(each) for each in wanted):
        raise InvalidInput("scopes", f"Give at most {MAX_SCOPES} scopes of OAuth, such as `groups`.")
    return wanted


def return_origins(values: Iterable[str]) -> list[str]:
    """Front-ends that may be gone back to. `InvalidInput` otherwise."""
    found = {value: origin_of(value) for value in values}
    if len(found) > MAX_RETURN_ORIGINS or any(value != origin for value, origin in found.items()):
        raise InvalidInput(
            "returnOrigins",
            f"Give at most {MAX_RETURN_ORIGINS} origins in lower case, without a path: `https://shop.example.com`.",
        )
    return sorted(found)


def origin_of(url: str) -> str | None:
    """The origin of an address a browser may be sent back to; None if it is none."""
    if len(url) > 1_000 or not url.isascii() or re.search(r"[\s\\<>\"\x00-\x1f\x7f]", url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    host = f"[{host}]" if ":" in host else host
    if parts.scheme not in ("https", "http") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in (None, default) else f":{port}")


def role_rules(rules: Sequence[RoleRule]) -> list[dict[str, Any]]:
    """The rules as they are stored. `InvalidInput` otherwise."""
    if len(rules) > MAX_ROLE_RULES:
        raise InvalidInput("roleRules", f"There are at most {MAX_ROLE_RULES} rules.")
    for place, rule in enumerate(rules):
        if not all(1 <= len(text) <= 200 and "\x00" not in text for text in (rule.claim, rule.value)):
            raise InvalidInput(f"roleRules.{place}", "A rule's `claim` and `value` need 1 to 200 characters each.")
        if (rule.role is None) == (rule.custom_role_id is None):
            raise InvalidInput(f"roleRules.{place}", "A rule gives one: `role` or `customRoleId`.")
        if rule.role is Role.SUPER_ADMIN:
            raise InvalidInput(f"roleRules.{place}", "Nobody becomes the installation's operator by a rule.")
    return [
        {
            "claim": rule.claim,
            "value": rule.value,
            "role": None if rule.role is None else rule.role.value,
            "custom_role_id": None if rule.custom_role_id is None else str(rule.custom_role_id),
        }
        for rule in rules
    ]


def role_rules_in(provider: IdentityProvider) -> list[RoleRule]:
    """A row's rules, typed."""
    return [
        RoleRule(
            stored["claim"],
            stored["value"],
            None if stored["role"] is None else Role(stored["role"]),
            None if stored["custom_role_id"] is None else UUID(stored["custom_role_id"]),
        )
        for stored in provider.role_rules
    ]


def ensure_whole(provider: IdentityProvider) -> None:
    """`InvalidInput` unless the parts of a configuration fit together."""
    kind = provider.kind
    if (provider.issuer is not None) != (kind is ProviderKind.OIDC):
        raise InvalidInput("issuer", "`issuer` is given for OIDC, and for nobody else: where the others are is known.")
    if kind is ProviderKind.OIDC and provider.client_id is None:
        raise InvalidInput("clientId", "Give the client id that the provider has given this tenant.")
    if provider.client_id is None and provider.secret_sealed is not None:
        raise InvalidInput("clientSecret", "A secret belongs to a client: give `clientId` with it, or neither.")
    if provider.directories and kind is not ProviderKind.MICROSOFT:
        raise InvalidInput("directories", "Directories are Microsoft's: leave them out.")
    if provider.role_rules and kind is ProviderKind.FACEBOOK:
        raise InvalidInput("roleRules", "Facebook says nothing roles could follow from: leave the rules out.")
    if provider.roles_follow and not provider.role_rules:
        raise InvalidInput("rolesFollow", "Roles can follow rules only: give `roleRules`.")
    if provider.default_role is Role.SUPER_ADMIN:
        raise InvalidInput("defaultRole", "Nobody becomes the installation's operator by default.")
    if is_open_to_everybody(provider) and provider.default_role not in (None, Role.CUSTOMER):
        raise InvalidInput(
            "defaultRole",
            "Anybody in the world has an account there: `CUSTOMER` or null. Give `roleRules`, or `directories`.",
        )
    if provider.email_trusted and kind is ProviderKind.MICROSOFT and not provider.directories:
        raise InvalidInput(
            "emailTrusted", "Any directory in the world could name any address: list the `directories` you trust."
        )


def is_open_to_everybody(provider: IdentityProvider) -> bool:
    """Whether anybody can have an account there."""
    if provider.kind is ProviderKind.MICROSOFT:
        return not provider.directories
    return provider.kind is not ProviderKind.OIDC
