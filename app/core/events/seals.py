"""Seals over the event log: each names the events it covers and holds their digests, chained to the one before.

The relay writes them with what it takes to the bus, so that whoever changes something waits for nothing. Whether they
still fit the log is `app/audit/verification.py`'s question.

Digests are keyed with the installation's secret: whoever can write to the database alone can edit an event, but cannot
make a seal that fits. There is a chain for each tenant, because a tenant's log is deleted with it.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from app.core.crypto import derive_key
from app.core.db import WriteTx

DIGEST_BYTES = 32
_HALF = DIGEST_BYTES // 2


class Entry(NamedTuple):
    """An event as the log holds it; `data` and `changes` are JSON text, as PostgreSQL writes it."""

    tenant_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    revision: int
    occurred_at: datetime
    id: UUID
    type: str
    data: str
    actor: str
    request_id: str | None
    changes: str | None
    address: str | None
    agent: str | None


class Head(NamedTuple):
    """The newest seal of a chain."""

    number: int
    seal: bytes


GENESIS = Head(0, b"")


def sealing_key(secret: str) -> bytes:
    """The key of digests and seals."""
    return derive_key(secret, "event seals")


def digest(key: bytes, entry: Entry) -> bytes:
    """32 bytes: 16 of what stays for ever, 16 of where it came from, which is erased one day.

    128 bits of a keyed hash are as hard to forge; erased addresses cannot be found again by trying them all.
    """
    lasting = [str(entry.tenant_id), entry.aggregate_type, str(entry.aggregate_id), entry.revision, _at(entry)]
    lasting += [str(entry.id), entry.type, entry.data, entry.actor, entry.request_id, entry.changes]
    passing = [str(entry.id), entry.address, entry.agent]
    return _hmac(key, orjson.dumps(lasting))[:_HALF] + _hmac(key, orjson.dumps(passing))[:_HALF]


def lasting(digested: bytes) -> bytes:
    """The part of a digest that covers what is never erased."""
    return digested[:_HALF]


def chained(key: bytes, previous: Head, tenant_id: UUID, sealed_at: datetime, entries: Sequence["Place"]) -> Head:
    """The seal behind `previous` that covers events, given by their places in the log and their digests."""
    number = previous.number + 1
    named = [[each.aggregate_type, str(each.aggregate_id), each.revision, each.occurred_at] for each in entries]
    head = orjson.dumps([str(tenant_id), number, sealed_at, named])
    return Head(number, _hmac(key, previous.seal + head + b"".join(each.digest for each in entries)))


class Place(NamedTuple):
    """Where a sealed event is in the log, and what it was."""

    aggregate_type: str
    aggregate_id: UUID
    revision: int
    occurred_at: datetime
    digest: bytes


async def seal(tx: WriteTx, key: bytes, entries: Sequence[Entry]) -> None:
    """Seal events that are in no seal yet: one more link in the chain of each tenant among them.

    Holds these chains until the transaction ends, so that two relays do not forge the same link.
    """
    by_tenant: dict[UUID, list[Entry]] = {}
    for entry in entries:
        by_tenant.setdefault(UUID(int=entry.tenant_id.int), []).append(entry)
    tenants = sorted(by_tenant)
    await tx.rows(_HOLD, [str(tenant) for tenant in tenants])
    # A statement of its own: it has to see what whoever held the chain before has committed.
    heads = {row[0]: GENESIS if row[1] is None else Head(row[1], row[2]) for row in await tx.rows(_HEADS, tenants)}
    now, links = tx.now(), []
    for tenant in tenants:
        places = [Place(*entry[1:5], digest(key, entry)) for entry in by_tenant[tenant]]
        link = chained(key, heads[tenant], tenant, now, places)
        links.append((tenant, link.number, b"".join(place.digest for place in places), link.seal))
    flat = [entry[:5] for tenant in tenants for entry in by_tenant[tenant]]
    await tx.rows(_SEAL, now, *zip(*links, strict=True), *zip(*flat, strict=True))


_HOLD = "select pg_advisory_xact_lock(hashtextextended('event seals of ' || id, 0)) from unnest($1::text[]) as t (id)"
_HEADS = """
    select asked.id, newest.number, newest.seal from unnest($1::uuid[]) as asked (id)
    left join lateral (
        select number, seal from event_seals where tenant_id = asked.id order by number desc limit 1
    ) as newest on true
"""
# What is left of a tenant that was deleted meanwhile goes unsealed.
_SEAL = """
    insert into event_seals
        (tenant_id, number, sealed_at, event_count, aggregate_types, aggregate_ids, revisions, times, digests, seal)
    select link.tenant_id, link.number, $1, count(*), array_agg(fact.kind order by fact.place),
        array_agg(fact.id order by fact.place), array_agg(fact.revision order by fact.place),
        array_agg(fact.at order by fact.place), link.digests, link.seal
    from unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::bytea[]) as link (tenant_id, number, digests, seal)
    join unnest($6::uuid[], $7::text[], $8::uuid[], $9::bigint[], $10::timestamptz[])
        with ordinality as fact (tenant_id, kind, id, revision, at, place) on fact.tenant_id = link.tenant_id
    join tenants on tenants.id = link.tenant_id
    group by link.tenant_id, link.number, link.digests, link.seal
"""


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _at(entry: Entry) -> str:
    return entry.occurred_at.isoformat()
