"""Whether a message may go to somebody, and when: functions of plain values. Reads and writes nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.core.personal.sealed import any_case, as_it_is, digits
from app.notifications.models import NotificationChannel, NotificationKind

OPTED_OUT: Final = "The recipient has opted out of messages to this address."
PERSON_OPTED_OUT: Final = "The recipient does not want messages."
OTHER_CHANNELS: Final = "The recipient has chosen other channels."
NOT_BY_DEFAULT: Final = "The recipient has chosen nothing, and the business does not use this channel by default."
QUIET: Final = "It is in quiet hours, and after them it would be out of date."

# Of what happens right now: whoever waits is out and about, and tomorrow it is of no use to them.
_WHATEVER_THE_HOUR = frozenset(
    {
        NotificationKind.JOINED,
        NotificationKind.PEOPLE_AHEAD,
        NotificationKind.WAIT_BELOW,
        NotificationKind.CALLED,
        NotificationKind.RECALLED,
        NotificationKind.NO_SHOW,
        NotificationKind.BROADCAST,
        NotificationKind.REPLY,
        NotificationKind.TEST,
    }
)
# What somebody must not be woken by, and nobody wants to read hours later.
_OUT_OF_DATE = frozenset({NotificationKind.QUEUE_ALERT})
# After a rule's quiet hours it would not be true any more: who was near has been called, or the place has passed on.
_OF_THE_MOMENT = _OUT_OF_DATE | {NotificationKind.PEOPLE_AHEAD, NotificationKind.WAIT_BELOW}
# Nobody has to ask for the answer to what they wrote themselves, nor for the test they have just sent.
_ASKED_FOR = frozenset({NotificationKind.REPLY, NotificationKind.TEST})
# Nothing that rings: it is seen when somebody looks.
_SILENT = frozenset({NotificationChannel.IN_APP})


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a time of the day until another, over midnight if that is earlier. Equal: never."""

    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Wishes:
    """What counts for one person: their own choice where there is one, else what the business has set."""

    opted_out: bool
    # None: all.
    channels: Collection[NotificationChannel] | None
    # Whether they have chosen the channels themselves.
    has_chosen: bool
    quiet: QuietHours | None
    time_zone: str
    locale: str


@dataclass(frozen=True, slots=True)
class Send:
    """It may go, at once or not before a time."""

    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suppress:
    """It must not go; the reason is for staff, without personal data."""

    reason: str


Decision = Send | Suppress


def decided(
    kind: NotificationKind,
    channel: NotificationChannel,
    wishes: Wishes,
    now: datetime,
    *,
    address_opted_out: bool,
    at: datetime | None = None,
    quiet: QuietHours | None = None,
) -> Decision:
    """What becomes of a message that is owed now, to be sent `at` a time; `quiet`: its rule's hours, in their zone."""
    first = now if at is None else max(now, at)
    when = _after(first, quiet, wishes.time_zone)
    if when > first and kind in _OF_THE_MOMENT:
        return Suppress(QUIET)
    if is_asked_for(kind) or channel is NotificationChannel.CHAT:
        # A room is nobody's: what is posted there, the rules say.
        return _send(when, now)
    if address_opted_out:
        return Suppress(OPTED_OUT)
    if wishes.opted_out:
        return Suppress(PERSON_OPTED_OUT)
    if wishes.channels is not None and channel not in wishes.channels:
        return Suppress(OTHER_CHANNELS if wishes.has_chosen else NOT_BY_DEFAULT)
    if channel not in _SILENT and kind not in _WHATEVER_THE_HOUR:
        own = _after(when, wishes.quiet, wishes.time_zone)
        if own > when and kind in _OUT_OF_DATE:
            return Suppress(QUIET)
        # The end of the one may lie in the other. Where both together leave no hour of the day, theirs counts.
        when = _after(_after(own, quiet, wishes.time_zone), wishes.quiet, wishes.time_zone)
    return _send(when, now)


def _after(when: datetime, quiet: QuietHours | None, time_zone: str) -> datetime:
    """That time, or the end of the quiet hours it falls into."""
    return when if quiet is None else end_of_quiet(when, quiet, time_zone) or when


def _send(when: datetime, now: datetime) -> Send:
    return Send(when if when > now else None)


def is_asked_for(kind: NotificationKind) -> bool:
    """Whether the recipient has just asked for it, so that it goes even to who has opted out."""
    return kind in _ASKED_FOR


def end_of_quiet(now: datetime, quiet: QuietHours, time_zone: str) -> datetime | None:
    """When the quiet hours that are now are over, in UTC; None if now is none of them."""
    zone = ZoneInfo(time_zone)
    here = now.astimezone(zone)
    if not _is_within(here.time(), quiet):
        return None
    day = here.date() if here.time() < quiet.ends else here.date() + timedelta(days=1)
    end = datetime.combine(day, quiet.ends, zone).astimezone(UTC)
    # When the clocks go back, the hour comes twice: its first time may be over.
    return end if end > now else datetime.combine(day, quiet.ends.replace(fold=1), zone).astimezone(UTC)


def normal(channel: NotificationChannel, recipient: str) -> str:
    """An address as it is recognised by, however somebody writes it."""
    match channel:
        case NotificationChannel.EMAIL:
            return any_case(recipient)
        case NotificationChannel.SMS | NotificationChannel.WHATSAPP:
            return digits(recipient)
        case _:
            return as_it_is(recipient)


def _is_within(hour: time, quiet: QuietHours) -> bool:
    if quiet.starts <= quiet.ends:
        return quiet.starts <= hour < quiet.ends
    return hour >= quiet.starts or hour < quiet.ends
