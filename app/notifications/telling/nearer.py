"""Who is told that it will not be long: N people ahead, or an estimated wait of N minutes. Writes what is owed.

To find out, a job looks at the newest thousand revisions of the queue's log, and at the stretch of the line that
can have crossed the threshold meanwhile: as many places as people left, whatever the length of the line.
"""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import WriteTx
from app.core.events.reactions import Fact
from app.notifications.models import NotificationKind
from app.notifications.rules import LineMove, Move, moved_up, put_forward
from app.notifications.telling import repository
from app.notifications.telling.happenings import place_values
from app.notifications.telling.reaching import Person, Told, desk, reachable, tell
from app.notifications.telling.rules import Rule, places_within
from app.queues import repository as queues
from app.queues.estimates import Outlook, outlook
from app.queues.limits import state_of
from app.queues.models import QueueStatus
from app.settings import Settings

_LOOK_BACK = 1_000
"""Revisions before the event that are read to see who moved up: twice what the relay takes at once."""

_KINDS = (NotificationKind.PEOPLE_AHEAD, NotificationKind.WAIT_BELOW)


async def owe_nearer(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down who is to be told because the line has moved; the ids of what is new."""
    # The log first: who leaves while we look is then still in the line, and comes up at the next look.
    log = await repository.line_moves(tx, fact.aggregate_id, after=fact.revision - _LOOK_BACK)
    queue, line = (await queues.with_lines(tx, [fact.aggregate_id]))[fact.aggregate_id]
    if queue.status is QueueStatus.PREQUEUE:
        return []  # nobody is ahead of anybody yet
    at = await desk(tx, settings, queue, _KINDS)
    expected = outlook(state_of(queue, line))
    told: list[Told] = []
    for rule in at.rules(*_KINDS):
        ahead = await _who(tx, queue.id, rule, log, _threshold(rule, expected, line.waiting_count))
        for session in await repository.sessions(tx, list(ahead)):
            wait = expected.wait_seconds(ahead[session.id])
            values = at.values(session, **place_values(ahead[session.id], wait))
            told.append(Told(rule, Person(session=session), fact.id, fact.occurred_at, values))
    return await tell(tx, at, told)


def _threshold(rule: Rule, expected: Outlook, waiting_count: int) -> int | None:
    """How many may be ahead of whoever is told."""
    if rule.kind is NotificationKind.PEOPLE_AHEAD:
        return rule.threshold
    return None if rule.threshold is None else places_within(expected, rule.threshold, waiting_count)


async def _who(
    tx: WriteTx, queue_id: UUID, rule: Rule, log: Sequence[LineMove], threshold: int | None
) -> dict[UUID, int]:
    """Whom a rule tells that they have come to the threshold, and how many are ahead of them."""
    # What was before the rule is none of its business: nobody has crossed a line that was not drawn yet.
    moves = [move for move in log if rule.since is None or move.at is None or move.at >= rule.since]
    left = sum(move.move is not Move.ENTERED for move in moves)
    if threshold is None or not left:
        return {}
    first = max(0, threshold - left)
    stretch = await repository.in_line(tx, queue_id, first=first, count=threshold - first + 1)
    ahead = {placed.session_id: first + index for index, placed in enumerate(stretch)}
    if first and (forward := put_forward(moves) - set(ahead)):
        # Staff may have put somebody far before the stretch.
        further = await repository.people_ahead(tx, queue_id, list(forward))
        ahead |= {session_id: count for session_id, count in further.items() if count <= threshold}
    able = await reachable(tx, list(ahead), rule)
    untold = able - await repository.told(tx, queue_id, rule.kind, rule.id, list(able))
    if not untold:
        return {}
    near = moved_up(stretch, moves, threshold, first=first, among=untold)
    near |= put_forward(moves) & untold
    return {session_id: ahead[session_id] for session_id in near}
