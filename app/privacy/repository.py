"""Every statement about people's data in all tables, and about the requests themselves.

Rows are found by what says who they are about, and by pointing to such rows. Tables that point to users are found in
the metadata, so that a new feature's are not forgotten.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, bindparam, func, or_
from sqlmodel import SQLModel, col, delete, select, update

from app.access.models import AccessEntry
from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.events import EventRow
from app.core.personal.sealed import Sealed
from app.identity.accounts.models import Invitation
from app.identity.models import Role, User, UserStatus
from app.integrations.models import SessionCustomer
from app.notifications.devices.models import PushDevice
from app.notifications.models import Notification, NotificationStatus
from app.notifications.preferences.models import NotificationPreferences
from app.notifications.replies.models import NotificationReply
from app.privacy.models import PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus, Retention
from app.privacy.rules import Subject
from app.ratings import repository as ratings
from app.sessions.models import Session, SessionNote

# What points to a user and is not about them alone: kept, without what says who it was.
_KEPT_OF_USERS = frozenset({"logins", "shifts", "invitations"})


async def get(tx: ReadTx, id: UUID) -> PrivacyRequest:
    """A request. `NotFound` otherwise."""
    found = await tx.get(PrivacyRequest, (tx.tenant, id))
    if found is None:
        raise NotFound("PrivacyRequest")
    return found


async def lock(tx: WriteTx, id: UUID) -> PrivacyRequest:
    """A request, held until the transaction ends."""
    statement = select(PrivacyRequest).where(PrivacyRequest.tenant_id == tx.tenant, PrivacyRequest.id == id)
    found = (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise NotFound("PrivacyRequest")
    return found


async def page(tx: ReadTx, request: PageRequest) -> Page[PrivacyRequest]:
    """The tenant's requests, newest first."""
    keys = [PrivacyRequest.created_at, PrivacyRequest.id]
    statement = select(PrivacyRequest).where(PrivacyRequest.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def users_of(tx: ReadTx, subject: Subject) -> Sequence[User]:
    """The person's accounts."""
    given = ((User, "email", subject.email), (User, "phone", subject.phone))
    return await _of_person(tx, User, (*given, (User, "username", subject.user_identifier)))


async def session_ids_of(tx: ReadTx, subject: Subject) -> list[UUID]:
    """The person's sessions."""
    conditions = _conditions(
        tx,
        (
            (Session, "email", subject.email),
            (Session, "phone", subject.phone),
            (Session, "user_identifier", subject.user_identifier),
        ),
    )
    found = await tx.exec(select(Session.id).where(Session.tenant_id == tx.tenant, or_(*conditions)))
    return list(found)


async def by_ids(tx: ReadTx, kind: type[SQLModel], column: str, ids: Sequence[UUID]) -> Sequence[Any]:
    """Rows of a table by one of its keys."""
    table: Any = kind
    found = await tx.exec(select(table).where(table.tenant_id == tx.tenant, getattr(table, column).in_(ids)))
    return found.all()


async def notifications_of(
    tx: ReadTx, subject: Subject, session_ids: Sequence[UUID], user_ids: Sequence[UUID]
) -> Sequence[Notification]:
    """Messages to the person, and about their sessions."""
    conditions = _conditions(
        tx, ((Notification, "recipient", subject.email), (Notification, "recipient", subject.phone))
    )
    about = or_(col(Notification.session_id).in_(session_ids), col(Notification.user_id).in_(user_ids), *conditions)
    return (await tx.exec(select(Notification).where(Notification.tenant_id == tx.tenant, about))).all()


async def notifications_to(tx: ReadTx, numbers: Sequence[str]) -> Sequence[Notification]:
    """Messages that were sent to these telephone numbers."""
    if not numbers:
        return []
    conditions = _conditions(tx, [(Notification, "recipient", number) for number in numbers])
    return (await tx.exec(select(Notification).where(Notification.tenant_id == tx.tenant, or_(*conditions)))).all()


async def replies_of(tx: ReadTx, numbers: Sequence[str], session_ids: Sequence[UUID]) -> Sequence[NotificationReply]:
    """What the person has answered to messages, and what was about their sessions."""
    conditions = _conditions(tx, [(NotificationReply, "sender", number) for number in numbers])
    theirs = or_(col(NotificationReply.session_id).in_(session_ids), *conditions)
    return (await tx.exec(select(NotificationReply).where(NotificationReply.tenant_id == tx.tenant, theirs))).all()


async def invitations_of(tx: ReadTx, emails: Sequence[str], user_ids: Sequence[UUID]) -> Sequence[Invitation]:
    """Invitations to the person."""
    conditions = _conditions(tx, [(Invitation, "email", email) for email in emails])
    to = or_(col(Invitation.user_id).in_(user_ids), *conditions)
    return (await tx.exec(select(Invitation).where(Invitation.tenant_id == tx.tenant, to))).all()


async def access_entries_of(tx: ReadTx, subject: Subject) -> Sequence[AccessEntry]:
    """The lists the person is on."""
    return await _of_person(tx, AccessEntry, ((AccessEntry, "user_identifier", subject.user_identifier),))


async def events_of(tx: ReadTx, actors: Sequence[str]) -> Sequence[EventRow]:
    """What the person has done."""
    found = await tx.exec(
        select(EventRow)
        .where(EventRow.tenant_id == tx.tenant, col(EventRow.actor).in_(actors))
        .order_by(col(EventRow.occurred_at))
    )
    return found.all()


async def forget_origins(
    tx: WriteTx, actors: Sequence[str], user_ids: Sequence[UUID], sessions: Sequence[Session]
) -> int:
    """Erase from where the person's changes came: of what they did by name, and of what has none.

    That are their joins, and what they did to their account before it was known whose it is: opened it, say.
    """
    erased = await tx.rows(
        "update events set address = null, agent = null where tenant_id = $1 and actor = any($2::text[])"
        " and (address is not null or agent is not null) returning 1",
        tx.tenant,
        actors,
    )
    nameless = await tx.rows(
        "update events set address = null, agent = null where tenant_id = $1 and aggregate_type = 'user'"
        " and aggregate_id = any($2::uuid[]) and actor in ('ANONYMOUS', 'SYSTEM')"
        " and (address is not null or agent is not null) returning 1",
        tx.tenant,
        user_ids,
    )
    joined = await tx.rows(
        "update events set address = null, agent = null from unnest($2::uuid[], $3::timestamptz[]) as mine (id, at)"
        " where tenant_id = $1 and aggregate_type = 'queue' and occurred_at = mine.at and type = 'SESSION_JOINED'"
        " and data -> 'session' ->> 'id' = mine.id::text and (address is not null or agent is not null) returning 1",
        tx.tenant,
        [session.id for session in sessions],
        [session.joined_at for session in sessions],
    )
    return len(erased) + len(nameless) + len(joined)


async def delete_rows(tx: WriteTx, kind: type[SQLModel], column: str, ids: Sequence[UUID | str]) -> int:
    """Delete rows of a table by one of its keys; how many."""
    table: Any = kind
    done = await tx.exec(delete(table).where(table.tenant_id == tx.tenant, getattr(table, column).in_(ids)))
    return int(done.rowcount)


async def delete_about_sessions(tx: WriteTx, ids: Sequence[UUID]) -> None:
    """Delete what was written down about sessions, of which nothing has to stay; of ratings the words."""
    for kind in (SessionNote, NotificationPreferences, PushDevice):
        await delete_rows(tx, kind, "session_id", ids)
    await delete_rows(tx, SessionCustomer, "id", ids)
    await ratings.forget_comments(tx, ids)


async def end_refresh_tokens(tx: WriteTx, user_ids: Sequence[UUID]) -> None:
    """Delete the tokens of these users' logins."""
    await tx.rows(
        "delete from refresh_tokens t using logins l where t.tenant_id = $1 and l.tenant_id = $1 and l.id = t.login_id"
        " and l.user_id = any($2::uuid[])",
        tx.tenant,
        user_ids,
    )


async def blank_notifications(tx: WriteTx, rows: Sequence[Notification]) -> None:
    """Take the person out of messages; that they were sent stays. What was not sent yet will not be."""
    for row in rows:
        # It may be on its way at this moment.
        await tx.refresh(row, with_for_update=True)
        row.recipient, row.subject, row.body, row.error = f"erased:{row.id}", "", "", None
        row.parameters = None
        if row.status is NotificationStatus.PENDING and row.handed_over_at is None:
            row.status = NotificationStatus.FAILED
    await tx.flush()


async def hold_exports(tx: WriteTx) -> Sequence[PrivacyRequest]:
    """Exports whose file is still there, held. One that is being written is waited for."""
    found = await tx.exec(
        select(PrivacyRequest)
        .where(
            PrivacyRequest.tenant_id == tx.tenant,
            PrivacyRequest.kind == PrivacyRequestKind.EXPORT,
            or_(
                col(PrivacyRequest.content_ends_at).is_not(None),
                col(PrivacyRequest.status) == PrivacyRequestStatus.RUNNING,
            ),
        )
        .order_by(col(PrivacyRequest.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [each for each in found if each.content_ends_at is not None]


async def is_active_staff(tx: ReadTx, user_ids: Sequence[UUID]) -> bool:
    """Whether one of these users works here and can sign in."""
    found = await tx.exec(
        select(User.id).where(
            User.tenant_id == tx.tenant,
            col(User.id).in_(user_ids),
            User.role != Role.CUSTOMER,
            User.status == UserStatus.ACTIVE,
        )
    )
    return found.first() is not None


async def retention(tx: ReadTx) -> Retention | None:
    """What the tenant has set, if anything."""
    return await tx.get(Retention, tx.tenant)


async def retentions(tx: ReadTx) -> Sequence[Retention]:
    """All that is set, of every tenant; needs a block of the platform."""
    return (await tx.exec(select(Retention))).all()


async def stale_sessions(tx: WriteTx, before: datetime, *, limit: int) -> Sequence[Session]:
    """Sessions that ended before a time and still say whose they were, held; some. Nobody is waited for."""
    return await _telling_sessions(tx, col(Session.ended_at) < before, limit=limit, skip_locked=True)


async def telling_sessions(tx: WriteTx, ids: Sequence[UUID], *, limit: int) -> Sequence[Session]:
    """Those of these sessions that still say whose they were, held; some, and none only if there is none left.

    Whoever calls or expires many at once holds some and waits for more: nobody is waited for while anything is held.
    """
    theirs = col(Session.id) == func.any(bindparam("theirs", list(ids), ARRAY(Uuid)))
    found = await _telling_sessions(tx, theirs, limit=limit, skip_locked=True)
    return found or await _telling_sessions(tx, theirs, limit=1, skip_locked=False)


async def _telling_sessions(
    tx: WriteTx, which: ColumnElement[bool], *, limit: int, skip_locked: bool
) -> Sequence[Session]:
    # The hash of an address is sealed by no tenant's key, and tells people apart who gave nothing else.
    told = or_(*(col(getattr(Session, name)).is_not(None) for name in (*columns_of(Session), "address_hash")))
    found = await tx.exec(
        select(Session)
        .where(Session.tenant_id == tx.tenant, which, told)
        .limit(limit)
        .with_for_update(skip_locked=skip_locked, key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def delete_before(tx: WriteTx, kind: type[SQLModel], column: str, before: datetime, *, limit: int) -> int:
    """Delete some of a tenant's rows of before a time, but none that somebody holds; how many."""
    table: Any = kind
    # Written as a subquery it may be asked once for each row, and finds others each time.
    old = (
        select(table.id)
        .where(table.tenant_id == tx.tenant, getattr(table, column) < before)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    done = await tx.exec(delete(table).where(table.tenant_id == tx.tenant, table.id.in_(select(old.c.id))))
    return int(done.rowcount)


async def forget_origins_before(tx: WriteTx, before: datetime, *, limit: int) -> int:
    """Erase from where changes of before a time came, some; how many."""
    erased = await tx.rows(
        "update events e set address = null, agent = null from ("
        "select aggregate_type, aggregate_id, revision, occurred_at from events"
        " where tenant_id = $1 and occurred_at < $2 and (address is not null or agent is not null) limit $3"
        ") as old where e.tenant_id = $1 and e.aggregate_type = old.aggregate_type"
        " and e.aggregate_id = old.aggregate_id and e.revision = old.revision and e.occurred_at = old.occurred_at"
        " returning 1",
        tx.tenant,
        before,
        limit,
    )
    return len(erased)


async def forget_contents(tx: WriteTx, now: datetime) -> int:
    """Destroy export files whose time is over, of every tenant; needs a block of the platform."""
    done = await tx.exec(
        update(PrivacyRequest)
        .where(col(PrivacyRequest.content_ends_at) <= now)
        .values(content_sealed=None, subject_sealed=None, content_ends_at=None)
    )
    return int(done.rowcount)


def about_users() -> Iterator[tuple[type[SQLModel], str]]:
    """Tables whose rows are a user's, each with the column that says whose."""
    for kind in _tables():
        for key in kind.__table__.foreign_keys:  # type: ignore[attr-defined]
            if key.target_fullname == "users.id" and key.parent.name == "user_id":
                yield kind, "user_id"


def deleted_with_users() -> Iterator[tuple[type[SQLModel], str]]:
    """Those that go when the user is erased."""
    yield from ((kind, column) for kind, column in about_users() if kind.__tablename__ not in _KEPT_OF_USERS)


def columns_of(kind: type[SQLModel]) -> list[str]:
    """The columns of a table that hold personal data, sealed or as a blind index."""
    sealed = [each for parent in kind.__mro__ for each in vars(parent).values() if isinstance(each, Sealed)]
    return [each.column for each in sealed]


def _tables() -> list[type[SQLModel]]:
    found = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]
    return sorted(found, key=lambda kind: str(kind.__tablename__))


async def _of_person(tx: ReadTx, kind: Any, given: Sequence[tuple[Any, str, str | None]]) -> Sequence[Any]:
    conditions = _conditions(tx, given)
    if not conditions:
        return []
    return (await tx.exec(select(kind).where(kind.tenant_id == tx.tenant, or_(*conditions)))).all()


def _conditions(tx: ReadTx, given: Sequence[tuple[Any, str, str | None]]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for kind, name, value in given:
        if value is None:
            continue
        declared = getattr(kind, name)
        found.append(declared.matches(tx.tenant, value) if isinstance(declared, Sealed) else col(declared) == value)
    return found
