"""Inputs of the notification mutations."""

import strawberry

from app.notifications import models
from app.notifications.graphql.types import NotificationChannel, NotificationKind


@strawberry.input(
    description="A text of your own. `{{ ticketNumber }}` fills in a value; `{% if … %}` leaves parts out."
)
class NotificationTemplateSetInput:
    kind: NotificationKind = strawberry.field(description="For which message.")  # type: ignore[valid-type]
    subject: str = strawberry.field(
        description="Subject line, at most 200 characters. May be empty for SMS and WHATSAPP, which have none."
    )
    body: str = strawberry.field(
        description=(
            "Text, not HTML. EMAIL: at most 10,000 characters; WHATSAPP, IN_APP, CHAT: 4,000; PUSH: 1,000; SMS: 4 "
            "segments, with example values."
        )
    )
    channel: NotificationChannel = strawberry.field(  # type: ignore[valid-type]
        default=models.NotificationChannel.EMAIL, description="For which channel."
    )
    locale: str | None = strawberry.field(
        default=None, description="Language tag, e.g. `en` or `pt-BR`; your `settings.defaultLocale` if left out."
    )
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="For this rule's messages only. Default: for all of this kind."
    )


@strawberry.input(description="Which text of one's own to give up.")
class NotificationTemplateRemoveInput:
    kind: NotificationKind = strawberry.field(description="For which message.")  # type: ignore[valid-type]
    channel: NotificationChannel = strawberry.field(description="For which channel.")  # type: ignore[valid-type]
    locale: str = strawberry.field(description="Its language tag, e.g. `en` or `pt-BR`.")
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="The rule it belongs to. Default: the text for all messages of this kind."
    )
