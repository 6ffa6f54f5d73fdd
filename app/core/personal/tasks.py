"""The job of a rotation: it goes on portion by portion, each a transaction of its own, and comes again for the rest."""

from datetime import timedelta
from uuid import UUID

from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater, job
from app.core.jobs.lanes import Lane
from app.core.personal import rotation

# Some seconds of work; a worker that stops in the middle loses one portion.
_PORTIONS = 20


@job(rotation.JOB, max_attempts=None, lane=Lane.BULK)
async def rotate(context: JobContext) -> None:
    """Seal anew what is sealed with the old key; ten minutes later forget that."""
    rotation_id = UUID(context.args["rotation_id"])
    if (version := context.args.get("forget_before")) is not None:
        async with context.finish() as tx:
            await rotation.finish(tx, version)
        return
    async with context.write() as tx:
        settled = await rotation.is_settled(tx, rotation_id, rotation.SETTLED_AFTER_SECONDS)
    if not settled:
        raise RetryLater(timedelta(seconds=rotation.SETTLED_AFTER_SECONDS), "the new key is not everybody's yet")
    for _ in range(_PORTIONS):
        async with context.write() as tx:
            more = await rotation.step(tx, rotation_id)
        if not more:
            break
    else:
        raise RetryLater(timedelta(0), "there is more to seal anew")
    async with context.finish() as tx:
        await rotation.forget_later(tx, rotation_id)
