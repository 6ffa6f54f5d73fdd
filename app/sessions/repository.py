"""Every statement about sessions."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ColumnElement, DateTime, Integer, literal, literal_column, tuple_
from sqlmodel import col, func, select

from app.core.db import ReadTx, Statement, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.personal.sealed import sealed
from app.counters.models import Counter
from app.queues.disciplines import Rank
from app.queues.events import QUEUE
from app.queues.models import QueueLine
from app.sessions.models import Joined, Session, SessionNote, SessionStatus

# Written out, not bound: a plan made for any parameter could not use the partial indexes.
_IN_LINE = literal_column("sessions.status = 'WAITING' and sessions.held_at is null", Boolean)
_AT_COUNTER = literal_column("sessions.status in ('CALLED', 'SERVING')", Boolean)
_ACTIVE = literal_column("sessions.status in ('WAITING', 'CALLED', 'SERVING')", Boolean)
_RANK = (col(Session.rank_class), col(Session.rank_time), col(Session.rank_sequence))


async def get(tx: ReadTx, session_id: UUID) -> Session:
    """A session of the tenant. `NotFound` otherwise."""
    found = (
        await tx.exec(
            select(Session)
            .where(Session.tenant_id == tx.tenant, Session.id == session_id)
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if found is None:
        raise NotFound("Session")
    return found


async def with_revisions(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, tuple[Session, int]]:
    """Sessions and the revision of their queue, both as of one instant, by id."""
    found = await tx.exec(
        select(Session, QueueLine.revision)
        .join(QueueLine, (col(QueueLine.tenant_id) == Session.tenant_id) & (col(QueueLine.id) == Session.queue_id))
        .where(Session.tenant_id == tx.tenant, col(Session.id).in_(ids))
    )
    return {session.id: (session, revision) for session, revision in found}


async def active_of_person(tx: ReadTx, queue_id: UUID, user_identifier: str) -> Session | None:
    """The place a person has in a queue."""
    found = await tx.exec(
        select(Session).where(
            Session.tenant_id == tx.tenant,
            Session.queue_id == queue_id,
            sealed(Session.user_identifier).matches(tx.tenant, user_identifier),
            _ACTIVE,
        )
    )
    return found.one_or_none()


_PLACES_OF_PERSONS = """
    select user_identifier_index, id from sessions
    where tenant_id = $1 and queue_id = $2 and user_identifier_index = any($3::bytea[])
        and status in ('WAITING', 'CALLED', 'SERVING')
"""


def persons(tx: ReadTx, user_identifiers: Iterable[str]) -> dict[str, bytes]:
    """What sessions of these people are found by."""
    keys = sealed(Session.user_identifier)
    return {one: key for one in user_identifiers if (key := keys.index(tx.tenant, one)) is not None}


def places_of_persons(tx: ReadTx, queue_id: UUID, persons: Collection[bytes]) -> Statement:
    """Asks which of these people have a place in a queue, and the session it is: pairs."""
    return Statement(_PLACES_OF_PERSONS, (tx.tenant, queue_id, list(persons)))


_PLACES_OF_ADDRESSES = """
    select address_hash, count(*) as places from sessions
    where tenant_id = $1 and queue_id = $2 and address_hash = any($3::text[])
        and status in ('WAITING', 'CALLED', 'SERVING')
    group by address_hash
"""


async def places_of_addresses(tx: ReadTx, queue_id: UUID, address_hashes: Sequence[str]) -> dict[str, int]:
    """How many people have a place in a queue from each of these addresses; those with none are left out."""
    if not address_hashes:
        return {}
    found = await tx.rows(_PLACES_OF_ADDRESSES, tx.tenant, queue_id, address_hashes)
    return {row["address_hash"]: row["places"] for row in found}


async def held_by_counter(tx: ReadTx, counter_id: UUID) -> Session | None:
    """The session a counter has called or is serving."""
    found = await tx.exec(
        select(Session).where(Session.tenant_id == tx.tenant, Session.counter_id == counter_id, _AT_COUNTER)
    )
    return found.one_or_none()


async def first_in_line(tx: ReadTx, queue_id: UUID) -> Session | None:
    """Who is next. Right only while the line is held."""
    found = await tx.exec(
        select(Session)
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
        .order_by(*_RANK)
        .limit(1)
    )
    return found.first()


async def next_in_line(tx: ReadTx, queue_id: UUID, count: int) -> Sequence[Session]:
    """The next `count` people, in order. Right only while the line is held."""
    found = await tx.exec(
        select(Session)
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
        .order_by(*_RANK)
        .limit(count)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def rank_places_behind(tx: ReadTx, session: Session, places: int) -> Rank | None:
    """The rank of the person `places` behind a waiting session, or of the last one; None if nobody is behind."""
    found = await tx.exec(
        select(*_RANK)
        .where(
            Session.tenant_id == tx.tenant,
            Session.queue_id == session.queue_id,
            _IN_LINE,
            _after(Rank(session.rank_class, session.rank_time, session.rank_sequence)),
        )
        .order_by(*_RANK)
        .limit(places)
    )
    behind = found.all()
    return Rank(*behind[-1]) if behind else None


async def next_sequence(tx: ReadTx, queue_id: UUID, rank: Rank) -> int | None:
    """The sequence that follows a rank among those of its class and time who have a place or may come back to one."""
    found = await tx.exec(
        select(func.min(Session.rank_sequence)).where(
            Session.tenant_id == tx.tenant,
            Session.queue_id == queue_id,
            _ACTIVE,
            Session.rank_class == rank.rank_class,
            Session.rank_time == rank.rank_time,
            col(Session.rank_sequence) > rank.sequence,
        )
    )
    return found.one()


async def last_rank(tx: ReadTx, queue_id: UUID) -> Rank | None:
    """The rank of whoever is last in line."""
    found = await tx.exec(
        select(*_RANK)
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
        .order_by(*(key.desc() for key in _RANK))
        .limit(1)
    )
    row = found.first()
    return Rank(*row) if row is not None else None


InLine = tuple[UUID, str, int, datetime, int, datetime, UUID | None]


async def line_of(tx: ReadTx, queue_id: UUID) -> AsyncIterator[Sequence[InLine]]:
    """The whole line in order, in portions: id, ticket number, rank class, rank time, sequence, joined at, category."""
    # Some 2 ms of work each.
    async for portion in tx.portions(1_000, _LINE, tx.tenant, queue_id):
        yield portion


_LINE = """
    select id, ticket_number, rank_class, rank_time, rank_sequence, joined_at, category_id from sessions
    where tenant_id = $1 and queue_id = $2 and status = 'WAITING' and held_at is null
    order by rank_class, rank_time, rank_sequence
"""


async def last_events(
    tx: ReadTx, queue_id: UUID, after: int, session_ids: Sequence[UUID]
) -> Sequence[tuple[str, datetime, str]]:
    """The last event about each of these sessions in a queue's log after a revision: type, time and data as JSON."""
    found = await tx.rows(_LAST_EVENTS, tx.tenant, QUEUE, queue_id, after, [str(id) for id in session_ids])
    return [(type, at, data) for type, at, data in found]


# A scan of everything after the revision: 30 ms for 100,000 events, and it is asked only when that is much.
_LAST_EVENTS = """
    select distinct on (data->'session'->>'id') type, occurred_at, data::text from events
    where tenant_id = $1 and aggregate_type = $2 and aggregate_id = $3 and revision > $4
        and data->'session'->>'id' = any($5::text[])
    order by data->'session'->>'id', revision desc
"""


async def at_counters(tx: ReadTx, queue_id: UUID) -> Sequence[tuple[Session, str | None]]:
    """Called and served sessions of a queue with their counter's name, latest call first."""
    found = await tx.exec(
        select(Session, Counter.name)
        .join(
            Counter,
            (col(Counter.tenant_id) == Session.tenant_id) & (col(Counter.id) == Session.counter_id),
            isouter=True,
        )
        .where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _AT_COUNTER)
        .order_by(col(Session.called_at).desc(), col(Session.id))
    )
    return found.all()


async def waiting_page(tx: ReadTx, queue_id: UUID, request: PageRequest) -> Page[Session]:
    """The line in order."""
    statement = select(Session).where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id, _IN_LINE)
    keys = [Session.rank_class, Session.rank_time, Session.rank_sequence]
    return await fetch_page(tx, statement, keys, request)  # type: ignore[arg-type]


async def page(tx: ReadTx, queue_id: UUID, status: SessionStatus | None, request: PageRequest) -> Page[Session]:
    """A queue's sessions in order of joining, ended ones included."""
    statement = select(Session).where(Session.tenant_id == tx.tenant, Session.queue_id == queue_id)
    if status is not None:
        statement = statement.where(Session.status == status)
    return await fetch_page(tx, statement, [Session.joined_at, Session.id], request)  # type: ignore[list-item]


async def notes_of(tx: ReadTx, session_ids: Sequence[UUID]) -> Sequence[SessionNote]:
    """Notes of several sessions, oldest first."""
    found = await tx.exec(
        select(SessionNote)
        .where(SessionNote.tenant_id == tx.tenant, col(SessionNote.session_id).in_(session_ids))
        .order_by(col(SessionNote.created_at), col(SessionNote.id))
    )
    return found.all()


async def held_by_counters(tx: ReadTx, counter_ids: Sequence[UUID]) -> dict[UUID, Session]:
    """The called or served session of each counter."""
    found = await tx.exec(
        select(Session).where(Session.tenant_id == tx.tenant, col(Session.counter_id).in_(counter_ids), _AT_COUNTER)
    )
    return {session.counter_id: session for session in found if session.counter_id is not None}


_ADD = """
    insert into sessions (
        tenant_id, queue_id, ticket_queue_id, status, call_count,
        id, service_day, ticket_serial, ticket_number, priority, rank_class, rank_time, rank_sequence,
        category_id, party_size, locale, joined_at, address_hash, access_code_id, ticket_category_id, lottery_id,
        device, user_identifier_sealed, user_identifier_index, email_sealed, email_index, phone_sealed, phone_index,
        visitor_metadata_sealed, held_at, payment_due_at
    )
    select $1, $2, $2, 'WAITING', 0,
        id, service_day, ticket_serial, ticket_number, priority, rank_class, rank_time, rank_sequence,
        category_id, party_size, locale, joined_at, address_hash, access_code_id, ticket_category_id, lottery_id,
        device, user_identifier_sealed, user_identifier_index, email_sealed, email_index, phone_sealed, phone_index,
        visitor_metadata_sealed, held_at, payment_due_at
    from unnest(
        $3::uuid[], $4::date[], $5::int[], $6::text[], $7::int[], $8::int[], $9::timestamptz[], $10::bigint[],
        $11::uuid[], $12::int[], $13::text[], $14::timestamptz[], $15::text[], $16::uuid[], $17::uuid[], $18::uuid[],
        $19::text[], $20::bytea[], $21::bytea[], $22::bytea[], $23::bytea[], $24::bytea[], $25::bytea[], $26::bytea[],
        $27::timestamptz[], $28::timestamptz[]
    ) as joined (
        id, service_day, ticket_serial, ticket_number, priority, rank_class, rank_time, rank_sequence,
        category_id, party_size, locale, joined_at, address_hash, access_code_id, ticket_category_id, lottery_id,
        device, user_identifier_sealed, user_identifier_index, email_sealed, email_index, phone_sealed, phone_index,
        visitor_metadata_sealed, held_at, payment_due_at
    )
"""


def add_all(tx: WriteTx, queue_id: UUID, joined: Sequence[Joined]) -> None:
    """Write sessions that have joined a queue.

    With the next statement, or at the end: `IntegrityError` then if one of them has a place, or its number is taken.
    """
    if joined:
        values = [
            (
                one.id,
                one.service_day,
                one.ticket_serial,
                one.ticket_number,
                one.priority,
                one.rank_class,
                one.rank_time,
                one.rank_sequence,
                one.category_id,
                one.party_size,
                one.locale,
                one.joined_at,
                one.address_hash,
                one.access_code_id,
                one.ticket_category_id,
                one.lottery_id,
                one.device,
                sealed(Session.user_identifier).seal(tx.tenant, one.id, one.user_identifier),
                one.user_identifier_index,
                sealed(Session.email).seal(tx.tenant, one.id, one.email),
                sealed(Session.email).index(tx.tenant, one.email),
                sealed(Session.phone).seal(tx.tenant, one.id, one.phone),
                sealed(Session.phone).index(tx.tenant, one.phone),
                sealed(Session.visitor_metadata).seal(tx.tenant, one.id, one.visitor_metadata),
                one.held_at,
                one.payment_due_at,
            )
            for one in joined
        ]
        tx.rows_later(_ADD, tx.tenant, queue_id, *zip(*values, strict=True))


def _after(rank: Rank) -> ColumnElement[bool]:
    return tuple_(*_RANK) > tuple_(
        literal(rank.rank_class, Integer()),
        literal(rank.rank_time, DateTime(timezone=True)),
        literal(rank.sequence, BigInteger()),
    )
