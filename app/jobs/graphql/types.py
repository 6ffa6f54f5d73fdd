"""Jobs and periodic work as operators see them."""

from datetime import datetime

import strawberry

from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.core.jobs import lanes, models
from app.jobs import repository

JobLane = explained_enum(
    lanes.Lane,
    "Which jobs wait for which: each lane has threads of its own in every worker.",
    URGENT="Somebody stands and waits for it: it is your turn, a code.",
    NORMAL="The rest.",
    BULK="Thousands at once, and nobody waits for one of them: broadcasts, exports.",
)
JobStatus = explained_enum(
    repository.JobStatus,
    "What is to become of a job that is not done.",
    WAITING="Due: a worker takes it as soon as one is free.",
    LATER="Held by a worker, or put off; `dueAt` says until when.",
    FAILED="Failed for good; `error` says why. `jobRetry` gives it another chance.",
)


@strawberry.type(description="A piece of work that follows from an event, done by a worker. Kept for 7 days once done.")
class Job(Node):
    name: str = strawberry.field(description="Its kind, e.g. `notifications.deliver`.")
    lane: JobLane = strawberry.field(description="What it waits for.")  # type: ignore[valid-type]
    status: JobStatus | None = strawberry.field(description="What is to become of it; null: it is done.")  # type: ignore[valid-type]
    attempts: int = strawberry.field(description="How often a worker has taken it.")
    error: str | None = strawberry.field(description="Why the last try came to nothing, without personal data.")
    request: str | None = strawberry.field(
        description="The id of the request it follows from: look for it in the logs."
    )
    created_at: datetime = strawberry.field(description="When it became owed.")
    due_at: datetime = strawberry.field(description="Not to be taken before.")
    done_at: datetime | None = strawberry.field(description="When it was done; null until then.")
    failed_at: datetime | None = strawberry.field(description="When it failed for good; null if it has not.")

    @strawberry.field(description="The id of the tenant it is done for.")
    def tenant_id(self) -> strawberry.ID:
        """Of the kind Tenant."""
        return strawberry.ID(encode("Tenant", self.tenant_key, self.tenant_key))

    @classmethod
    def of(cls, row: models.Job, now: datetime) -> "Job":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            name=row.name,
            lane=row.lane,
            status=None if row.done_at is not None else repository.status_of(row, now),
            attempts=row.attempts,
            error=row.error,
            request=row.request_id,
            created_at=row.created_at,
            due_at=row.due_at,
            done_at=row.done_at,
            failed_at=row.failed_at,
        )


@strawberry.type(description="A job in a page.")
class JobEdge:
    cursor: str = strawberry.field(description="Pass as `after` to continue behind this one.")
    node: Job = strawberry.field(description="The job.")


@strawberry.type(description="A page of jobs.")
class JobConnection:
    edges: list[JobEdge] = strawberry.field(description="The jobs with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="How many jobs of a kind are not done.")
class JobLoad:
    name: str = strawberry.field(description="The kind.")
    lane: JobLane = strawberry.field(description="Where they wait.")  # type: ignore[valid-type]
    waiting_count: int = strawberry.field(description="Due, and not taken yet.")
    later_count: int = strawberry.field(description="Held by a worker, or put off.")
    failed_count: int = strawberry.field(description="Failed for good.")
    oldest_seconds: float | None = strawberry.field(description="How long the oldest one is due; null if none is.")


@strawberry.type(description="A piece of periodic work: done once per slot, whatever the number of workers.")
class PeriodicTask:
    name: str = strawberry.field(description="Its name, e.g. `events.upkeep`.")
    due_at: datetime = strawberry.field(description="When it is due next.")
    is_running: bool = strawberry.field(description="Whether a worker holds it.")
    run_count: int = strawberry.field(description="How often it was begun.")
    failure_count: int = strawberry.field(description="How often it has failed since it last went well.")
    began_at: datetime | None = strawberry.field(description="When it was begun last; null if never.")
    ended_at: datetime | None = strawberry.field(description="When it ended last; null if never.")
    error: str | None = strawberry.field(description="Why it failed; null if it went well.")

    @classmethod
    def of(cls, row: models.PeriodicTask, now: datetime) -> "PeriodicTask":
        """From its row."""
        return cls(
            name=row.name,
            due_at=row.due_at,
            is_running=row.held_until is not None and row.held_until > now,
            run_count=row.runs,
            failure_count=row.failures,
            began_at=row.began_at,
            ended_at=row.ended_at,
            error=row.error,
        )


@strawberry.type(description="The work that is owed, of all tenants.")
class JobOverview:
    loads: list[JobLoad] = strawberry.field(
        description="What is not done, by lane and kind. At most one per kind and lane."
    )
    periodic_tasks: list[PeriodicTask] = strawberry.field(description="All periodic work, by name.")
