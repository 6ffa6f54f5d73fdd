"""Inputs about jobs."""

import strawberry

from app.jobs.graphql.types import JobLane, JobStatus


@strawberry.input(description="Which jobs. What is left out does not matter.")
class JobFilter:
    status: JobStatus | None = strawberry.field(default=None, description="Only these.")  # type: ignore[valid-type]
    name: str | None = strawberry.field(default=None, description="Only of this kind, e.g. `notifications.deliver`.")
    lane: JobLane | None = strawberry.field(default=None, description="Only in this lane.")  # type: ignore[valid-type]
    tenant_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this tenant.")


@strawberry.input(description="A job that is to be tried again.")
class JobRetryInput:
    job_id: strawberry.ID = strawberry.field(description="A job that has failed for good.")
