"""Every provider this installation knows, by the name tenants choose it by. Plug-ins add theirs when a process starts.

Nothing is configured here: what a tenant has chosen stands in its `message_providers`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.notifications.channels.apprise import Apprise
from app.notifications.channels.fcm import Fcm
from app.notifications.channels.interface import Provider
from app.notifications.channels.sendgrid import SendGridProvider
from app.notifications.channels.ses import SesProvider
from app.notifications.channels.slack import Slack
from app.notifications.channels.smtp import SmtpProvider
from app.notifications.channels.sns import SnsProvider
from app.notifications.channels.twilio import TwilioProvider
from app.notifications.channels.webpush import WebPush
from app.notifications.channels.whatsapp import WhatsApp

_BUILT_IN: tuple[type[Provider[Any, Any]], ...] = (
    SmtpProvider,
    SendGridProvider,
    SesProvider,
    TwilioProvider,
    SnsProvider,
    WhatsApp,
    WebPush,
    Fcm,
    Slack,
    Apprise,
)

_known: dict[str, type[Provider[Any, Any]]] = {each.name: each for each in _BUILT_IN}

PROVIDERS: Mapping[str, type[Provider[Any, Any]]] = MappingProxyType(_known)
"""The providers there are."""


def register(provider: type[Provider[Any, Any]]) -> None:
    """Add a provider, before anything is served. `ValueError` if another one is called so, or none can be."""
    if not (1 <= len(provider.name) <= 40 and provider.name.isascii() and provider.name.replace("_", "").isalnum()):
        raise ValueError(f"a provider's name is 1 to 40 letters, digits and _: {provider.name!r}")
    if _known.setdefault(provider.name, provider) is not provider:
        raise ValueError(f"there is a provider {provider.name} already: {_known[provider.name].__module__}")
