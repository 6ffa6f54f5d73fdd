"""Inputs of the mutations of the providers of messages."""

from typing import Any, cast

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app.notifications.graphql.types import NotificationChannel
from app.notifications.providers.service import MessageProviderChanges, NewMessageProvider
from app.notifications.providers.values import MAX_RATE, MAX_TRY_ORDER

_NAME = "What staff call it, 1 to 80 characters; unique in the business."
_OPTIONS = "How it is configured: an object as `messageProviderKinds` describes it, at most 8 KB as JSON."
_CREDENTIALS = (
    "What we sign in there with: an object as `messageProviderKinds` describes it, at most 8 KB as JSON. Kept sealed, "
    "and shown to nobody again."
)
_CHANNELS = "What it is used for, one channel at least."
_ORDER = (
    f"Of those that carry a channel the one with the lowest is tried first, 0 to {MAX_TRY_ORDER:,}; the next one takes "
    "over at once when it fails."
)
_RATE = f"How many messages a minute it is given at most, 1 to {MAX_RATE:,}; null for as many as there are."
_DOUBT = (
    "Whether a message is sent again that may have been taken, because the connection was lost meanwhile: rather twice "
    "than not at all. If not, it counts as failed. Those who can be told twice without harm are told twice in any case."
)


@strawberry.input(description="Somebody new to carry the business's messages.")
class MessageProviderCreateInput:
    kind: str = strawberry.field(description="Who it is, as in `messageProviderKinds`; stays as it is.")
    name: str = strawberry.field(description=_NAME)
    options: JSON = strawberry.field(description=_OPTIONS)
    credentials: JSON = strawberry.field(description=_CREDENTIALS)
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description=f"{_CHANNELS} Default: all it carries."
    )
    try_order: int = strawberry.field(default=100, description=f"{_ORDER} Default: 100.")
    enabled: bool = strawberry.field(default=True, description="Whether it is given messages. Default: yes.")
    rate_per_minute: int | None = strawberry.field(default=None, description=f"{_RATE} Default: null.")
    resend_when_in_doubt: bool = strawberry.field(default=True, description=f"{_DOUBT} Default: yes.")

    def provider(self) -> NewMessageProvider:
        """What the service takes."""
        return NewMessageProvider(
            kind=self.kind,
            name=self.name,
            options=self.options,
            credentials=self.credentials,
            channels=self.channels,
            try_order=self.try_order,
            enabled=self.enabled,
            rate_per_minute=self.rate_per_minute,
            resend_when_in_doubt=self.resend_when_in_doubt,
        )


@strawberry.input(description="What to change of a provider, from the next message on; what is left out stays.")
class MessageProviderUpdateInput:
    message_provider_id: strawberry.ID = strawberry.field(description="The provider.")
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    options: JSON | None = strawberry.field(
        default=UNSET,
        description=(
            f"{_OPTIONS} Instead of all there are. Other options could send the credentials that are kept elsewhere, "
            "so `credentials` are given again with them."
        ),
    )
    credentials: JSON | None = strawberry.field(
        default=UNSET, description=f"{_CREDENTIALS} Instead of all that are kept."
    )
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_CHANNELS
    )
    try_order: int | None = strawberry.field(default=UNSET, description=_ORDER)
    enabled: bool | None = strawberry.field(default=UNSET, description="Whether it is given messages.")
    rate_per_minute: int | None = strawberry.field(default=UNSET, description=_RATE)
    resend_when_in_doubt: bool | None = strawberry.field(default=UNSET, description=_DOUBT)

    def changes(self) -> MessageProviderChanges:
        """What the service takes: null changes something only where it means something."""
        changes: Any = {}
        for name in MessageProviderChanges.__annotations__:
            value = getattr(self, name)
            if value is not UNSET and (value is not None or name == "rate_per_minute"):
                changes[name] = value
        return cast(MessageProviderChanges, changes)


@strawberry.input(description="Whom to give no more messages.")
class MessageProviderDeleteInput:
    message_provider_id: strawberry.ID = strawberry.field(description="The provider.")


@strawberry.input(description="Through whom to send a test, and where to.")
class MessageProviderTestInput:
    message_provider_id: strawberry.ID = strawberry.field(description="The provider; it may be switched off.")
    channel: NotificationChannel | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="By which of its channels. Default: the first one."
    )
    to: str | None = strawberry.field(
        default=None,
        description=(
            "EMAIL: an e-mail address. SMS and WHATSAPP: a phone number, e.g. `+49 30 901820`. PUSH: what a device has "
            "registered with. CHAT: leave it out."
        ),
    )
