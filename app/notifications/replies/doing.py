"""Doing what a reply asks for, with the sender's own places: more time, leaving, joining again. Sends no answer.

Whatever is refused changes nothing and becomes an answer, in words for a visitor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import CodedError, UserFacingError
from app.notifications.replies import repository
from app.notifications.replies.models import Command, ReplyOutcome
from app.notifications.replies.rules import MOST_SHOWN, Understood, meant
from app.notifications.replies.texts import Answer
from app.queues import repository as queues
from app.queues.errors import QueueFull, QueueNotOpen
from app.sessions import service as sessions
from app.sessions.models import Session, SessionStatus
from app.sessions.service import JoinRequest

JOIN_AGAIN_WITHIN: Final = timedelta(days=1)
# What people write to have it done.
_LETTER: Final = {Command.MORE_TIME: "M", Command.LEAVE: "L"}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a reply, what to say, and the session it was about."""

    outcome: ReplyOutcome
    answer: Answer | None = None
    session: Session | None = None
    values: Mapping[str, str] = field(default_factory=dict)


async def do(tx: WriteTx, sender: str, understood: Understood, more_time_places: int) -> Done:
    """MORE_TIME, LEAVE or JOIN. Raises `SessionMoved`: then the block is to be tried again."""
    places = await repository.places_of(tx, sender)
    if understood.command is Command.JOIN:
        return await _join(tx, sender, understood, places)
    if not places:
        return Done(ReplyOutcome.REFUSED, Answer.NO_PLACE)
    what = meant(understood, [each.ticket_number for each in places], sessions.MAX_STEP_BACK)
    if what.number is None:
        letter = _LETTER[understood.command]
        named = [f"{each.ticket_number} ({await _name(tx, each)})" for each in places[:MOST_SHOWN]]
        example = f"{letter} {places[0].ticket_number}"
        return Done(ReplyOutcome.REFUSED, Answer.WHICH, None, {"places": ", ".join(named), "example": example})
    session = places[what.number]
    if understood.command is Command.LEAVE:
        return await _leave(tx, session)
    return await _step_back(tx, session, what.places or more_time_places)


async def _leave(tx: WriteTx, session: Session) -> Done:
    values = await _values(tx, session)
    _act_for(tx, session)
    try:
        await sessions.cancel(tx, session.id)
    except (UserFacingError, CodedError):
        return Done(ReplyOutcome.REFUSED, Answer.NOT_POSSIBLE, session, values)
    return Done(ReplyOutcome.LEFT, Answer.LEFT, session, values)


async def _step_back(tx: WriteTx, session: Session, places: int) -> Done:
    values = await _values(tx, session)
    if session.status is SessionStatus.CALLED:
        return Done(ReplyOutcome.REFUSED, Answer.YOUR_TURN, session, values)
    _act_for(tx, session)
    rank = session.rank_class, session.rank_time, session.rank_sequence
    try:
        moved = await sessions.step_back(tx, session.id, places)
    except (UserFacingError, CodedError):
        # Called at this very moment, say.
        return Done(ReplyOutcome.REFUSED, Answer.NOT_POSSIBLE, session, values)
    if (moved.rank_class, moved.rank_time, moved.rank_sequence) == rank:
        return Done(ReplyOutcome.REFUSED, Answer.NOBODY_BEHIND, session, values)
    return Done(ReplyOutcome.MOVED_BACK, Answer.MOVED_BACK, session, values)


async def _join(tx: WriteTx, sender: str, understood: Understood, places: Sequence[Session]) -> Done:
    ended = await repository.ended_places_of(tx, sender, tx.now() - JOIN_AGAIN_WITHIN)
    if understood.arguments:
        number = meant(understood, [each.ticket_number for each in ended], 0).number
    else:
        number = 0 if ended else None
    if number is None:
        if places:
            return Done(ReplyOutcome.REFUSED, Answer.HAS_PLACE, places[0], await _values(tx, places[0]))
        return Done(ReplyOutcome.REFUSED, Answer.NOTHING_TO_JOIN)
    left = ended[number]
    for place in places:
        if place.queue_id == left.queue_id:
            return Done(ReplyOutcome.REFUSED, Answer.HAS_PLACE, place, await _values(tx, place))
    values = await _values(tx, left)
    # As anybody joins: what staff may give, a reply does not get.
    tx.act_for(ANONYMOUS, tx.request_id)
    request = JoinRequest(
        queue_id=left.queue_id,
        user_identifier=left.user_identifier,
        category_id=left.category_id,
        party_size=left.party_size,
        email=left.email,
        phone=left.phone,
        locale=left.locale,
        device=left.device,
        metadata=left.visitor_metadata,
    )
    try:
        joined = await sessions.join(tx, request)
    except QueueNotOpen:
        return Done(ReplyOutcome.REFUSED, Answer.CLOSED, left, values)
    except QueueFull:
        return Done(ReplyOutcome.REFUSED, Answer.FULL, left, values)
    except (UserFacingError, CodedError):
        return Done(ReplyOutcome.REFUSED, Answer.NOT_POSSIBLE, left, values)
    return Done(ReplyOutcome.JOINED, Answer.JOINED, joined, await _values(tx, joined))


def _act_for(tx: WriteTx, session: Session) -> None:
    """The log says that it was the visitor: they are known by the number they left."""
    tx.act_for(Actor(ActorKind.VISITOR, tx.tenant, session.id), tx.request_id)


async def _values(tx: WriteTx, session: Session) -> Mapping[str, str]:
    return {"ticket": session.ticket_number, "queue": await _name(tx, session)}


async def _name(tx: WriteTx, session: Session) -> str:
    return (await queues.get(tx, session.queue_id)).name
