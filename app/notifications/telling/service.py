"""What can be done with rules of messages: create, update, delete. By whom they are followed is `reaching.py`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.events import record
from app.core.ids import new_id
from app.notifications.errors import MessageRuleHasTexts
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences.rules import QuietHours
from app.notifications.telling import repository, rules
from app.notifications.telling.events import (
    MESSAGE_RULE,
    MessageRuleCreated,
    MessageRuleDeleted,
    MessageRuleUpdated,
)
from app.notifications.telling.models import ChannelChoice, MessageRule
from app.queues import repository as queues
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

MAX_RULES = 100


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule as it is asked for."""

    kind: NotificationKind
    channels: Sequence[NotificationChannel]
    queue_id: UUID | None = None
    choice: ChannelChoice = ChannelChoice.FIRST
    people_ahead: int | None = None
    wait_minutes: int | None = None
    minutes_before: int | None = None
    delay_seconds: int = 0
    quiet_hours: QuietHours | None = None
    is_enabled: bool = True


class RuleChanges(TypedDict, total=False):
    """What is to be different. For what and where a rule is does not change: that would be another rule."""

    channels: Sequence[NotificationChannel]
    choice: ChannelChoice
    people_ahead: int | None
    wait_minutes: int | None
    minutes_before: int | None
    delay_seconds: int
    quiet_hours: QuietHours | None
    is_enabled: bool


async def create(tx: WriteTx, new: NewRule) -> MessageRule:
    """Make a rule, in force from now on. Raises `InvalidInput`, `LimitReached`, `NotFound` (of the queue)."""
    now, who = tx.now(), tx.actor.label
    row = MessageRule(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=new.kind,
        queue_id=new.queue_id,
        channels=[channel.value for channel in new.channels],
        choice=new.choice,
        people_ahead=new.people_ahead,
        wait_minutes=new.wait_minutes,
        minutes_before=new.minutes_before,
        delay_seconds=new.delay_seconds,
        quiet_from=None if new.quiet_hours is None else new.quiet_hours.starts,
        quiet_until=None if new.quiet_hours is None else new.quiet_hours.ends,
        is_enabled=new.is_enabled,
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    rules.check(row)
    # Who makes one beside us waits here: there are never more than there may be.
    await tenants.hold_limits(tx)
    if await repository.count(tx) >= MAX_RULES:
        raise LimitReached("messageRules", MAX_RULES)
    if row.queue_id is not None:
        await queues.get(tx, row.queue_id)
    tx.add(row)
    await tx.flush()
    record(tx, MESSAGE_RULE, row.id, row.revision, MessageRuleCreated(row.kind, row.queue_id), now)
    return row


async def update(tx: WriteTx, rule_id: UUID, changes: RuleChanges) -> MessageRule:
    """Change some of a rule; nothing is recorded if everything is so already. Raises `InvalidInput`, `NotFound`."""
    row = await repository.lock(tx, rule_id)
    wanted = _wanted(changes)
    changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not changed:
        return row
    for name, value in changed.items():
        setattr(row, name, value)
    rules.check(row)
    row.revision += 1
    row.updated_at, row.updated_by = tx.now(), tx.actor.label
    await tx.flush()
    shown = {name: str(value) if name.startswith("quiet_") and value else value for name, value in changed.items()}
    record(tx, MESSAGE_RULE, row.id, row.revision, MessageRuleUpdated(row.kind, shown), row.updated_at)
    return row


async def delete(tx: WriteTx, rule_id: UUID, *, with_texts: bool = False) -> MessageRule:
    """Take a rule away. Raises `MessageRuleHasTexts` unless these may go with it, `NotFound`."""
    row = await repository.lock(tx, rule_id)
    texts = await repository.texts_of_rule(tx, rule_id)
    if texts and not with_texts:
        raise MessageRuleHasTexts(len(texts))
    for text in texts:
        await tx.delete(text)
    await tx.flush()
    record(tx, MESSAGE_RULE, row.id, row.revision + 1, MessageRuleDeleted(row.kind, len(texts)), tx.now())
    await tx.delete(row)
    await tx.flush()
    return row


async def rules_of(tx: ReadTx) -> Sequence[MessageRule]:
    """The tenant's own rules, in order of creation."""
    return await repository.rules(tx)


def _wanted(changes: RuleChanges) -> dict[str, Any]:
    wanted: dict[str, Any] = dict(changes)
    if "channels" in wanted:
        wanted["channels"] = [channel.value for channel in wanted["channels"]]
    if "quiet_hours" in wanted:
        quiet: QuietHours | None = wanted.pop("quiet_hours")
        wanted["quiet_from"] = None if quiet is None else quiet.starts
        wanted["quiet_until"] = None if quiet is None else quiet.ends
    return wanted
