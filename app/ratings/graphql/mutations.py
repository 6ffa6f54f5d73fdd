"""The mutations of ratings: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Checked, Requires
from app.identity.permissions import Permission
from app.queues.graphql.loaders import load_queue
from app.ratings import service
from app.ratings.graphql import inputs, results
from app.ratings.graphql.types import Rating
from app.ratings.models import RatingSource
from app.sessions.errors import SessionMoved
from app.sessions.graphql.loaders import is_own_session, session_ref


@strawberry.type
class RatingMutation:
    @strawberry.mutation(
        description=(
            "Say how a visit was, once its service is over; said again within the queue's `feedback.days`, it counts "
            "instead of what was said before. Who has only a link rates on the page behind `session.ratingUrl`."
        ),
        extensions=[Checked("For the session's visitor (session token), or staff with `session:write`.")],
    )
    async def session_rate(self, info: Info, input: inputs.SessionRateInput) -> results.SessionRateResult:
        context, given = info.context, input.given()
        ref = session_ref(context, input.session_id, Permission.SESSION_WRITE)
        source = RatingSource.APP if is_own_session(context, ref) else RatingSource.STAFF
        while True:
            try:
                async with context.write(ref.tenant_id) as tx:
                    row = await service.rate(tx, ref.id, given, source)
                return results.SessionRateSuccess(rating=Rating.of(row))
            except SessionMoved:
                continue

    @strawberry.mutation(
        description="What a queue asks visitors after service. Ratings that were given stay.",
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def queue_set_feedback(
        self, info: Info, input: inputs.QueueSetFeedbackInput
    ) -> results.QueueSetFeedbackResult:
        ref, config = info.context.ref("Queue", input.queue_id), input.config()
        async with info.context.write() as tx:
            await service.set_feedback(tx, ref.id, config)
        return results.QueueSetFeedbackSuccess(queue=await load_queue(info.context, ref))
