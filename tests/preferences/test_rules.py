"""Whether a message may go, and when: the table of decisions, and quiet hours where clocks change."""

from datetime import UTC, datetime, time, timedelta

import pytest

from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences.rules import (
    NOT_BY_DEFAULT,
    OPTED_OUT,
    OTHER_CHANNELS,
    PERSON_OPTED_OUT,
    QUIET,
    Decision,
    QuietHours,
    Send,
    Suppress,
    Wishes,
    decided,
    end_of_quiet,
    normal,
)

Kind, Channel = NotificationKind, NotificationChannel
NIGHT = QuietHours(time(22), time(7))
MIDNIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEVEN = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
NOTHING = {"opted_out": False, "channels": None, "has_chosen": False, "quiet": None, "time_zone": "UTC"}


def becomes(
    kind: NotificationKind,
    channel: NotificationChannel,
    now: datetime = NOON,
    *,
    address: bool = False,
    **wishes: object,
) -> Decision:
    given = Wishes(**NOTHING | {"locale": "en"} | wishes)  # type: ignore[arg-type]
    return decided(kind, channel, given, now, address_opted_out=address)


def test_who_has_chosen_nothing_is_written_to() -> None:
    assert becomes(Kind.CALLED, Channel.EMAIL) == Send()


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"address": True}, OPTED_OUT),
        ({"opted_out": True}, PERSON_OPTED_OUT),
        ({"channels": [Channel.SMS], "has_chosen": True}, OTHER_CHANNELS),
        ({"channels": [], "has_chosen": True}, OTHER_CHANNELS),
        ({"channels": [Channel.SMS]}, NOT_BY_DEFAULT),
    ],
)
def test_what_somebody_does_not_want_is_suppressed_and_says_why(wishes: dict[str, object], reason: str) -> None:
    assert becomes(Kind.CALLED, Channel.EMAIL, **wishes) == Suppress(reason)  # type: ignore[arg-type]
    # The answer to what somebody has just asked is none of it, and a room of the staff's is nobody's address.
    assert becomes(Kind.REPLY, Channel.EMAIL, **wishes) == Send()  # type: ignore[arg-type]
    assert becomes(Kind.TEST, Channel.EMAIL, **wishes) == Send()  # type: ignore[arg-type]
    assert becomes(Kind.QUEUE_ALERT, Channel.CHAT, **wishes) == Send()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(Kind))
def test_at_night_each_kind_is_sent_put_off_or_dropped(kind: NotificationKind) -> None:
    later = {Kind.COMPLETED, Kind.FEEDBACK_REQUEST, Kind.OPENING_SOON, Kind.REPORT}
    expected: Decision = Send(SEVEN) if kind in later else Send()
    assert becomes(kind, Channel.SMS, MIDNIGHT, quiet=NIGHT) == (
        Suppress(QUIET) if kind is Kind.QUEUE_ALERT else expected
    )
    assert becomes(kind, Channel.SMS, NOON, quiet=NIGHT) == Send()
    assert becomes(kind, Channel.IN_APP, MIDNIGHT, quiet=NIGHT) == Send()


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        # Owed at ten in the evening, to be sent two hours later: that is when it must not ring.
        (None, SEVEN),
        # The rule's hours end within the recipient's, or begin where these end.
        (QuietHours(time(23), time(3)), SEVEN),
        (QuietHours(time(6), time(8)), SEVEN + timedelta(hours=1)),
        # Together they leave no hour: the rule's are passed over, not the recipient's.
        (QuietHours(time(7), time(22)), SEVEN + timedelta(days=1)),
    ],
)
def test_what_is_put_off_is_not_put_off_into_the_night(quiet: QuietHours | None, expected: datetime) -> None:
    wishes = Wishes(**NOTHING | {"locale": "en", "quiet": NIGHT})  # type: ignore[arg-type]
    owed = MIDNIGHT - timedelta(hours=2)
    asks = Kind.FEEDBACK_REQUEST, Channel.SMS, wishes, owed
    assert decided(*asks, address_opted_out=False, at=MIDNIGHT, quiet=quiet) == Send(expected)


@pytest.mark.parametrize("kind", [Kind.PEOPLE_AHEAD, Kind.WAIT_BELOW, Kind.QUEUE_ALERT])
def test_a_rules_quiet_hours_drop_what_would_not_be_true_after_them(kind: NotificationKind) -> None:
    wishes = Wishes(**NOTHING | {"locale": "en"})  # type: ignore[arg-type]
    for channel in (Channel.EMAIL, Channel.CHAT):
        asks = kind, channel, wishes
        assert decided(*asks, MIDNIGHT, address_opted_out=False, quiet=NIGHT) == Suppress(QUIET)
        assert decided(*asks, NOON, address_opted_out=False, quiet=NIGHT) == Send()


def test_the_night_is_the_recipients() -> None:
    # Noon in Greenwich is nine in the evening in Tokyo, and one in the morning in Auckland.
    asks = Kind.FEEDBACK_REQUEST, Channel.EMAIL, NOON
    assert becomes(*asks, quiet=NIGHT, time_zone="Asia/Tokyo") == Send()
    until = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
    assert becomes(*asks, quiet=NIGHT, time_zone="Pacific/Auckland") == Send(until)


@pytest.mark.parametrize(
    ("now", "quiet", "zone", "expected"),
    [
        # Within a day, the end itself outside.
        ("2026-11-21T12:59:59Z", QuietHours(time(12), time(13)), "UTC", "2026-11-21T13:00:00Z"),
        ("2026-11-21T13:00:00Z", QuietHours(time(12), time(13)), "UTC", None),
        ("2026-11-21T11:59:59Z", QuietHours(time(12), time(13)), "UTC", None),
        # Over midnight, on both sides of it.
        ("2026-11-21T22:00:00Z", NIGHT, "UTC", "2026-11-22T07:00:00Z"),
        ("2026-11-22T06:59:00Z", NIGHT, "UTC", "2026-11-22T07:00:00Z"),
        ("2026-11-22T07:00:00Z", NIGHT, "UTC", None),
        # Equal: never.
        ("2026-11-21T22:00:00Z", QuietHours(time(22), time(22)), "UTC", None),
        # The night in which the clocks go forward is an hour shorter, the other one longer.
        ("2026-03-28T22:00:00Z", NIGHT, "Europe/Berlin", "2026-03-29T05:00:00Z"),
        ("2026-10-24T21:00:00Z", NIGHT, "Europe/Berlin", "2026-10-25T06:00:00Z"),
        # An end that comes twice: in its first time it ends for good.
        ("2026-10-25T00:10:00Z", QuietHours(time(1), time(2, 30)), "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("2026-10-25T01:10:00Z", QuietHours(time(1), time(2, 30)), "Europe/Berlin", "2026-10-25T01:30:00Z"),
    ],
)
def test_quiet_hours_end(now: str, quiet: QuietHours, zone: str, expected: str | None) -> None:
    end = end_of_quiet(datetime.fromisoformat(now), quiet, zone)
    assert end == (None if expected is None else datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("channel", "one", "other"),
    [
        (Channel.EMAIL, "Anna@Example.com ", "anna@example.com"),
        (Channel.SMS, "+49 (30) 90-18 20", "+4930901820"),
        (Channel.WHATSAPP, "+49 30 901820", "+4930901820"),
        (Channel.IN_APP, "session:1", "session:1"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(channel: NotificationChannel, one: str, other: str) -> None:
    assert normal(channel, one) == normal(channel, other)
