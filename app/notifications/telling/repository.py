"""Every statement about rules of messages, and what is looked at to know who is told."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, DateTime, Integer, cast, literal, tuple_
from sqlmodel import col, func, or_, select

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.events.models import EventRow
from app.counters.models import CounterQueue, Shift
from app.identity.models import User, UserStatus
from app.notifications.devices.models import PushDevice
from app.notifications.models import Notification, NotificationKind, NotificationTemplate
from app.notifications.rules import MOVES, LineMove, Placed
from app.notifications.telling.models import MessageRule
from app.queues.disciplines import Rank
from app.queues.events import QUEUE
from app.queues.models import Queue, QueueLine, QueueStatus
from app.sessions.models import Session, SessionStatus

_IN_LINE = (col(Session.status) == SessionStatus.WAITING) & col(Session.held_at).is_(None)
_RANK = (col(Session.rank_class), col(Session.rank_time), col(Session.rank_sequence))


async def rules(tx: ReadTx) -> Sequence[MessageRule]:
    """The tenant's rules in order of creation: a hundred at most."""
    found = await tx.exec(
        select(MessageRule).where(MessageRule.tenant_id == tx.tenant).order_by(MessageRule.created_at, MessageRule.id)  # type: ignore[arg-type]
    )
    return found.all()


async def get(tx: ReadTx, rule_id: UUID) -> MessageRule:
    """A rule of the tenant. `NotFound` otherwise."""
    found = await tx.get(MessageRule, (tx.tenant, rule_id), populate_existing=True)
    if found is None:
        raise NotFound("MessageRule")
    return found


async def lock(tx: WriteTx, rule_id: UUID) -> MessageRule:
    """A rule, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(MessageRule)
        .where(MessageRule.tenant_id == tx.tenant, MessageRule.id == rule_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rule = found.one_or_none()
    if rule is None:
        raise NotFound("MessageRule")
    return rule


async def tenants_with(tx: ReadTx, kind: NotificationKind) -> Sequence[UUID]:
    """The tenants that have an enabled rule of a kind; for who sees all of them."""
    found = await tx.exec(
        select(MessageRule.tenant_id).where(MessageRule.kind == kind, col(MessageRule.is_enabled)).distinct()
    )
    return found.all()


async def queues_that_wait(tx: ReadTx, statuses: Sequence[QueueStatus]) -> Sequence[UUID]:
    """The tenant's queues of these statuses where somebody waits."""
    found = await tx.exec(
        select(Queue.id)
        .join(QueueLine, (col(QueueLine.tenant_id) == Queue.tenant_id) & (col(QueueLine.id) == Queue.id))
        .where(Queue.tenant_id == tx.tenant, col(Queue.status).in_(statuses), QueueLine.waiting_count > 0)
    )
    return found.all()


async def count(tx: ReadTx) -> int:
    """How many rules the tenant has."""
    found = await tx.exec(select(func.count()).select_from(MessageRule).where(MessageRule.tenant_id == tx.tenant))
    return found.one()


async def templates_of(tx: ReadTx, kinds: Sequence[NotificationKind]) -> Sequence[NotificationTemplate]:
    """The tenant's own texts for these kinds."""
    found = await tx.exec(
        select(NotificationTemplate).where(
            NotificationTemplate.tenant_id == tx.tenant, col(NotificationTemplate.kind).in_(kinds)
        )
    )
    return found.all()


async def texts_of_rule(tx: ReadTx, rule_id: UUID) -> Sequence[NotificationTemplate]:
    """The texts that belong to one rule only."""
    found = await tx.exec(
        select(NotificationTemplate).where(
            NotificationTemplate.tenant_id == tx.tenant, NotificationTemplate.rule_id == rule_id
        )
    )
    return found.all()


async def existing_users(tx: ReadTx, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are users of the tenant who can sign in."""
    found = await tx.exec(
        select(User.id).where(User.tenant_id == tx.tenant, col(User.id).in_(ids), col(User.status) == UserStatus.ACTIVE)
    )
    return set(found)


async def users(tx: ReadTx, ids: Sequence[UUID]) -> Sequence[User]:
    """These users, as far as they can sign in."""
    found = await tx.exec(
        select(User)
        .where(User.tenant_id == tx.tenant, col(User.id).in_(ids), col(User.status) == UserStatus.ACTIVE)
        .order_by(col(User.id))
    )
    return found.all()


async def staff_of(tx: ReadTx, queue_id: UUID, since: datetime) -> list[UUID]:
    """Who works at a counter of the queue now; if nobody does, who last did, since a time."""
    found = await tx.exec(
        select(Shift.user_id, func.bool_or(col(Shift.ended_at).is_(None)))
        .join(
            CounterQueue,
            (col(CounterQueue.tenant_id) == Shift.tenant_id) & (col(CounterQueue.counter_id) == Shift.counter_id),
        )
        .where(
            Shift.tenant_id == tx.tenant,
            CounterQueue.queue_id == queue_id,
            or_(col(Shift.ended_at).is_(None), col(Shift.ended_at) >= since),
        )
        .group_by(col(Shift.user_id))
        .order_by(col(Shift.user_id))
    )
    people = found.all()
    working = [user_id for user_id, is_working in people if is_working]
    return working or [user_id for user_id, _ in people]


async def sessions(tx: ReadTx, ids: Sequence[UUID]) -> Sequence[Session]:
    """These sessions, as far as they are still there."""
    found = await tx.exec(select(Session).where(Session.tenant_id == tx.tenant, col(Session.id).in_(ids)))
    return found.all()


async def with_contact(tx: ReadTx, ids: Sequence[UUID], contacts: Collection[str]) -> set[UUID]:
    """Which of these sessions' visitors left an address of one of these kinds (`email`, `phone`)."""
    if not contacts:
        return set()
    left = or_(*(col(getattr(Session, f"{contact}_index")).is_not(None) for contact in sorted(contacts)))
    found = await tx.exec(select(Session.id).where(Session.tenant_id == tx.tenant, col(Session.id).in_(ids), left))
    return set(found)


async def with_device(tx: ReadTx, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these sessions' visitors have a device that is pushed to."""
    found = await tx.exec(
        select(PushDevice.session_id).where(PushDevice.tenant_id == tx.tenant, col(PushDevice.session_id).in_(ids))
    )
    return {id for id in found if id is not None}


async def told(
    tx: ReadTx, queue_id: UUID, kind: NotificationKind, rule_id: UUID | None, session_ids: Sequence[UUID]
) -> set[UUID]:
    """Which of these sessions were told so in this queue by this rule."""
    found = await tx.exec(
        select(Notification.session_id).where(
            Notification.tenant_id == tx.tenant,
            col(Notification.session_id).in_(session_ids),
            Notification.queue_id == queue_id,
            Notification.kind == kind,
            col(Notification.rule_id).is_not_distinct_from(rule_id),
        )
    )
    return {session_id for session_id in found if session_id is not None}


async def in_line(tx: ReadTx, queue_id: UUID, *, first: int, count: int) -> list[Placed]:
    """Who stands at so many places of the line, from the place with `first` people ahead on.

    An index is walked from the front to there: 100,000 places take some 20 ms.
    """
    found = await tx.exec(_line(tx, queue_id).offset(first).limit(count))
    return [Placed(id, Rank(*rank)) for id, *rank in found]


async def people_ahead(tx: ReadTx, queue_id: UUID, ids: Collection[UUID]) -> dict[UUID, int]:
    """How many are ahead of each of these people, as far as they are in the line. The line is walked once."""
    if not ids:
        return {}
    line = (
        select(col(Session.id).label("id"), (func.row_number().over(order_by=_RANK) - 1).label("ahead"))
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
        .subquery()
    )
    found = await tx.exec(select(line.c.id, line.c.ahead).where(line.c.id.in_(ids)))
    return dict(found.all())


async def waiting_after(tx: ReadTx, queue_id: UUID, after: Rank | None, count: int) -> list[Placed]:
    """The next so many people of the line behind a rank."""
    statement = _line(tx, queue_id).limit(count)
    if after is not None:
        statement = statement.where(_rank() > _rank_of(after))
    return [Placed(id, Rank(*rank)) for id, *rank in await tx.exec(statement)]


_ENDS = ("SESSION_CANCELLED", "SESSION_EXPIRED", "SESSION_TRANSFERRED_OUT")


async def line_moves(tx: ReadTx, queue_id: UUID, *, after: int) -> list[LineMove]:
    """What moved the line after a revision: who entered, left or changed places."""
    session = col(EventRow.data)["session"]
    statement = select(  # type: ignore[call-overload]
        EventRow.revision,
        EventRow.type,
        EventRow.occurred_at,
        session["id"].astext,
        session["rank_class"].as_integer(),
        session["rank_time"].astext,
        # Not as_integer(), which reads 32 bits: a queue whose 33 millionth visitor has joined is beyond them.
        cast(session["rank_sequence"].astext, BigInteger),
    ).where(
        EventRow.tenant_id == tx.tenant,
        EventRow.aggregate_type == QUEUE,
        EventRow.aggregate_id == queue_id,
        EventRow.revision > after,
        col(EventRow.type).in_(list(MOVES)),
        # Who was called, or let in, left the line then: not when they gave up or their time was over.
        col(EventRow.type).not_in(_ENDS) | session["called_at"].astext.is_(None),
    )
    return [
        LineMove(revision, MOVES[type_], UUID(id_), Rank(rank_class, datetime.fromisoformat(time), sequence), at)
        for revision, type_, at, id_, rank_class, time, sequence in await tx.exec(statement)
    ]


class Happened(NamedTuple):
    """What happened to a session, as far as somebody is told of it."""

    id: UUID
    occurred_at: datetime
    type: str
    session_id: UUID


async def session_events(tx: ReadTx, queue_id: UUID, *, first: int, last: int, types: Sequence[str]) -> list[Happened]:
    """What happened to sessions in a queue from one revision to another, in order."""
    found = await tx.exec(
        select(EventRow.id, EventRow.occurred_at, EventRow.type, col(EventRow.data)["session"]["id"].astext)
        .where(
            EventRow.tenant_id == tx.tenant,
            EventRow.aggregate_type == QUEUE,
            EventRow.aggregate_id == queue_id,
            col(EventRow.revision).between(first, last),
            col(EventRow.type).in_(types),
        )
        .order_by(col(EventRow.revision))
    )
    return [Happened(id, at, type_, UUID(session_id)) for id, at, type_, session_id in found]


def _line(tx: ReadTx, queue_id: UUID) -> Any:
    return (
        select(Session.id, *_RANK)
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
        .order_by(*_RANK)
    )


def _rank() -> ColumnElement[Any]:
    return tuple_(*_RANK)


def _rank_of(rank: Rank) -> ColumnElement[Any]:
    return tuple_(
        literal(rank.rank_class, Integer()),
        literal(rank.rank_time, DateTime(timezone=True)),
        literal(rank.sequence, BigInteger()),
    )
