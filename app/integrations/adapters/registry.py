"""Every system that can be chosen, by name: those of the product, and those plug-ins add at start-up."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.integrations.adapters.hubspot import HubSpot
from app.integrations.adapters.interface import Adapter, Crm, Payments
from app.integrations.adapters.rest import RestCrm
from app.integrations.adapters.stripe import Stripe

AnyAdapter = Adapter[Any, Any]

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")

_adapters: dict[str, type[AnyAdapter]] = {each.name: each for each in (HubSpot, RestCrm, Stripe)}

ADAPTERS: Mapping[str, type[AnyAdapter]] = MappingProxyType(_adapters)


class NotRegistrable(ValueError):
    """A plug-in's adapter cannot be used; the text says why."""


def register(adapter: type[AnyAdapter]) -> None:
    """Let tenants choose one more. Raises `NotRegistrable`."""
    if not issubclass(adapter, Crm | Payments):
        raise NotRegistrable(f"{adapter.__name__} is neither a Crm nor a Payments")
    name = getattr(adapter, "name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NotRegistrable(f"{adapter.__name__}.name has to be 1 to 40 of A-Z, 0-9 and _, a letter first")
    if left := getattr(adapter, "__abstractmethods__", None):
        raise NotRegistrable(f"{adapter.__name__} does not define {', '.join(sorted(left))}")
    for needed in ("title", "Options", "Credentials"):
        if not hasattr(adapter, needed):
            raise NotRegistrable(f"{adapter.__name__}.{needed} is missing")
    if _adapters.get(name, adapter) is not adapter:
        raise NotRegistrable(f"there is an integration called {name} already")
    _adapters[name] = adapter
