"""What follows from events, as data: which jobs are owed for which type of event. The table is `app/reactions.py`.

Deciding is pure, so that relaying an event twice owes the same jobs twice, which is once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import orjson

from app.core.jobs.kinds import JobKind
from app.core.jobs.repository import NewJob


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as the relay reads it and as a job is given it. Its data stays JSON text until somebody needs it."""

    id: UUID
    tenant_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    revision: int
    occurred_at: datetime
    type: str
    json: str
    request_id: str | None
    # The revision of the first event this one stands for: of a `latest` reaction, all that were relayed together.
    first_revision: int | None = None

    @property
    def data(self) -> dict[str, Any]:
        """What the event says."""
        found: dict[str, Any] = orjson.loads(self.json)
        return found

    def as_args(self) -> dict[str, Any]:
        """As a job's arguments."""
        return {
            "id": str(self.id),
            "tenantId": str(self.tenant_id),
            "aggregateType": self.aggregate_type,
            "aggregateId": str(self.aggregate_id),
            "revision": self.revision,
            "occurredAt": self.occurred_at.isoformat(),
            "type": self.type,
            "data": self.data,
            "requestId": self.request_id,
            "firstRevision": self.first_revision,
        }

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Self:
        """From a job's arguments."""
        return cls(
            id=UUID(args["id"]),
            tenant_id=UUID(args["tenantId"]),
            aggregate_type=args["aggregateType"],
            aggregate_id=UUID(args["aggregateId"]),
            revision=args["revision"],
            occurred_at=datetime.fromisoformat(args["occurredAt"]),
            type=args["type"],
            json=orjson.dumps(args["data"]).decode(),
            request_id=args["requestId"],
            # Jobs that were written before there was this.
            first_revision=args.get("firstRevision"),
        )


@dataclass(frozen=True, slots=True)
class Reaction:
    """A job that follows from an event; its arguments are the event's `Fact`."""

    kind: JobKind
    # One job stands for all events of an aggregate that are relayed together; it is given the newest.
    latest_only: bool


def each(kind: JobKind) -> Reaction:
    """A job for every event."""
    return Reaction(kind, latest_only=False)


def latest(kind: JobKind) -> Reaction:
    """A job that looks at the present state, so that one does for several events of the same aggregate.

    Or at all of those events: its fact says where they begin (`first_revision`).
    """
    return Reaction(kind, latest_only=True)


Reactions = Mapping[str, Sequence[Reaction]]
"""By type of event."""


def jobs_owed(reactions: Reactions, facts: Sequence[Fact]) -> list[NewJob]:
    """The jobs that follow from events given in the order they happened."""
    owed: dict[tuple[str, UUID], NewJob] = {}
    first: dict[tuple[str, UUID], int] = {}
    for fact in facts:
        for reaction in reactions.get(fact.type, ()):
            kind = reaction.kind
            if reaction.latest_only:
                fact = replace(fact, first_revision=first.setdefault((kind.name, fact.aggregate_id), fact.revision))
            job = NewJob(
                fact.tenant_id, kind.name, fact.as_args(), f"{kind.name}:{fact.id}", fact.request_id, lane=kind.lane
            )
            owed[kind.name, fact.aggregate_id if reaction.latest_only else fact.id] = job
    return list(owed.values())
