"""What staff are told about a queue itself: more wait than should, or people wait and nobody is there. Sends nothing.

An alert is raised once, until it is over, and at the earliest a quarter of an hour after the last one.
"""

from datetime import timedelta
from uuid import UUID

from app.core.db import WriteTx
from app.core.events.reactions import Fact
from app.notifications.models import NotificationKind
from app.notifications.telling import repository
from app.notifications.telling.reaching import Told, desk, people_for, tell
from app.notifications.telling.rules import Rule
from app.queues import repository as queues
from app.queues.models import Queue, QueueLine, QueueMode
from app.settings import Settings

AGAIN_AFTER = timedelta(minutes=15)

_ALERT = NotificationKind.QUEUE_ALERT


async def owe_alerts(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down what staff are to be told about the queue as it is now; the ids of what is new."""
    if not await repository.has_rules(tx, _ALERT):
        return []
    queue, line = (await queues.with_lines(tx, [fact.aggregate_id]))[fact.aggregate_id]
    at = await desk(tx, settings, queue, [_ALERT])
    told: list[Told] = []
    for rule in at.rules(_ALERT):
        assert rule.id is not None, "there is no built-in alert"
        if not is_alarming(rule, queue, line):
            await repository.lower_alert(tx, rule.id, queue.id)
        elif await repository.raise_alert(tx, rule.id, queue.id, raised_before=tx.now() - AGAIN_AFTER):
            values = at.values(None, waitingCount=line.waiting_count, limit=rule.threshold)
            told += [
                Told(rule, person, fact.id, fact.occurred_at, values)
                for person in await people_for(tx, rule, queue.id, None)
            ]
    return await tell(tx, at, told)


def is_alarming(rule: Rule, queue: Queue, line: QueueLine) -> bool:
    """Whether a queue is as the rule warns of. In a METERED queue nobody has to be on duty."""
    if rule.threshold is not None:
        return line.waiting_count > rule.threshold
    return queue.mode is QueueMode.STAFFED and line.waiting_count > 0 and line.open_counter_count == 0
