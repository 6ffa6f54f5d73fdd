"""Results of the mutations of the providers of messages."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.step_up import StepUpRequiredError
from app.notifications.graphql.providers.types import MessageProvider, MessageProviderTestReport
from app.notifications.providers import errors
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.MessageProviderNameTaken, "Another provider of the business's messages is called so.")
class MessageProviderNameTakenError(UserError):
    pass


@error_type(
    errors.CredentialsRequired,
    "Other options could send the credentials that are kept to somebody else: they are given again together.",
)
class CredentialsRequiredError(UserError):
    pass


@error_type(errors.ProviderNotInstalled, "The provider belongs to a plug-in this installation does not have any more.")
class ProviderNotInstalledError(UserError):
    pass


@strawberry.type(description="The provider was created.")
class MessageProviderCreateSuccess:
    message_provider: MessageProvider = strawberry.field(description="The new provider.")


@strawberry.type(description="The provider was changed.")
class MessageProviderUpdateSuccess:
    message_provider: MessageProvider = strawberry.field(description="The provider as it is now.")


@strawberry.type(description="The provider is given no more messages.")
class MessageProviderDeleteSuccess:
    message_provider_id: strawberry.ID = strawberry.field(description="The provider there was.")


@strawberry.type(description="The provider was asked to carry a test; what it answered is in `report`.")
class MessageProviderTestSuccess:
    message_provider: MessageProvider = strawberry.field(description="The provider.")
    report: MessageProviderTestReport = strawberry.field(description="What came of it.")


MessageProviderCreateResult = Annotated[
    MessageProviderCreateSuccess
    | InvalidInputError
    | MessageProviderNameTakenError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("MessageProviderCreateResult", description="What `messageProviderCreate` answers."),
]
MessageProviderUpdateResult = Annotated[
    MessageProviderUpdateSuccess
    | InvalidInputError
    | MessageProviderNameTakenError
    | CredentialsRequiredError
    | ProviderNotInstalledError
    | StepUpRequiredError,
    strawberry.union("MessageProviderUpdateResult", description="What `messageProviderUpdate` answers."),
]
MessageProviderDeleteResult = Annotated[
    MessageProviderDeleteSuccess | StepUpRequiredError,
    strawberry.union("MessageProviderDeleteResult", description="What `messageProviderDelete` answers."),
]
MessageProviderTestResult = Annotated[
    MessageProviderTestSuccess | InvalidInputError | ProviderNotInstalledError | StepUpRequiredError,
    strawberry.union("MessageProviderTestResult", description="What `messageProviderTest` answers."),
]
