"""Who carries messages for tenants that have no provider of their own: what the installation's settings say."""

from collections.abc import Callable, Mapping
from typing import Any

from app.notifications.channels.interface import Provider, Surroundings
from app.notifications.models import NotificationChannel
from app.settings import Settings

Build = Callable[[Settings, Surroundings], Provider[Any, Any] | None]

BUILDERS: Mapping[NotificationChannel, Build] = {}
"""By channel; None where the setting is not set."""


def provider_of_installation(
    settings: Settings, channel: NotificationChannel, around: Surroundings
) -> Provider[Any, Any] | None:
    """The installation's provider for a channel, if it has one."""
    build = BUILDERS.get(channel)
    return None if build is None else build(settings, around)
