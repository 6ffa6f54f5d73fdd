"""What a list or a code does, as tables."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.access.errors import AccessCodeRefused, AddressLimitReached, CodeRefusal, InvitationRequired
from app.access.models import AccessCode, AccessCodeKind, AccessList
from app.access.rules import Pass, ensure_address_has_room, ensure_usable, pass_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
BYPASS, INVITE, PRIORITY = AccessCodeKind.BYPASS, AccessCodeKind.INVITE, AccessCodeKind.PRIORITY


def code(kind: AccessCodeKind = INVITE, **given: object) -> AccessCode:
    values = {
        "tenant_id": UUID(int=1),
        "queue_id": UUID(int=2),
        "batch_id": UUID(int=3),
        "serial": 4,
        "created_at": NOW,
        "created_by": "SYSTEM",
    }
    return AccessCode(kind=kind, **(values | given))


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({}, None),
        ({"max_uses": 1}, None),
        ({"max_uses": 1, "use_count": 1}, CodeRefusal.USED_UP),
        ({"max_uses": 3, "use_count": 2}, None),
        ({"max_uses": 3, "use_count": 3}, CodeRefusal.USED_UP),
        ({"use_count": 10**6}, None),
        ({"expires_at": NOW + MOMENT}, None),
        ({"expires_at": NOW}, CodeRefusal.EXPIRED),
        ({"revoked_at": NOW - MOMENT}, CodeRefusal.REVOKED),
        ({"revoked_at": NOW, "expires_at": NOW, "max_uses": 1, "use_count": 1}, CodeRefusal.REVOKED),
    ],
)
def test_whether_a_code_is_good(given: dict[str, object], refusal: CodeRefusal | None) -> None:
    one = code(**given)
    if refusal is None:
        assert ensure_usable(one, NOW) is one
        return
    with pytest.raises(AccessCodeRefused) as refused:
        ensure_usable(one, NOW)
    assert refused.value.reason is refusal


def test_no_code_is_unknown() -> None:
    with pytest.raises(AccessCodeRefused) as refused:
        ensure_usable(None, NOW)
    assert refused.value.reason is CodeRefusal.UNKNOWN


@pytest.mark.parametrize("invited_only", [False, True])
@pytest.mark.parametrize(
    ("lists", "brought", "by_staff", "expected"),
    [
        ([], None, True, Pass()),
        ([AccessList.INVITE], None, False, Pass()),
        ([AccessList.BYPASS], None, False, Pass(is_bypassed=True)),
        ([AccessList.BYPASS, AccessList.INVITE], None, False, Pass(is_bypassed=True)),
        ([], code(INVITE), False, Pass()),
        ([], code(BYPASS), False, Pass(is_bypassed=True)),
        ([], code(PRIORITY, priority=5), False, Pass(priority=5)),
        ([AccessList.BYPASS], code(PRIORITY, priority=5), False, Pass(is_bypassed=True, priority=5)),
    ],
)
def test_what_lets_in_and_as_what(
    lists: list[AccessList], brought: AccessCode | None, by_staff: bool, expected: Pass, invited_only: bool
) -> None:
    assert pass_of(lists, brought, invited_only=invited_only, brought_by_staff=by_staff) == expected


def test_nothing_lets_in_only_where_nobody_has_to_be_invited() -> None:
    assert pass_of([], None, invited_only=False, brought_by_staff=False) == Pass()
    with pytest.raises(InvitationRequired) as refused:
        pass_of([], None, invited_only=True, brought_by_staff=False, refusal_message="Members only.")
    assert refused.value.refusal_message == "Members only."


@pytest.mark.parametrize(
    ("maximum", "places", "fits"), [(None, 10**6, True), (1, 0, True), (1, 1, False), (2, 7, False)]
)
def test_places_of_an_address(maximum: int | None, places: int, fits: bool) -> None:
    if fits:
        return ensure_address_has_room(maximum, places)
    with pytest.raises(AddressLimitReached) as refused:
        ensure_address_has_room(maximum, places)
    assert refused.value.maximum == maximum
    return None
