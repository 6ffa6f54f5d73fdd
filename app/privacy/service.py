"""What can be asked of people's data: export, erase, how long it is kept. Doing it takes a job: `work.py`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.events import Event, record
from app.core.ids import new_id
from app.privacy import events, repository
from app.privacy.errors import PersonIsStaff
from app.privacy.events import PRIVACY_REQUEST, RETENTION
from app.privacy.models import PrivacyRequest, PrivacyRequestKind, Retention
from app.privacy.rules import Subject, ensure_days, ensure_usable
from app.tenants import repository as tenants
from app.transfers import files


@dataclass(frozen=True, slots=True)
class RetentionDays:
    """For how many days what is kept; None for ever."""

    session_days: int | None = None
    login_days: int | None = None
    notification_days: int | None = None
    origin_days: int | None = None


async def request_export(tx: WriteTx, subject: Subject) -> PrivacyRequest:
    """Ask for a file with everything held about a person. Raises `InvalidInput`, `LimitReached`.

    How large it will be is known when it is made: then it may be too much still, and the request fails.
    """
    ensure_usable(subject)
    await files.ensure_room(tx, 1)
    return _request(tx, PrivacyRequestKind.EXPORT, subject, events.PersonExportRequested())


async def request_erasure(tx: WriteTx, subject: Subject) -> PrivacyRequest:
    """Ask for everything to be destroyed that says who a person is. Raises `InvalidInput`, `PersonIsStaff`."""
    ensure_usable(subject)
    users = await repository.users_of(tx, subject)
    if await repository.is_active_staff(tx, [user.id for user in users]):
        raise PersonIsStaff
    return _request(tx, PrivacyRequestKind.ERASURE, subject, events.PersonErasureRequested())


async def get(tx: ReadTx, id: UUID) -> PrivacyRequest:
    """A request. `NotFound` otherwise."""
    return await repository.get(tx, id)


async def download(tx: WriteTx, id: UUID, now: datetime) -> dict[str, object]:
    """The file of an export, and that it was fetched. `NotFound` if it is not there, or no more."""
    request = await repository.lock(tx, id)
    content = request.content
    if content is None or request.content_ends_at is None or request.content_ends_at <= now:
        raise NotFound("PrivacyRequest")
    note(tx, request, events.PersonExportDownloaded())
    return content


async def set_retention(tx: WriteTx, days: RetentionDays) -> Retention:
    """Say how long what is kept; nothing is recorded if it is so already. Raises `InvalidInput`."""
    for field, value in asdict(days).items():
        head, tail = field.split("_")
        ensure_days(head + tail.title(), value)
    # Also keeps two who set it first from doing so at once.
    await tenants.lock(tx, tx.tenant)
    row = await repository.retention(tx)
    if row is not None and asdict(days) == {name: getattr(row, name) for name in asdict(days)}:
        return row
    if row is None:
        row = Retention(tenant_id=tx.tenant, revision=0, updated_at=tx.now(), updated_by=tx.actor.label)
        tx.add(row)
    for name, value in asdict(days).items():
        setattr(row, name, value)
    row.revision += 1
    row.updated_at, row.updated_by = tx.now(), tx.actor.label
    await tx.flush()
    record(tx, RETENTION, tx.tenant, row.revision, events.RetentionSet(**asdict(days)), row.updated_at)
    return row


def note(tx: WriteTx, request: PrivacyRequest, event: Event) -> None:
    """Record a fact about a request whose lock is held."""
    request.revision += 1
    record(tx, PRIVACY_REQUEST, request.id, request.revision, event, tx.now())


def _request(tx: WriteTx, kind: PrivacyRequestKind, subject: Subject, event: Event) -> PrivacyRequest:
    ensure_usable(subject)
    request = PrivacyRequest(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=kind,
        subject=subject.as_json(),
        created_at=tx.now(),
        created_by=tx.actor.label,
    )
    tx.add(request)
    record(tx, PRIVACY_REQUEST, request.id, request.revision, event, request.created_at)
    return request
