"""Which rules are in force, what each may say, and when quiet hours end: functions of plain values. Reads nothing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.errors import InvalidInput
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences.rules import QuietHours
from app.notifications.telling.models import ChannelChoice, MessageRule
from app.queues.estimates import Outlook

MAX_DELAY_SECONDS = 7 * 86_400

# By kind, its threshold: the column, the name in the schema, and the least and the most of it.
THRESHOLDS: Final = {
    NotificationKind.PEOPLE_AHEAD: ("people_ahead", "peopleAhead", 0, 10_000),
    NotificationKind.WAIT_BELOW: ("wait_minutes", "waitMinutes", 1, 1_440),
    NotificationKind.OPENING_SOON: ("minutes_before", "minutesBefore", 1, 1_440),
}
RULED: Final = (
    NotificationKind.JOINED,
    NotificationKind.PEOPLE_AHEAD,
    NotificationKind.WAIT_BELOW,
    NotificationKind.CALLED,
    NotificationKind.RECALLED,
    NotificationKind.NO_SHOW,
    NotificationKind.COMPLETED,
    NotificationKind.FEEDBACK_REQUEST,
    NotificationKind.OPENING_SOON,
)
"""The kinds that rules decide about."""
# What is right at one moment only: said later, it would be wrong.
_AT_ONCE = frozenset(
    {
        NotificationKind.PEOPLE_AHEAD,
        NotificationKind.WAIT_BELOW,
        NotificationKind.OPENING_SOON,
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """When whom which channels tell what. A built-in one has no `id`, and was always there (`since`)."""

    kind: NotificationKind
    channels: Sequence[NotificationChannel]
    choice: ChannelChoice = ChannelChoice.FIRST
    threshold: int | None = None
    delay_seconds: int = 0
    quiet: QuietHours | None = None
    id: UUID | None = None
    since: datetime | None = None


# In writing once, as mail if there is an address, because that costs nothing; beside it whatever shows it at once.
_WRITTEN: Final = (NotificationChannel.EMAIL, NotificationChannel.SMS)
_SHOWN: Final = (NotificationChannel.PUSH, NotificationChannel.IN_APP)
BUILT_IN: Final = tuple(
    Rule(kind, channels, choice, threshold=3 if kind is NotificationKind.PEOPLE_AHEAD else None)
    for kind in (
        NotificationKind.PEOPLE_AHEAD,
        NotificationKind.CALLED,
        NotificationKind.RECALLED,
        NotificationKind.NO_SHOW,
    )
    for channels, choice in ((_WRITTEN, ChannelChoice.FIRST), (_SHOWN, ChannelChoice.ALL))
)
"""In force in a queue, kind by kind, until the tenant has a rule of its own for visitors there.

Whoever joins has just seen it, and who was served knows it: of the rest a business says itself what it wants to say.
"""


def in_force(rows: Iterable[MessageRule], queue_id: UUID, kinds: Collection[NotificationKind]) -> list[Rule]:
    """The rules of these kinds in a queue."""
    here = [row for row in rows if row.kind in kinds and row.queue_id in (None, queue_id)]
    replaced = {row.kind for row in here}
    return [rule for rule in BUILT_IN if rule.kind in kinds and rule.kind not in replaced] + [
        rule_of(row) for row in here if row.is_enabled
    ]


def rule_of(row: MessageRule) -> Rule:
    """A tenant's rule as it decides."""
    column = THRESHOLDS.get(row.kind)
    quiet = None
    if row.quiet_from is not None and row.quiet_until is not None:
        quiet = QuietHours(row.quiet_from, row.quiet_until)
    return Rule(
        row.kind,
        [NotificationChannel(name) for name in row.channels],
        row.choice,
        None if column is None else getattr(row, column[0]),
        row.delay_seconds,
        quiet,
        row.id,
        row.updated_at,
    )


def check(row: MessageRule) -> None:
    """`InvalidInput` unless a rule can be followed."""
    if row.kind not in RULED:
        raise InvalidInput("kind", f"There are no rules for messages of the kind {row.kind}.")
    if not row.channels:
        raise InvalidInput("channels", "Name at least one channel.")
    if len(set(row.channels)) != len(row.channels):
        raise InvalidInput("channels", "Name each channel once.")
    if NotificationChannel.CHAT in row.channels:
        raise InvalidInput("channels", "CHAT is a room of the staff's: only alerts go there.")
    _check_thresholds(row)
    if not 0 <= row.delay_seconds <= MAX_DELAY_SECONDS:
        raise InvalidInput("delaySeconds", f"A delay is from 0 to {MAX_DELAY_SECONDS:,} seconds.")
    if row.delay_seconds and row.kind in _AT_ONCE:
        raise InvalidInput("delaySeconds", f"{row.kind} cannot be delayed: it would not be true any more.")
    if any(each is not None and each.tzinfo is not None for each in (row.quiet_from, row.quiet_until)):
        raise InvalidInput("quietHours", "Quiet hours are local times, without a time zone: `22:00`.")
    if row.quiet_from is not None and row.quiet_from == row.quiet_until:
        raise InvalidInput("quietHours", "Quiet hours begin and end at different times.")


def not_before(rule: Rule, now: datetime, occurred_at: datetime) -> datetime | None:
    """When a message of a rule may be sent, as far as its delay goes; None at once."""
    # Without a delay it is now, even if the line's own clock is a little ahead of ours.
    then = occurred_at + timedelta(seconds=rule.delay_seconds)
    return then if rule.delay_seconds and then > now else None


def places_within(outlook: Outlook, minutes: int, waiting_count: int) -> int | None:
    """How many people may be ahead of somebody whose estimated wait is so many minutes or less.

    None where nobody's is, or is known to be. The estimate grows from place to place, so it is looked for by halves.
    """
    low, high = -1, waiting_count
    while low < high:
        middle = (low + high + 1) // 2
        wait = outlook.wait_seconds(middle)
        if wait is not None and wait <= minutes * 60:
            low = middle
        else:
            high = middle - 1
    return None if low < 0 else low


def _check_thresholds(row: MessageRule) -> None:
    for kind, (column, name, least, most) in THRESHOLDS.items():
        value: int | None = getattr(row, column)
        if kind is not row.kind:
            if value is not None:
                raise InvalidInput(name, f"`{name}` is for {kind} only.")
        elif value is None:
            raise InvalidInput(name, f"{kind} needs `{name}`.")
        elif not least <= value <= most:
            raise InvalidInput(name, f"`{name}` is from {least:,} to {most:,}.")
