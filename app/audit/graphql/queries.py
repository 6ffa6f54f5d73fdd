"""Reading the log as evidence. Nothing here, and nothing anywhere, changes it."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.audit import repository
from app.audit.graphql.types import ActorKind, AuditEntry, AuditEntryConnection, AuditEntryEdge, AuditSeal
from app.audit.repository import Wanted
from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.errors import BadInput, NotFound
from app.core.graphql.instants import instant
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import parse
from app.identity.permissions import Permission

MAX_TYPES = 20


@strawberry.input(description="Which entries; whatever is given has to hold.")
class AuditFilter:
    actor_kind: ActorKind | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Done by this kind of caller."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done by this user, API key, or visitor (the session's id)."
    )
    types: list[str] | None = strawberry.field(
        default=None, description="What happened, e.g. `QUEUE_UPDATED`: one of these, at most 20."
    )
    object_id: strawberry.ID | None = strawberry.field(
        default=None, description="What it happened to: a queue, user, counter, tenant, API key, custom role."
    )
    since: datetime | None = strawberry.field(default=None, description="At this time or later.")
    until: datetime | None = strawberry.field(default=None, description="Before this time.")
    request: str | None = strawberry.field(default=None, description="In the request with this `x-request-id`.")

    def wanted(self, context: Context) -> Wanted:
        """As the repository understands it."""
        if self.types is not None and len(self.types) > MAX_TYPES:
            raise BadInput(f"`types` has at most {MAX_TYPES} members.")
        kind: str | None = self.actor_kind
        return Wanted(
            actor_kind=kind,
            actor=None if self.actor_id is None else _label(context, self.actor_id),
            types=self.types,
            aggregate=None if self.object_id is None else _object(context, self.object_id),
            since=instant("since", self.since),
            until=instant("until", self.until),
            request_id=self.request,
        )


@strawberry.type
class AuditQuery:
    @strawberry.field(
        description=(
            "Everything that was changed in the business, newest first: who, when, from where, what, with old and new "
            "values. Joins and calls are in it as well: filter, or ask for one object."
        ),
        extensions=[Requires(Permission.AUDIT_READ)],
    )
    async def audit_entries(
        self,
        info: Info,
        first: First,
        after: After = None,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which; by default all.")] = None,
    ) -> AuditEntryConnection:
        wanted = (filter or AuditFilter()).wanted(info.context)
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after), wanted)
        return connection(AuditEntryConnection, AuditEntryEdge, page, AuditEntry.of)

    @strawberry.field(
        description="The newest seal of the business's log; null before the first.",
        extensions=[Requires(Permission.AUDIT_READ)],
    )
    async def audit_seal(self, info: Info) -> AuditSeal | None:
        async with info.context.read() as tx:
            head = await repository.head(tx)
        return None if head is None else AuditSeal.of(head)


_ACTORS = {"User": "USER", "ApiKey": "API_KEY", "Session": "VISITOR"}


def _label(context: Context, id: str) -> str:
    kind, key = _own(context, id)
    if kind not in _ACTORS:
        raise NotFound("User")
    return f"{_ACTORS[kind]}:{key}"


def _object(context: Context, id: str) -> tuple[str, UUID]:
    kind, key = _own(context, id)
    return _TYPES.get(kind) or re.sub("(?<=[a-z])(?=[A-Z])", "_", kind).lower(), key


_TYPES = {"CustomRole": "role"}


def _own(context: Context, id: str) -> tuple[str, UUID]:
    kind, ref = parse(id)
    context.actor.require_tenant(ref.tenant_id, kind)
    return kind, ref.id
