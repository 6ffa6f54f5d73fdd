"""Every statement about the log as evidence: its seals, what fits them, and pages of entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, text
from sqlmodel import col, select

from app.core.actor import ActorKind
from app.core.db import ReadTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.events import EventRow
from app.core.events.seals import Entry

KINDS: Mapping[str, str] = MappingProxyType(
    {
        ActorKind.USER: "User",
        ActorKind.API_KEY: "ApiKey",
        ActorKind.VISITOR: "Session",
        "role": "CustomRole",
    }
)
"""Kinds of ids where they are not the aggregate's type in other letters."""

# As the partial index has it: the planner takes a word for nothing else.
_BY_STAFF = "(actor like 'USER:%' or actor like 'API_KEY:%')"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None is whatever it may be."""

    actor_kind: str | None = None
    actor: str | None = None
    types: Sequence[str] | None = None
    # Type and id.
    aggregate: tuple[str, UUID] | None = None
    since: datetime | None = None
    until: datetime | None = None
    request_id: str | None = None


class SealHead(NamedTuple):
    """The newest seal of a chain, and when it was made."""

    number: int
    seal: bytes
    sealed_at: datetime


class SealRow(NamedTuple):
    """A seal as it is stored."""

    number: int
    sealed_at: datetime
    kinds: Sequence[str]
    aggregate_ids: Sequence[UUID]
    revisions: Sequence[int]
    times: Sequence[datetime]
    digests: bytes
    seal: bytes


async def tenants(tx: ReadTx, slug: str | None) -> list[tuple[str, UUID]]:
    """Slugs and ids of all tenants, or of the one with this slug; needs a block of the platform."""
    found = await tx.rows("select slug, id from tenants where $1::text is null or slug = $1 order by slug", slug)
    return [(row[0], row[1]) for row in found]


async def seals_after(tx: ReadTx, number: int, *, limit: int) -> list[SealRow]:
    """Seals in order."""
    return [SealRow(*row) for row in await tx.rows(_SEALS, tx.tenant, number, limit)]


async def page(tx: ReadTx, request: PageRequest, wanted: Wanted) -> Page[EventRow]:
    """The tenant's events, newest first."""
    statement = select(EventRow).where(EventRow.tenant_id == tx.tenant, *_conditions(wanted))
    keys = [EventRow.occurred_at, EventRow.aggregate_id, EventRow.revision]
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.actor is not None:
        found.append(col(EventRow.actor) == wanted.actor)
    if (wanted.actor or wanted.actor_kind or "").startswith((ActorKind.USER, ActorKind.API_KEY)):
        found.append(text(_BY_STAFF))  # type: ignore[arg-type]
    if wanted.actor_kind is not None:
        found.append(col(EventRow.actor).like(f"{wanted.actor_kind}%"))
    if wanted.types is not None:
        found.append(col(EventRow.type).in_(wanted.types))
    if wanted.aggregate is not None:
        found.append(col(EventRow.aggregate_type) == wanted.aggregate[0])
        found.append(col(EventRow.aggregate_id) == wanted.aggregate[1])
    if wanted.since is not None:
        found.append(col(EventRow.occurred_at) >= wanted.since)
    if wanted.until is not None:
        found.append(col(EventRow.occurred_at) < wanted.until)
    if wanted.request_id is not None:
        found.append(col(EventRow.request_id) == wanted.request_id)
    return found


async def head(tx: ReadTx) -> SealHead | None:
    """The newest seal and when it was made; None before the first."""
    found = await tx.rows(
        "select number, seal, sealed_at from event_seals where tenant_id = $1 order by number desc limit 1", tx.tenant
    )
    return SealHead(*found[0]) if found else None


async def entries_of(tx: ReadTx, first: int, last: int) -> dict[tuple[object, ...], Entry]:
    """The events these seals name, by type and id of the aggregate, revision and time, as far as they are there."""
    found = [Entry(*row) for row in await tx.rows(_ENTRIES, tx.tenant, first, last)]
    return {entry[1:5]: entry for entry in found}


async def published_unsealed(tx: ReadTx, *, limit: int) -> Sequence[Any]:
    """Events the relay has passed on, it seems, that are in no seal."""
    return await tx.rows(_UNSEALED, tx.tenant, limit)


async def torn_histories(tx: ReadTx, *, limit: int) -> Sequence[Any]:
    """Aggregates whose revisions have gaps or doubles."""
    return await tx.rows(_TORN, tx.tenant, limit)


async def cut_histories(tx: ReadTx, *, limit: int) -> Sequence[Any]:
    """Objects that are further on than the last of their events."""
    return await tx.rows(_CUT, tx.tenant, limit)


async def count_unsealed(tx: ReadTx) -> int:
    """How many events the relay has yet to pass on and to seal."""
    found = await tx.rows("select count(*) from events where tenant_id = $1 and published_at is null", tx.tenant)
    count: int = found[0][0]
    return count


_SEALS = """
    select number, sealed_at, aggregate_types, aggregate_ids, revisions, times, digests, seal from event_seals
    where tenant_id = $1 and number > $2 order by number limit $3
"""
_PLACES = """
    select place.* from event_seals s
    cross join lateral unnest(s.aggregate_types, s.aggregate_ids, s.revisions, s.times)
        as place (aggregate_type, aggregate_id, revision, occurred_at)
    where s.tenant_id = $1
"""
_ENTRIES = f"""
    select e.tenant_id, e.aggregate_type, e.aggregate_id, e.revision, e.occurred_at, e.id, e.type, e.data::text,
        e.actor, e.request_id, e.changes::text, e.address, e.agent
    from ({_PLACES} and s.number between $2 and $3) as place
    join events e on e.tenant_id = $1 and e.aggregate_type = place.aggregate_type
        and e.aggregate_id = place.aggregate_id and e.revision = place.revision and e.occurred_at = place.occurred_at
"""
_UNSEALED = f"""
    with sealed as materialized ({_PLACES})
    select e.aggregate_type, e.aggregate_id, e.revision, e.occurred_at from events e
    where e.tenant_id = $1 and e.published_at is not null and not exists (
        select from sealed where sealed.aggregate_type = e.aggregate_type and sealed.aggregate_id = e.aggregate_id
            and sealed.revision = e.revision and sealed.occurred_at = e.occurred_at
    )
    order by e.occurred_at limit $2
"""
_TORN = """
    select aggregate_type, aggregate_id, min(revision), max(revision), count(*) from events where tenant_id = $1
    group by aggregate_type, aggregate_id having count(*) <> max(revision) - min(revision) + 1 limit $2
"""
_CUT = """
    with objects (kind, id, revision) as (
        select 'tenant', id, revision from tenants where id = $1
        union all select 'queue', id, revision from queue_lines where tenant_id = $1
        union all select 'counter', id, revision from counters where tenant_id = $1
        union all select 'user', id, revision from users where tenant_id = $1
        union all select 'api_key', id, revision from api_keys where tenant_id = $1
        union all select 'role', id, revision from roles where tenant_id = $1
    )
    select kind, id, last, revision from (
        select objects.*, (
            select coalesce(max(e.revision), 0) from events e
            where e.tenant_id = $1 and e.aggregate_type = kind and e.aggregate_id = objects.id
        ) as last from objects
    ) as found
    where revision > last limit $2
"""
