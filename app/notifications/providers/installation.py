"""Who carries messages for tenants that have no provider of their own: what the installation's settings say."""

from typing import Any
from uuid import UUID

from app.notifications.channels.in_app import InApp
from app.notifications.channels.installation import installed
from app.notifications.channels.interface import Provider, Surroundings
from app.notifications.channels.interface import Settings as Nothing
from app.notifications.devices.keys import web_push
from app.notifications.models import NotificationChannel
from app.settings import Settings


def provider_of_installation(
    settings: Settings, channel: NotificationChannel, around: Surroundings, tenant_id: UUID
) -> Provider[Any, Any] | None:
    """The installation's provider for a channel, if it has one. Its networks are the operator's affair."""
    if channel is NotificationChannel.IN_APP:
        return InApp(Nothing(), Nothing(), around)
    if channel is NotificationChannel.PUSH:
        return web_push(settings, tenant_id)
    return installed(settings, channel)
