"""Results of the notification mutations, and of the preview."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.notifications import errors
from app.notifications.graphql.types import NotificationPreview, NotificationTemplate, SmsEncoding


@error_type(errors.InvalidTemplate, "The text names a variable there is not, or does more than filling in values.")
class InvalidTemplateError(UserError):
    field: str = strawberry.field(description="`subject` or `body`.")
    variable: str | None = strawberry.field(description="The unknown variable; null if something else is wrong.")
    line: int | None = strawberry.field(description="Line of the text, from 1; null if it is not one line's fault.")


@error_type(errors.SmsTooLong, "A text message would be too long, filled in with example values.")
class SmsTooLongError(UserError):
    segments: int = strawberry.field(description="How many segments it would take.")
    most_segments: int = strawberry.field(description="How many it may take.")
    encoding: SmsEncoding = strawberry.field(description="Which letters it is made of.")  # type: ignore[valid-type]


@strawberry.type(description="The text is in use from now on.")
class NotificationTemplateSetSuccess:
    notification_template: NotificationTemplate = strawberry.field(description="The template.")
    preview: NotificationPreview = strawberry.field(description="How a message will look, with example values.")


@strawberry.type(description="The text is not in use any more.")
class NotificationTemplateRemoveSuccess:
    notification_template: NotificationTemplate = strawberry.field(
        description="The text that is used instead; in another language where there is none in this one."
    )


NotificationTemplateSetResult = Annotated[
    NotificationTemplateSetSuccess | InvalidTemplateError | SmsTooLongError | InvalidInputError,
    strawberry.union("NotificationTemplateSetResult", description="What `notificationTemplateSet` answers."),
]
NotificationTemplateRemoveResult = Annotated[
    NotificationTemplateRemoveSuccess | InvalidInputError,
    strawberry.union("NotificationTemplateRemoveResult", description="What `notificationTemplateRemove` answers."),
]
NotificationPreviewResult = Annotated[
    NotificationPreview | InvalidTemplateError | SmsTooLongError | InvalidInputError,
    strawberry.union("NotificationPreviewResult", description="What `notificationPreview` answers."),
]
