"""Mutations of sessions: each opens a block, calls one verb, and answers with the session as it is then."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from app.access.addresses import VisitorAddress
from app.access.codes import CodeSigner
from app.context import Context, Info
from app.core.db import WriteTx
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.limits import Bucket
from app.identity.permissions import Permission
from app.queues.events import QUEUE
from app.sessions import calls, models, service
from app.sessions.calls import CallNext
from app.sessions.errors import SessionMoved
from app.sessions.graphql import inputs, results
from app.sessions.graphql.loaders import session_after, session_ref
from app.sessions.graphql.types import Session
from app.sessions.joins import Join

OWN = "For the session's visitor (session token), or staff with `session:write`."


async def _change(
    context: Context, id: str, permission: Permission, verb: Callable[[WriteTx, UUID], Awaitable[models.Session]]
) -> Session:
    ref = session_ref(context, id, permission)
    while True:
        try:
            async with context.write() as tx:
                row = await verb(tx, ref.id)
            return await _answer(context, tx, row)
        except SessionMoved:
            continue


async def _answer(context: Context, tx: WriteTx, row: models.Session) -> Session:
    """The session as the block that is over left it; as it is now if the block has changed nothing."""
    recorded = tx.recorded.get((QUEUE, row.queue_id))
    return await session_after(context, row, recorded[-1].revision if recorded else None)


@strawberry.type
class SessionMutation:
    @strawberry.mutation(
        description=(
            "Join a queue. Needs no account: the answer's `sessionToken` is the visitor's key to the place. Send an "
            "`idempotencyKey`, so that a retry after a lost answer does not take a second place."
        ),
        extensions=[
            Public("Public: visitors join without signing in; staff join on behalf of somebody."),
            Limited(Bucket.JOIN, unless=Permission.SESSION_WRITE),
        ],
    )
    async def queue_join(self, info: Info, input: inputs.QueueJoinInput) -> results.QueueJoinResult:
        context = info.context
        queue = await context.open_ref("Queue", input.queue_id)
        join = Join(
            input.request(context),
            context.actor_in(queue.tenant_id),
            context.request_id,
            input.idempotency_key,
            VisitorAddress(context.address, context.runtime.settings.secret),
            context.origin,
        )
        joined = await context.runtime.commands.join(queue, join)
        # What a repeated key gets is shown as it is now: much may have happened since.
        session = await session_after(context, joined, joined.revision if isinstance(joined, models.Joined) else None)
        session.is_own = True
        return results.QueueJoinSuccess(
            session=session,
            session_token=context.runtime.authenticator.session_token(queue.tenant_id, joined.id, joined.joined_at),
        )

    @strawberry.mutation(
        description="Call whoever is next to a free counter. With an `idempotencyKey` a retry gets the same session.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def queue_call_next(self, info: Info, input: inputs.QueueCallNextInput) -> results.QueueCallNextResult:
        context = info.context
        queue, counter = context.ref("Queue", input.queue_id), context.ref("Counter", input.counter_id)
        wanted = CallNext(counter.id, context.actor, context.request_id, input.idempotency_key, context.origin)
        called = await context.runtime.commands.call_next(queue, wanted)
        return results.QueueCallNextSuccess(session=await session_after(context, called.session, called.revision))

    @strawberry.mutation(
        description="Call a given session to a free counter, out of turn.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def session_call(self, info: Info, input: inputs.SessionCallInput) -> results.SessionCallResult:
        counter = info.context.ref("Counter", input.counter_id)
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_CALL,
            lambda tx, id: calls.call(tx, id, counter.id, input.idempotency_key),
        )
        return results.SessionCallSuccess(session=session)

    @strawberry.mutation(
        description="Call again somebody who has not come.", extensions=[Requires(Permission.SESSION_CALL)]
    )
    async def session_recall(self, info: Info, input: inputs.SessionRecallInput) -> results.SessionRecallResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, calls.recall)
        return results.SessionRecallSuccess(session=session)

    @strawberry.mutation(
        description="The visitor is at the counter: service starts.", extensions=[Requires(Permission.SESSION_CALL)]
    )
    async def session_start(self, info: Info, input: inputs.SessionStartInput) -> results.SessionStartResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, calls.start)
        return results.SessionStartSuccess(session=session)

    @strawberry.mutation(description="The visitor has been served.", extensions=[Requires(Permission.SESSION_CALL)])
    async def session_complete(self, info: Info, input: inputs.SessionCompleteInput) -> results.SessionCompleteResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, calls.complete)
        return results.SessionCompleteSuccess(session=session)

    @strawberry.mutation(
        description="The visitor did not come; the counter is free again.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def session_mark_no_show(
        self, info: Info, input: inputs.SessionMarkNoShowInput
    ) -> results.SessionMarkNoShowResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, calls.mark_no_show)
        return results.SessionMarkNoShowSuccess(session=session)

    @strawberry.mutation(description="Give up a place.", extensions=[Checked(OWN)])
    async def session_cancel(self, info: Info, input: inputs.SessionCancelInput) -> results.SessionCancelResult:
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_WRITE,
            lambda tx, id: service.cancel(tx, id, input.reason),
        )
        return results.SessionCancelSuccess(session=session)

    @strawberry.mutation(
        description="Put a called or served visitor back into the line.", extensions=[Requires(Permission.SESSION_CALL)]
    )
    async def session_return_to_queue(
        self, info: Info, input: inputs.SessionReturnToQueueInput
    ) -> results.SessionReturnToQueueResult:
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_CALL,
            lambda tx, id: calls.return_to_queue(tx, id, input.place),
        )
        return results.SessionReturnToQueueSuccess(session=session)

    @strawberry.mutation(
        description="Ask for more time: let the next people go first. Nothing happens if nobody is behind.",
        extensions=[Checked(OWN)],
    )
    async def session_step_back(self, info: Info, input: inputs.SessionStepBackInput) -> results.SessionStepBackResult:
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_WRITE,
            lambda tx, id: service.step_back(tx, id, input.places),
        )
        return results.SessionStepBackSuccess(session=session)

    @strawberry.mutation(
        description="Take somebody out of the line for a while; the place is kept.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def session_hold(self, info: Info, input: inputs.SessionHoldInput) -> results.SessionHoldResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, service.put_on_hold)
        return results.SessionHoldSuccess(session=session)

    @strawberry.mutation(
        description="Put somebody on hold back into the line, at the place they had.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def session_unhold(self, info: Info, input: inputs.SessionUnholdInput) -> results.SessionUnholdResult:
        session = await _change(info.context, input.session_id, Permission.SESSION_CALL, service.unhold)
        return results.SessionUnholdSuccess(session=session)

    @strawberry.mutation(
        description="Move somebody to another queue: waiting there, with join time and ticket number kept.",
        extensions=[Requires(Permission.SESSION_CALL)],
    )
    async def session_transfer(self, info: Info, input: inputs.SessionTransferInput) -> results.SessionTransferResult:
        target = info.context.ref("Queue", input.to_queue_id)
        session = await _change(
            info.context, input.session_id, Permission.SESSION_CALL, lambda tx, id: service.transfer(tx, id, target.id)
        )
        return results.SessionTransferSuccess(session=session)

    @strawberry.mutation(
        description="Raise or lower somebody who waits; the join time is kept.",
        extensions=[Requires(Permission.SESSION_WRITE)],
    )
    async def session_set_priority(
        self, info: Info, input: inputs.SessionSetPriorityInput
    ) -> results.SessionSetPriorityResult:
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_WRITE,
            lambda tx, id: service.set_priority(tx, id, input.priority),
        )
        return results.SessionSetPrioritySuccess(session=session)

    @strawberry.mutation(
        description=(
            "Move up with a code while waiting: to the front of the line, or to the code's priority if that is higher. "
            "The join time is kept. A code that would change nothing is refused and not used."
        ),
        extensions=[Checked(OWN)],
    )
    async def session_use_access_code(
        self, info: Info, input: inputs.SessionUseAccessCodeInput
    ) -> results.SessionUseAccessCodeResult:
        signer = CodeSigner(info.context.runtime.settings.secret)
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_WRITE,
            lambda tx, id: service.use_code(tx, id, signer, input.access_code),
        )
        return results.SessionUseAccessCodeSuccess(session=session)

    @strawberry.mutation(
        description="Write something down for other staff.", extensions=[Requires(Permission.SESSION_WRITE)]
    )
    async def session_add_note(self, info: Info, input: inputs.SessionAddNoteInput) -> results.SessionAddNoteResult:
        session = await _change(
            info.context,
            input.session_id,
            Permission.SESSION_WRITE,
            lambda tx, id: service.add_note(tx, id, input.text),
        )
        return results.SessionAddNoteSuccess(session=session)
