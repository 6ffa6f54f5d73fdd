"""What people are told because something happened to their session: joined, called, missed, served. Sends nothing."""

import math
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from app.core.db import WriteTx
from app.core.events.reactions import Fact
from app.core.ids import Ref
from app.notifications.models import NotificationKind
from app.notifications.telling import repository
from app.notifications.telling.reaching import Desk, Person, Told, desk, reachable, tell
from app.notifications.texts import Value
from app.queues import repository as queues
from app.queues.estimates import outlook
from app.queues.limits import state_of
from app.ratings import rules as rating_rules
from app.ratings import service as ratings
from app.ratings.links import rating_url
from app.sessions import repository as sessions
from app.sessions.models import Session, SessionStatus
from app.settings import Settings

CALLS: Final[Mapping[str, NotificationKind]] = {
    "SESSION_CALLED": NotificationKind.CALLED,
    "SESSION_RELEASED": NotificationKind.CALLED,
    "SESSION_RECALLED": NotificationKind.RECALLED,
}
"""What is told of each of these events by itself: somebody waits for it."""

HAPPENINGS: Final[Mapping[str, tuple[NotificationKind, ...]]] = {
    "SESSION_JOINED": (NotificationKind.JOINED,),
    "SESSION_NO_SHOW": (NotificationKind.NO_SHOW,),
    "SESSION_COMPLETED": (NotificationKind.COMPLETED, NotificationKind.FEEDBACK_REQUEST),
}
"""What is told of all such events that are relayed together."""


async def owe_called(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down that a visitor who was called, or called again, is to be told; the ids of what is new."""
    kind = CALLS[fact.type]
    state = fact.data["session"]
    session, _ = (await sessions.with_revisions(tx, [session_id := UUID(state["id"])])).get(session_id, (None, 0))
    if session is None:
        return []  # erased meanwhile
    at = await desk(tx, settings, await queues.get(tx, fact.aggregate_id), [kind])
    # As it was called: by now the session may have moved on.
    values = at.values(session, counterName=state["counter_name"])
    told = [Told(rule, Person(session=session), fact.id, fact.occurred_at, values) for rule in at.rules(kind)]
    return await tell(tx, at, told)


async def owe_happenings(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down what is to be told of a queue's events that were relayed together, of which `fact` is the last."""
    kinds = [kind for each in HAPPENINGS.values() for kind in each]
    queue, line = (await queues.with_lines(tx, [fact.aggregate_id]))[fact.aggregate_id]
    at = await desk(tx, settings, queue, kinds)
    in_force = at.rules(*kinds)
    if not in_force:
        return []
    first = fact.revision if fact.first_revision is None else fact.first_revision
    happened = await repository.session_events(tx, queue.id, first=first, last=fact.revision, types=list(HAPPENINGS))
    ids = [each.session_id for each in happened]
    reached = [(rule, await reachable(tx, ids, rule)) for rule in in_force]
    wanted = {session_id for _, able in reached for session_id in able}
    found = {session.id: session for session in await repository.sessions(tx, list(wanted))}
    places = await _places(tx, queue.id, list(found.values()))
    ahead = outlook(state_of(queue, line))
    feedback = await ratings.feedback(tx, queue.id)
    told: list[Told] = []
    for event in happened:
        if (session := found.get(event.session_id)) is None:
            continue
        for rule, able in reached:
            if rule.kind not in HAPPENINGS[event.type] or session.id not in able:
                continue
            values = at.values(session)
            if rule.kind is NotificationKind.JOINED:
                if (place := places.get(session.id)) is None:
                    continue  # called, or gone, before anybody could tell them that they wait
                values |= place_values(place, ahead.wait_seconds(place))
            if rule.kind is NotificationKind.FEEDBACK_REQUEST:
                values["ratingLink"] = _rating_link(at, session, feedback)
            told.append(Told(rule, Person(session=session), event.id, event.occurred_at, values))
    return await tell(tx, at, told)


def place_values(people_ahead: int, wait_seconds: int | None) -> dict[str, Value]:
    """What a text may say of somebody's place."""
    return {
        "peopleAhead": people_ahead,
        "estimatedWaitMinutes": None if wait_seconds is None else math.ceil(wait_seconds / 60),
    }


def _rating_link(at: Desk, session: Session, feedback: rating_rules.FeedbackConfig) -> str:
    """Where the visit is rated; where the queue asks nothing, the front-end is what there is."""
    if not feedback.is_asked or session.ended_at is None:
        return at.link
    until = rating_rules.open_until(feedback, session.ended_at)
    return rating_url(at.settings.secret, at.settings.base_url, Ref(session.tenant_id, session.id), until)


async def _places(tx: WriteTx, queue_id: UUID, people: list[Session]) -> dict[UUID, int]:
    """How many are ahead of each of these who waits."""
    waiting = [session.id for session in people if session.status is SessionStatus.WAITING]
    return await repository.people_ahead(tx, queue_id, waiting)
