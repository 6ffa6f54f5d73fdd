"""Results of the mutations of integrations, fees and payments."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.step_up import StepUpRequiredError
from app.integrations import errors
from app.integrations.graphql.types import Integration, Payment
from app.notifications.graphql.providers.results import CredentialsRequiredError
from app.queues.graphql.types import Queue
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.IntegrationKindTaken, "Another integration of this kind is on.")
class IntegrationKindTakenError(UserError):
    pass


@error_type(errors.IntegrationInUse, "Fees were paid by this integration: it can be switched off, not deleted.")
class IntegrationInUseError(UserError):
    pass


@error_type(errors.IntegrationFailed, "The other system was asked, and did not do it.")
class IntegrationFailedError(UserError):
    reason: str = strawberry.field(description="What it said, or that it said nothing, in a sentence.")
    retry_after_seconds: int | None = strawberry.field(
        description="When to ask again, where it is being left alone; null where nobody knows."
    )


@error_type(errors.PaymentNotSetUp, "There is no integration of the kind `PAYMENT` that is on.")
class PaymentNotSetUpError(UserError):
    pass


@error_type(errors.NothingToPay, "The session owes no fee, or not any more.")
class NothingToPayError(UserError):
    pass


@strawberry.type(description="The integration was created.")
class IntegrationCreateSuccess:
    integration: Integration = strawberry.field(description="The new integration.")


@strawberry.type(description="The integration was changed.")
class IntegrationUpdateSuccess:
    integration: Integration = strawberry.field(description="As it is now.")


@strawberry.type(description="The integration and its credentials are forgotten.")
class IntegrationDeleteSuccess:
    integration_id: strawberry.ID = strawberry.field(description="The integration there was.")


@strawberry.type(description="The system answers as it should.")
class IntegrationTestSuccess:
    integration: Integration = strawberry.field(description="The integration.")
    answer: str = strawberry.field(description="What came of it, in a sentence.")


@strawberry.type(description="The queue costs what was asked for from now on.")
class QueueSetFeeSuccess:
    queue: Queue = strawberry.field(description="The queue as it is now.")


@strawberry.type(description="The fee can be paid, or is found to be paid already: see its status.")
class SessionPaySuccess:
    payment: Payment = strawberry.field(description="The fee; send the browser to its `checkoutUrl`.")


IntegrationCreateResult = Annotated[
    IntegrationCreateSuccess | InvalidInputError | IntegrationKindTakenError | LimitReachedError | StepUpRequiredError,
    strawberry.union("IntegrationCreateResult", description="What `integrationCreate` answers."),
]
IntegrationUpdateResult = Annotated[
    IntegrationUpdateSuccess
    | InvalidInputError
    | IntegrationKindTakenError
    | CredentialsRequiredError
    | StepUpRequiredError,
    strawberry.union("IntegrationUpdateResult", description="What `integrationUpdate` answers."),
]
IntegrationDeleteResult = Annotated[
    IntegrationDeleteSuccess | IntegrationInUseError | StepUpRequiredError,
    strawberry.union("IntegrationDeleteResult", description="What `integrationDelete` answers."),
]
IntegrationTestResult = Annotated[
    IntegrationTestSuccess | IntegrationFailedError,
    strawberry.union("IntegrationTestResult", description="What `integrationTest` answers."),
]
QueueSetFeeResult = Annotated[
    QueueSetFeeSuccess | InvalidInputError | PaymentNotSetUpError,
    strawberry.union("QueueSetFeeResult", description="What `queueSetFee` answers."),
]
SessionPayResult = Annotated[
    SessionPaySuccess | InvalidInputError | NothingToPayError | PaymentNotSetUpError | IntegrationFailedError,
    strawberry.union("SessionPayResult", description="What `sessionPay` answers."),
]
