"""What can be done with the providers of messages: create, update, delete, and say who carries a message.

Nothing is sent here. Credentials are sealed, and shown to nobody again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.events import Event, record
from app.core.ids import encode, new_id
from app.core.outbound import network
from app.notifications.channels.interface import Provider, Surroundings
from app.notifications.channels.registry import PROVIDERS
from app.notifications.channels.webpush import WebPush
from app.notifications.models import NotificationChannel
from app.notifications.providers import events, repository, values
from app.notifications.providers.errors import CredentialsRequired, MessageProviderNameTaken, ProviderNotInstalled
from app.notifications.providers.events import MESSAGE_PROVIDER
from app.notifications.providers.installation import provider_of_installation
from app.notifications.providers.models import MessageProvider, installation_id
from app.notifications.providers.rules import Health
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.errors import LimitReached

logger = logging.getLogger(__name__)

MAX_PROVIDERS = 20
CALLBACKS_PATH = "/callbacks"
_CHANNEL_NUMBERS = {channel: number for number, channel in enumerate(NotificationChannel)}


@dataclass(frozen=True, slots=True)
class Usable:
    """Somebody who can be given messages. `provider_id` is None for the installation's own, `name` its kind.

    `key`, `rate_per_minute` and `health` are the gate's.
    """

    provider_id: UUID | None
    name: str
    provider: Provider[Any, Any]
    resend_when_in_doubt: bool
    key: UUID
    rate_per_minute: int | None
    health: Health


@dataclass(frozen=True, slots=True)
class NewMessageProvider:
    """A provider as it is asked for; `options` and `credentials` as JSON."""

    kind: str
    name: str
    options: Any
    credentials: Any
    channels: Sequence[NotificationChannel] | None = None
    try_order: int = 100
    enabled: bool = True
    rate_per_minute: int | None = None
    resend_when_in_doubt: bool = True


class MessageProviderChanges(TypedDict, total=False):
    """What is to be different. The kind stays."""

    name: str
    options: Any
    credentials: Any
    channels: Sequence[NotificationChannel]
    try_order: int
    enabled: bool
    rate_per_minute: int | None
    resend_when_in_doubt: bool


async def providers_for(tx: ReadTx, settings: Settings, channel: NotificationChannel) -> Sequence[Usable]:
    """Who carries messages of a channel, in the order in which they are tried; nobody if there is nobody.

    The tenant's own that are switched on; where there are none, the installation's. Who has an account for apps still
    has browsers, which need none.
    """
    rows = await repository.enabled_for(tx, channel)
    key = installation_id(_CHANNEL_NUMBERS[channel])
    health_of = await repository.health_of(tx, [key, *(row.id for row in rows)])
    found = []
    for row in rows:
        try:
            found.append(usable(row, settings, health_of[row.id]))
        except ProviderNotInstalled:
            logger.warning("A provider of messages is not installed.", extra={"provider_id": row.id, "kind": row.kind})
    if not rows or (channel is NotificationChannel.PUSH and all(row.kind != WebPush.name for row in rows)):
        provider = provider_of_installation(settings, channel, Surroundings(_allowed(settings)), tx.tenant)
        if provider is not None:
            # Without a row nobody has said that in doubt nothing is sent again.
            found.append(Usable(None, provider.name, provider, True, key, None, health_of[key]))
    return found


def usable(row: MessageProvider, settings: Settings, health: Health) -> Usable:
    """A tenant's provider, ready to be given messages. Raises `ProviderNotInstalled`."""
    return Usable(
        provider_id=row.id,
        name=row.kind,
        provider=built(row, settings),
        resend_when_in_doubt=row.resend_when_in_doubt,
        key=row.id,
        rate_per_minute=row.rate_per_minute,
        health=health,
    )


def built(row: MessageProvider, settings: Settings) -> Provider[Any, Any]:
    """The provider a row speaks of. `ProviderNotInstalled` if nothing here can make it."""
    of = PROVIDERS.get(row.kind)
    if of is None:
        raise ProviderNotInstalled(row.kind)
    try:
        options = of.Options.model_validate(row.options)
        credentials = of.Credentials.model_validate(row.credentials or {})
    except ValidationError:
        # A plug-in of another release wants something else.
        raise ProviderNotInstalled(row.kind) from None
    return of(options, credentials, Surroundings(_allowed(settings), callback_url(row, settings)))


def callback_url(row: MessageProvider, settings: Settings) -> str | None:
    """Where it is to report to; None if it does not, or if the installation has no public address."""
    of = PROVIDERS.get(row.kind)
    if settings.public_url is None or of is None or not of.reports:
        return None
    return address_of_callbacks(row, settings)


def address_of_callbacks(row: MessageProvider, settings: Settings) -> str:
    """Where callbacks of this provider come in."""
    return f"{settings.base_url}{CALLBACKS_PATH}/{encode('MessageProvider', row.tenant_id, row.id)}"


async def create(tx: WriteTx, new: NewMessageProvider) -> MessageProvider:
    """Let somebody carry the tenant's messages. Raises `InvalidInput`, `MessageProviderNameTaken`, `LimitReached`."""
    of = values.kind(new.kind)
    now, who = tx.now(), tx.actor.label
    provider = MessageProvider(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=of.name,
        name=values.name(new.name),
        channels=values.channels(of, new.channels),
        options=values.options(of, new.options),
        credentials=values.credentials(of, new.credentials),
        try_order=values.try_order(new.try_order),
        enabled=new.enabled,
        rate_per_minute=values.rate_per_minute(new.rate_per_minute),
        resend_when_in_doubt=new.resend_when_in_doubt,
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    # Of two who create the last one there may be, one is second.
    await tenants.lock(tx, tx.tenant)
    if await repository.count(tx) >= MAX_PROVIDERS:
        raise LimitReached("messageProviders", MAX_PROVIDERS)
    tx.add(provider)
    await _flush(tx, provider)
    _record(tx, provider, events.MessageProviderCreated(provider.kind, provider.name))
    return provider


async def update(tx: WriteTx, provider_id: UUID, changes: MessageProviderChanges) -> MessageProvider:
    """Change some of a provider, from the next message on; nothing is recorded if everything is so already.

    Credentials that are given count as others, and are needed where the options change: else whoever may configure
    could have those that are kept sent to themselves. What is changed is tried at once, however it has been doing.
    Raises what `create` does, `CredentialsRequired`, `ProviderNotInstalled` and `NotFound`.
    """
    provider = await repository.lock(tx, provider_id)
    wanted = _wanted(provider, changes)
    changed = sorted(name for name, value in wanted.items() if getattr(provider, name) != value)
    if "options" in changed and provider.credentials and "credentials" not in changes:
        raise CredentialsRequired
    if "credentials" in changes and "credentials" not in changed:
        changed.append("credentials")
    if not changed:
        return provider
    for name in changed:
        setattr(provider, name, wanted[name])
    provider.revision += 1
    provider.updated_at, provider.updated_by = tx.now(), tx.actor.label
    await _flush(tx, provider)
    await repository.forget_health(tx, provider.id)
    _record(tx, provider, events.MessageProviderUpdated(changed))
    return provider


async def delete(tx: WriteTx, provider_id: UUID) -> None:
    """Give a provider no more messages, and hear nothing of it any more. Raises `NotFound`."""
    provider = await repository.lock(tx, provider_id)
    provider.revision += 1
    _record(tx, provider, events.MessageProviderDeleted(provider.kind, provider.name))
    await repository.delete(tx, provider)


def _wanted(provider: MessageProvider, changes: MessageProviderChanges) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "name" in changes:
        wanted["name"] = values.name(changes["name"])
    if {"options", "credentials", "channels"} & changes.keys():
        of = PROVIDERS.get(provider.kind)
        if of is None:
            raise ProviderNotInstalled(provider.kind)
        if "options" in changes:
            wanted["options"] = values.options(of, changes["options"])
        if "credentials" in changes:
            wanted["credentials"] = values.credentials(of, changes["credentials"])
        if "channels" in changes:
            wanted["channels"] = values.channels(of, changes["channels"])
    if "try_order" in changes:
        wanted["try_order"] = values.try_order(changes["try_order"])
    if "enabled" in changes:
        wanted["enabled"] = changes["enabled"]
    if "rate_per_minute" in changes:
        wanted["rate_per_minute"] = values.rate_per_minute(changes["rate_per_minute"])
    if "resend_when_in_doubt" in changes:
        wanted["resend_when_in_doubt"] = changes["resend_when_in_doubt"]
    return wanted


def _allowed(settings: Settings) -> list[Any]:
    return [network(text) for text in settings.outbound_networks]


def _record(tx: WriteTx, provider: MessageProvider, event: Event) -> None:
    record(tx, MESSAGE_PROVIDER, provider.id, provider.revision, event, tx.now())


async def _flush(tx: WriteTx, provider: MessageProvider) -> None:
    # Of a row whose write has failed nothing can be read.
    name = provider.name
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "message_providers_name_key":
            raise MessageProviderNameTaken(name) from None
        raise
