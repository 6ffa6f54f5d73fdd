"""What a provider's configuration may be, as functions of plain values. Reads and writes nothing, asks nobody."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from app.core.errors import InvalidInput
from app.core.texts import ensure_json
from app.notifications.channels.interface import Provider
from app.notifications.channels.interface import Settings as Given
from app.notifications.channels.registry import PROVIDERS
from app.notifications.models import NotificationChannel

MAX_NAME = 80
MAX_BYTES = 8_192
MAX_TRY_ORDER = 1_000
MAX_RATE = 60_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def kind(value: str) -> type[Provider[Any, Any]]:
    """The provider that is called so. `InvalidInput` otherwise."""
    found = PROVIDERS.get(value)
    if found is None:
        raise InvalidInput("kind", f"There is no such provider: give one of {', '.join(sorted(PROVIDERS))}.")
    return found


def name(value: str) -> str:
    """What staff call it, without space around it. `InvalidInput` otherwise."""
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= MAX_NAME or _CONTROL.search(trimmed):
        raise InvalidInput("name", f"`name` needs 1 to {MAX_NAME} characters, on one line.")
    return trimmed


def channels(of: type[Provider[Any, Any]], wanted: Sequence[NotificationChannel] | None) -> list[str]:
    """The channels it is used for, all that it carries if none are named. `InvalidInput` for others."""
    chosen = of.channels if wanted is None else frozenset(wanted)
    if not chosen or not chosen <= of.channels:
        raise InvalidInput(
            "channels", f"{of.name} carries {', '.join(sorted(of.channels))}: give one of these at least, or nothing."
        )
    return sorted(each.value for each in chosen)


def try_order(value: int) -> int:
    """Where it stands in the order in which providers are tried. `InvalidInput` otherwise."""
    if not 0 <= value <= MAX_TRY_ORDER:
        raise InvalidInput("tryOrder", f"`tryOrder` is 0 to {MAX_TRY_ORDER:,}.")
    return value


def rate_per_minute(value: int | None) -> int | None:
    """How many messages a minute it is given. `InvalidInput` otherwise."""
    if value is not None and not 1 <= value <= MAX_RATE:
        raise InvalidInput("ratePerMinute", f"`ratePerMinute` is 1 to {MAX_RATE:,}, or null for as many as there are.")
    return value


def options(of: type[Provider[Any, Any]], value: Any) -> dict[str, Any]:
    """A provider's options as they are stored: as they were given. `InvalidInput` otherwise."""
    return _checked("options", of.Options, value)


def credentials(of: type[Provider[Any, Any]], value: Any) -> dict[str, Any]:
    """A provider's credentials as they are sealed: as they were given. `InvalidInput`, without values, otherwise."""
    return _checked("credentials", of.Credentials, value)


def _checked(field: str, model: type[Given], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(field, f"`{field}` is a JSON object; `messageProviderKinds` says what stands in it.")
    ensure_json(field, value, MAX_BYTES)
    try:
        model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as problem:
        # The first is enough to go on with. What was given is not repeated: it may be a secret.
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join([field, *(str(part)[:60] for part in first["loc"])])
        raise InvalidInput(path, f"`{path}`: {first['msg'][:300]}.") from None
    return value
