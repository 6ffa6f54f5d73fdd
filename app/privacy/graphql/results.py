"""Results of the mutations about people's data: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.step_up import StepUpRequiredError
from app.privacy import errors
from app.privacy.graphql.types import PrivacyRequest, Retention
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.PersonIsStaff, "Somebody who works here cannot be erased before their access is taken away.")
class PersonIsStaffError(UserError):
    pass


@strawberry.type(description="The export was asked for; a job makes the file within seconds.")
class PersonExportSuccess:
    request: PrivacyRequest = strawberry.field(description="The request; ask for it again until it is `DONE`.")


@strawberry.type(description="The erasure was asked for; a job does it within seconds. It cannot be undone.")
class PersonEraseSuccess:
    request: PrivacyRequest = strawberry.field(description="The request; ask for it again until it is `DONE`.")


@strawberry.type(description="It is kept so long from now on.")
class RetentionSetSuccess:
    retention: Retention = strawberry.field(description="As it is now.")


PersonExportResult = Annotated[
    PersonExportSuccess | InvalidInputError | LimitReachedError | StepUpRequiredError,
    strawberry.union("PersonExportResult", description="What `personExport` answers."),
]
PersonEraseResult = Annotated[
    PersonEraseSuccess | InvalidInputError | PersonIsStaffError | StepUpRequiredError,
    strawberry.union("PersonEraseResult", description="What `personErase` answers."),
]
RetentionSetResult = Annotated[
    RetentionSetSuccess | InvalidInputError | StepUpRequiredError,
    strawberry.union("RetentionSetResult", description="What `retentionSet` answers."),
]
