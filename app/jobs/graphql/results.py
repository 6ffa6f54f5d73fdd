"""Results of the mutations about jobs."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import UserError, error_type
from app.jobs import errors
from app.jobs.graphql.types import Job


@error_type(errors.JobNotFailed, "Only what has failed for good can be tried again.")
class JobNotFailedError(UserError):
    pass


@strawberry.type(description="The job will be tried again, at once and as often as a new one.")
class JobRetrySuccess:
    job: Job = strawberry.field(description="The job.")


JobRetryResult = Annotated[
    JobRetrySuccess | JobNotFailedError,
    strawberry.union("JobRetryResult", description="What became of it."),
]
