"""Whether the event log is still what was sealed: every event as it was, none gone, none slipped in. Changes nothing.

What erasure took away lawfully (where events came from) is counted and is no offence. An end that was cut off together
with its seals is found by the revisions of the objects the events were about, and by a seal that was noted elsewhere.
"""

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.audit import repository
from app.audit.repository import SealRow
from app.core.db import Database, ReadTx
from app.core.events.seals import DIGEST_BYTES, GENESIS, Entry, Head, Place, chained, digest, lasting

MAX_FINDINGS = 1_000
_SEALS_AT_ONCE = 20


class FindingKind(StrEnum):
    """What is wrong with the log."""

    EVENT_CHANGED = "EVENT_CHANGED"
    EVENT_MISSING = "EVENT_MISSING"
    EVENT_ADDED = "EVENT_ADDED"
    SEAL_CHANGED = "SEAL_CHANGED"
    SEAL_MISSING = "SEAL_MISSING"
    REVISION_MISSING = "REVISION_MISSING"
    HEAD_UNKNOWN = "HEAD_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One offence: where it is, in words."""

    kind: FindingKind
    place: str

    def __str__(self) -> str:
        return f"{_SENTENCES[self.kind]}: {self.place}"


_SENTENCES = {
    FindingKind.EVENT_CHANGED: "an event is not what was sealed",
    FindingKind.EVENT_MISSING: "a sealed event is gone",
    FindingKind.EVENT_ADDED: "an event was slipped in behind the seals",
    FindingKind.SEAL_CHANGED: "a seal does not fit the ones before it",
    FindingKind.SEAL_MISSING: "a seal is gone",
    FindingKind.REVISION_MISSING: "an object's history has a gap, or ends too early",
    FindingKind.HEAD_UNKNOWN: "the noted seal is not in the chain",
}


@dataclass(slots=True)
class Verdict:
    """What was found of one tenant's log; `findings` are at most 1,000."""

    tenant_id: UUID
    head: Head = GENESIS
    event_count: int = 0
    # Where they came from was erased since.
    erased_count: int = 0
    # Not older than a second or so, unless the relay stands still.
    unsealed_count: int = 0
    findings: list[Finding] = field(default_factory=list)

    def find(self, kind: FindingKind, place: str) -> None:
        """Note an offence, if there is room."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind, place))


async def verify(system: Database, key: bytes, tenant_id: UUID, noted: Head | None = None) -> Verdict:
    """Hold one tenant's log against its seals, as both are at this instant.

    `noted` is a head that was written down before: a chain that does not lead through it was made anew, or cut.
    """
    verdict = Verdict(tenant_id)
    async with system.read(tenant_id, snapshot=True) as tx:
        await _follow(tx, key, verdict, noted)
        for place in await repository.published_unsealed(tx, limit=MAX_FINDINGS):
            verdict.find(FindingKind.EVENT_ADDED, _words(*place))
        for kind, id, first, last, count in await repository.torn_histories(tx, limit=MAX_FINDINGS):
            verdict.find(FindingKind.REVISION_MISSING, f"{kind} {id}: {count} events for revisions {first} to {last}")
        for kind, id, last, revision in await repository.cut_histories(tx, limit=MAX_FINDINGS):
            verdict.find(FindingKind.REVISION_MISSING, f"{kind} {id} is at revision {revision}, its events at {last}")
        verdict.unsealed_count = await repository.count_unsealed(tx)
    return verdict


async def _follow(tx: ReadTx, key: bytes, verdict: Verdict, noted: Head | None) -> None:
    is_noted_met = noted is None or noted.number == 0
    async for seal, entries in _sealed(tx):
        if seal.number != verdict.head.number + 1:
            verdict.find(FindingKind.SEAL_MISSING, f"seals {verdict.head.number + 1} to {seal.number - 1}")
        places = _places(seal)
        # What a seal stands on is the one before it as it is now: each offence is told once, where it is.
        link = chained(key, Head(seal.number - 1, verdict.head.seal), verdict.tenant_id, seal.sealed_at, places)
        if not hmac.compare_digest(link.seal, seal.seal):
            verdict.find(FindingKind.SEAL_CHANGED, f"seal {seal.number} of {seal.sealed_at:%Y-%m-%d %H:%M:%S}")
        for place in places:
            _compare(key, verdict, place, entries.get(place[:4]))
        verdict.head = Head(seal.number, seal.seal)
        is_noted_met = is_noted_met or verdict.head == noted
    if not is_noted_met and noted is not None:
        verdict.find(FindingKind.HEAD_UNKNOWN, f"seal {noted.number}, {noted.seal.hex()}")


def _compare(key: bytes, verdict: Verdict, place: Place, entry: Entry | None) -> None:
    verdict.event_count += 1
    words = _words(*place[:4])
    if entry is None:
        verdict.find(FindingKind.EVENT_MISSING, words)
        return
    found = digest(key, entry)
    if hmac.compare_digest(found, place.digest):
        return
    if hmac.compare_digest(lasting(found), lasting(place.digest)) and entry.address is None and entry.agent is None:
        verdict.erased_count += 1
    else:
        verdict.find(FindingKind.EVENT_CHANGED, words)


async def _sealed(tx: ReadTx) -> AsyncIterator[tuple[SealRow, dict[tuple[object, ...], Entry]]]:
    """Every seal in order, with the events that are where it says."""
    after = 0
    while seals := await repository.seals_after(tx, after, limit=_SEALS_AT_ONCE):
        after = seals[-1].number
        found = await repository.entries_of(tx, seals[0].number, after)
        for seal in seals:
            yield seal, found


def _places(seal: SealRow) -> list[Place]:
    digests = [seal.digests[at : at + DIGEST_BYTES] for at in range(0, len(seal.digests), DIGEST_BYTES)]
    # Of different lengths only if somebody has been at it; then the seal does not fit either.
    return [
        Place(*each) for each in zip(seal.kinds, seal.aggregate_ids, seal.revisions, seal.times, digests, strict=False)
    ]


def _words(kind: str, id: UUID, revision: int, at: object) -> str:
    return f"{kind} {id}, revision {revision}, of {at}"
