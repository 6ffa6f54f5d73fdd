"""Inputs of the notification mutations."""

import strawberry

from app.notifications import models
from app.notifications.graphql.types import NotificationChannel, NotificationKind


@strawberry.input(
    description="A text of your own. `{{ ticketNumber }}` fills in a value; `{% if … %}` leaves parts out."
)
class NotificationTemplateSetInput:
    kind: NotificationKind = strawberry.field(description="For which message.")  # type: ignore[valid-type]
    subject: str = strawberry.field(description="Subject line, at most 200 characters.")
    body: str = strawberry.field(description="Text, at most 10,000 characters. Plain text, not HTML.")
    channel: NotificationChannel = strawberry.field(  # type: ignore[valid-type]
        default=models.NotificationChannel.EMAIL, description="For which channel."
    )
    locale: str | None = strawberry.field(
        default=None, description="Language tag, e.g. `en` or `pt-BR`; your `settings.defaultLocale` if left out."
    )
