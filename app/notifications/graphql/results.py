"""Results of the notification mutations, and of the preview."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.notifications import errors
from app.notifications.graphql.types import NotificationPreview, NotificationTemplate


@error_type(errors.InvalidTemplate, "The text names a variable there is not, or does more than filling in values.")
class InvalidTemplateError(UserError):
    field: str = strawberry.field(description="`subject` or `body`.")
    variable: str | None = strawberry.field(description="The unknown variable; null if something else is wrong.")
    line: int | None = strawberry.field(description="Line of the text, from 1; null if it is not one line's fault.")


@strawberry.type(description="The text is in use from now on.")
class NotificationTemplateSetSuccess:
    notification_template: NotificationTemplate = strawberry.field(description="The template.")
    preview: NotificationPreview = strawberry.field(description="How a message will look, with example values.")


NotificationTemplateSetResult = Annotated[
    NotificationTemplateSetSuccess | InvalidTemplateError | InvalidInputError,
    strawberry.union("NotificationTemplateSetResult", description="What `notificationTemplateSet` answers."),
]
NotificationPreviewResult = Annotated[
    NotificationPreview | InvalidTemplateError,
    strawberry.union("NotificationPreviewResult", description="What `notificationPreview` answers."),
]
