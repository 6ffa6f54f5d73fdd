"""The types of the providers of messages: what can be chosen, what a tenant has chosen, and how it is doing."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.notifications.channels.interface import Accepted, Outcome, Provider
from app.notifications.channels.registry import PROVIDERS
from app.notifications.graphql.types import NotificationChannel
from app.notifications.models import NotificationChannel as Channel
from app.notifications.providers import models, rules, service
from app.notifications.providers.testing import TestOutcome, outcome_of

MessageProviderState = explained_enum(
    rules.ProviderState,
    "Whether a provider is given messages.",
    called="MessageProviderState",
    WORKING="It is.",
    PAUSED="It has failed several times, or asks to be left alone: the next provider is tried, or messages wait.",
    TRYING="The pause is over: the next message is a trial, and the others follow once it has come through.",
)
MessageProviderTestOutcome = explained_enum(
    TestOutcome,
    "What a provider answered to a test.",
    called="MessageProviderTestOutcome",
    ACCEPTED="It has taken the message.",
    TRY_LATER="It does not take it at present: too fast, out of order, wrong credentials.",
    REFUSED="It will never take it.",
    IN_DOUBT="The connection was lost while the message was handed over: it may have been taken.",
)


@strawberry.type(description="Somebody this installation can give messages to, and what that takes.")
class MessageProviderKind:
    kind: str = strawberry.field(description="What it is chosen by, e.g. `TWILIO`.")
    title: str = strawberry.field(description="Its name for people.")
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="What it carries."
    )
    options_schema: JSON = strawberry.field(description="A JSON Schema of `options`, for forms.")
    credentials_schema: JSON = strawberry.field(description="A JSON Schema of `credentials`, for forms.")
    reports: bool = strawberry.field(description="Whether it reports what becomes of messages, to `callbackUrl`.")
    repeats_safely: bool = strawberry.field(
        description="Whether a message that is sent twice arrives once, so that in doubt it is always sent again."
    )

    @classmethod
    def of(cls, provider: type[Provider[Any, Any]]) -> "MessageProviderKind":
        """From its class."""
        return cls(
            kind=provider.name,
            title=provider.title,
            channels=sorted(provider.channels),
            options_schema=JSON(provider.Options.model_json_schema()),
            credentials_schema=JSON(provider.Credentials.model_json_schema()),
            reports=provider.reports,
            repeats_safely=provider.repeats_safely,
        )


@strawberry.type(description="How a provider is doing.")
class MessageProviderHealth:
    state: MessageProviderState = strawberry.field(  # type: ignore[valid-type]
        description="Whether it is given messages."
    )
    failures: int = strawberry.field(description="How often it has failed in a row.")
    paused_until: datetime | None = strawberry.field(
        description="Until when it is left alone; null while it works, past while it is tried."
    )
    last_error: str | None = strawberry.field(description="Why it failed last, at most 300 characters; null if never.")
    last_error_at: datetime | None = strawberry.field(description="When it failed last; null if never.")


@strawberry.type(description="Somebody who carries the business's messages, with an account of the business's own.")
class MessageProvider(Node):
    row: strawberry.Private[models.MessageProvider]
    kind: str = strawberry.field(description="Who it is, as in `messageProviderKinds`.")
    name: str = strawberry.field(description="What staff call it, at most 80 characters.")
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="What it is used for."
    )
    options: JSON = strawberry.field(description="How it is configured, as it was given.")
    credential_names: list[str] = strawberry.field(
        description="Which credentials are kept, by name. Nobody is shown their values again."
    )
    try_order: int = strawberry.field(description="Of those that carry a channel the one with the lowest goes first.")
    enabled: bool = strawberry.field(description="Whether it is given messages.")
    rate_per_minute: int | None = strawberry.field(
        description="How many messages a minute it is given at most; null for as many as there are."
    )
    resend_when_in_doubt: bool = strawberry.field(
        description="Whether a message that may have been taken is sent again: rather twice than not at all."
    )
    is_installed: bool = strawberry.field(
        description="Whether this installation still has this kind; if not, it is passed over."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change and every test.")

    @classmethod
    def of(cls, row: models.MessageProvider) -> "MessageProvider":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            name=row.name,
            channels=[Channel(each) for each in row.channels],
            options=JSON(row.options),
            credential_names=sorted(row.credentials or {}),
            try_order=row.try_order,
            enabled=row.enabled,
            rate_per_minute=row.rate_per_minute,
            resend_when_in_doubt=row.resend_when_in_doubt,
            is_installed=row.kind in PROVIDERS,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(
        description=(
            "Where it has to report to, where that is set at the provider's; null if it does not report, or if the "
            "installation has no public address."
        )
    )
    def callback_url(self, info: Info) -> str | None:
        """As the installation is reached."""
        return service.callback_url(self.row, info.context.runtime.settings)

    @strawberry.field(description="How it is doing.")
    async def health(self, info: Info) -> MessageProviderHealth:
        """Loaded for all providers of the answer at once."""
        context = info.context
        health = await context.loader(loaders.health_by_id, self.tenant_key).load(self.key)
        return MessageProviderHealth(
            state=rules.state_of(health, context.runtime.clock.now()),
            failures=health.failures,
            paused_until=health.paused_until,
            last_error=health.last_error,
            last_error_at=health.last_error_at,
        )


@strawberry.type(description="What came of a test.")
class MessageProviderTestReport:
    outcome: MessageProviderTestOutcome = strawberry.field(  # type: ignore[valid-type]
        description="How it ended."
    )
    reason: str | None = strawberry.field(description="What the provider said; null if it took the message.")
    reference: str | None = strawberry.field(description="What the provider calls the message, if it says so.")
    seconds: float = strawberry.field(description="How long it took.")

    @classmethod
    def of(cls, outcome: Outcome, seconds: float) -> "MessageProviderTestReport":
        """From how it ended."""
        return cls(
            outcome=outcome_of(outcome),
            reason=None if isinstance(outcome, Accepted) else outcome.reason,
            reference=outcome.provider_message_id if isinstance(outcome, Accepted) else None,
            seconds=seconds,
        )


from app.notifications.graphql.providers import loaders  # noqa: E402  (loaders build these types)
