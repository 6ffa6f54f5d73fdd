"""What operators do about jobs."""

from uuid import UUID

from app.core.db import WriteTx
from app.core.errors import NotFound
from app.core.events import record
from app.core.jobs.models import Job
from app.jobs import repository
from app.jobs.errors import JobNotFailed
from app.jobs.events import JOB, JobRetried


async def retry(tx: WriteTx, job_id: UUID) -> Job:
    """Give a job that has failed for good all its tries again, at once. Raises `NotFound`, `JobNotFailed`."""
    job = await repository.lock(tx, job_id)
    if job is None:
        raise NotFound("Job")
    if job.failed_at is None:
        raise JobNotFailed
    now = tx.now()
    job.failed_at, job.due_at, job.send_at = None, now, now
    job.attempts_before = job.attempts
    # Each chance begins behind another claim, so no two have one number.
    record(tx, JOB, job.id, job.attempts, JobRetried(job.name), now)
    return job
