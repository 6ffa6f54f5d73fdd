"""What stands and what is over, as a table of plain values."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from app.admission.errors import AdmissionInvalid, AdmissionOver
from app.admission.models import AdmissionEnd
from app.admission.rules import Claims, claims_of, end_of, ensure_stands, is_fresh
from app.sessions.models import Session, SessionStatus

NOW = datetime(2026, 11, 21, 12, 0, 0, 500_000, UTC)
TENANT, QUEUE, ELSEWHERE, SESSION = (UUID(int=number) for number in range(1, 5))
LONG = timedelta(days=30)
Change = dict[str, object]


def session(**changes: object) -> Session:
    """Released two minutes ago, inside for a minute, renewed never; for nine minutes more."""
    values: Change = {
        "tenant_id": TENANT,
        "id": SESSION,
        "queue_id": QUEUE,
        "ticket_queue_id": QUEUE,
        "service_day": date(2026, 11, 21),
        "ticket_serial": 1,
        "ticket_number": "A001",
        "rank_class": 0,
        "rank_time": NOW,
        "rank_sequence": 1,
        "joined_at": NOW - timedelta(minutes=3),
        "called_at": NOW - timedelta(minutes=2),
        "started_at": NOW - timedelta(minutes=1),
        "expires_at": NOW + timedelta(minutes=9),
        "status": SessionStatus.SERVING,
        "admission_number": 4,
        "entry_number": 4,
    }
    return Session(**values | changes)


RELEASED: Change = {"status": SessionStatus.CALLED, "started_at": None, "entry_number": None, "admission_number": 3}


def ended(status: SessionStatus, **changes: object) -> Session:
    """One that ended a second ago."""
    return session(status=status, expires_at=None, ended_at=NOW - timedelta(seconds=1), **changes)


def claims(of: Session, **changes: object) -> Claims:
    """Of its newest token, or of another."""
    said = claims_of(of, None)
    assert said is not None
    values = {name: getattr(said, name) for name in Claims.__dataclass_fields__}
    return Claims(**values | changes)


INSIDE = claims(session())
CASES: dict[str, tuple[Session, Claims | None, AdmissionEnd | None]] = {
    "inside": (session(), INSIDE, None),
    "inside, by the session token": (session(), None, None),
    "released": (session(**RELEASED), claims(session(**RELEASED)), None),
    "inside, with the token of the release": (session(), claims(session(), number=3), None),
    "inside, with one of an earlier place": (session(), claims(session(), number=2), AdmissionEnd.RETURNED),
    "released anew": (session(**RELEASED), claims(session(**RELEASED), number=2), AdmissionEnd.RETURNED),
    "renewed since, and still good": (session(admission_number=9), INSIDE, None),
    "renewed since, and over": (
        session(admission_number=9, expires_at=NOW + LONG),
        claims(session(), expires_at=NOW - timedelta(seconds=1)),
        AdmissionEnd.REPLACED,
    ),
    "a stay without end, a token with one": (
        session(expires_at=None),
        claims(session(), expires_at=NOW),
        AdmissionEnd.EXPIRED,
    ),
    "over, not written down": (session(expires_at=NOW), INSIDE, AdmissionEnd.STAY_OVER),
    "over, by the session token": (session(expires_at=NOW), None, AdmissionEnd.STAY_OVER),
    "over, with an old token": (session(expires_at=NOW, admission_number=9), INSIDE, AdmissionEnd.STAY_OVER),
    "the window over, not written down": (
        session(**RELEASED, expires_at=NOW),
        claims(session(**RELEASED)),
        AdmissionEnd.CLAIM_OVER,
    ),
    "the last half second": (
        session(expires_at=NOW + timedelta(milliseconds=400)),
        claims(session(expires_at=NOW + timedelta(milliseconds=400))),
        AdmissionEnd.STAY_OVER,
    ),
    "in another queue": (session(queue_id=ELSEWHERE), INSIDE, AdmissionEnd.RETURNED),
    "waiting again": (session(status=SessionStatus.WAITING, expires_at=None), INSIDE, AdmissionEnd.RETURNED),
    "left": (ended(SessionStatus.COMPLETED), INSIDE, AdmissionEnd.LEFT),
    "did not come": (ended(SessionStatus.NO_SHOW, started_at=None), INSIDE, AdmissionEnd.CLAIM_OVER),
    "stay over": (ended(SessionStatus.EXPIRED), INSIDE, AdmissionEnd.STAY_OVER),
    "grace over": (ended(SessionStatus.EXPIRED, started_at=None), INSIDE, AdmissionEnd.GRACE_OVER),
    "given up": (ended(SessionStatus.CANCELLED, cancelled_by="VISITOR"), INSIDE, AdmissionEnd.CANCELLED),
    "revoked": (ended(SessionStatus.CANCELLED, cancelled_by="STAFF"), INSIDE, AdmissionEnd.REVOKED),
}


@pytest.mark.parametrize("name", CASES)
def test_what_stands(name: str) -> None:
    row, said, end = CASES[name]
    if end is None:
        ensure_stands(row, NOW, said)
        return
    with pytest.raises(AdmissionOver) as over:
        ensure_stands(row, NOW, said)
    assert (over.value.end, over.value.session_status) == (end, row.status)


def test_a_number_from_the_future_is_nobodys() -> None:
    with pytest.raises(AdmissionInvalid):
        ensure_stands(session(), NOW, claims(session(), number=5))


def test_every_end_is_reached() -> None:
    assert {end for _, _, end in CASES.values() if end is not None} == set(AdmissionEnd)


@pytest.mark.parametrize(
    ("row", "issued_at", "expires_at"),
    [
        (session(**RELEASED), NOW - timedelta(minutes=2), NOW + timedelta(minutes=9)),
        (session(), NOW - timedelta(minutes=1), NOW + timedelta(minutes=9)),
        (session(renewed_at=NOW), NOW, NOW + timedelta(minutes=9)),
        (session(expires_at=None), NOW - timedelta(minutes=1), NOW - timedelta(minutes=1) + timedelta(days=7)),
        (session(expires_at=NOW + LONG), NOW - timedelta(minutes=1), NOW - timedelta(minutes=1) + timedelta(days=7)),
    ],
)
def test_when_a_token_is_issued_and_over(row: Session, issued_at: datetime, expires_at: datetime) -> None:
    said = claims_of(row, "hash")
    assert said == claims_of(row, "hash")
    assert said is not None
    assert (said.issued_at, said.expires_at) == (issued_at.replace(microsecond=0), expires_at.replace(microsecond=0))
    assert said.address_hash == "hash"


@pytest.mark.parametrize(
    "row",
    [
        session(status=SessionStatus.WAITING),
        session(admission_number=0),
        *(ended(status) for status in SessionStatus if end_of(ended(status)) is not None),
    ],
)
def test_who_has_no_token(row: Session) -> None:
    assert claims_of(row, None) is None


@pytest.mark.parametrize(
    ("stay_seconds", "age_seconds", "fresh"),
    [(600, 59, True), (600, 60, False), (100, 9, True), (100, 10, False), (86_400, 60, False), (None, 59, True)],
)
def test_just_renewed(stay_seconds: int | None, age_seconds: int, fresh: bool) -> None:
    row = session(renewed_at=NOW - timedelta(seconds=age_seconds))
    assert is_fresh(row, NOW, stay_seconds) is fresh
