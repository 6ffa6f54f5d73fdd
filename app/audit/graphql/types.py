"""The log as evidence, as clients see it. Whose it is and who may read it is the queries' business."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from app.audit.repository import KINDS, SealHead
from app.context import Info
from app.core import actor as actors
from app.core.events import EventRow
from app.core.graphql.enums import explained_enum
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.queues.shown import shown_data

LazyUser = Annotated["User", strawberry.lazy("app.identity.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

ActorKind = explained_enum(
    actors.ActorKind,
    "What kind of caller did something.",
    ANONYMOUS="Somebody without a token: a visitor who joins, say.",
    VISITOR="A visitor, with a session's token.",
    USER="Somebody with an account.",
    API_KEY="A program, with an API key.",
    SYSTEM="The platform itself: releases, ends of time, opening hours, commands at the terminal.",
)


@strawberry.type(description="Who did something.")
class AuditActor:
    tenant_key: strawberry.Private[UUID]
    key: strawberry.Private[UUID | None]
    kind: ActorKind = strawberry.field(description="What kind of caller it was.")  # type: ignore[valid-type]

    @strawberry.field(description="Id of the user, the API key, or the visitor's session; null for all others.")
    def id(self) -> strawberry.ID | None:
        """Of the kind's own type."""
        if self.key is None:
            return None
        return strawberry.ID(encode(KINDS[actors.ActorKind(self.kind)], self.tenant_key, self.key))

    @strawberry.field(description="The user, if it was one who is still there.")
    async def user(self, info: Info) -> LazyUser | None:
        """Loaded for all entries of the answer at once."""
        from app.identity.graphql.loaders import users_by_id

        if self.key is None or actors.ActorKind(self.kind) is not actors.ActorKind.USER:
            return None
        return await info.context.loader(users_by_id, self.tenant_key).load(self.key)


@strawberry.type(
    description=(
        "One value that was changed. Masked: of e-mail addresses, names and identifiers the initial is kept, of phone "
        "numbers the last two digits, of secrets and notes nothing (`•••`)."
    )
)
class AuditChange:
    field: str = strawberry.field(
        description=(
            "Its name in the tables, with a part of it behind a dot (`settings.locale`); of another row than the "
            "object's own with the table before it (`sessions.status`, `sessions.2.status`)."
        )
    )
    before: JSON | None = strawberry.field(description="The old value; null if there was none.")
    after: JSON | None = strawberry.field(description="The new value; null if there is none.")


@strawberry.type(description="One fact from the log of everything that was changed. It is never edited.")
class AuditEntry:
    occurred_at: datetime = strawberry.field(description="When.")
    type: str = strawberry.field(description="What happened, e.g. `QUEUE_UPDATED`, `USER_LOGIN_REVOKED`.")
    object_type: str = strawberry.field(description="What it happened to, e.g. `queue`, `user`, `tenant`, `api_key`.")
    object_id: strawberry.ID = strawberry.field(
        description="Its id. What happens to a session is in the log of its queue; `data.session.id` names it."
    )
    revision: int = strawberry.field(description="The object's revision afterwards; without gaps.")
    actor: AuditActor = strawberry.field(description="Who did it.")
    changes: list[AuditChange] = strawberry.field(
        description="Old and new values, of at most 20 rows; empty where the event says it all in `data`."
    )
    data: JSON = strawberry.field(description="What the event says, with camelCase keys. No personal data.")
    address: str | None = strawberry.field(
        description="Network address it came from; null if nobody asked for it, or once it was erased."
    )
    agent: str | None = strawberry.field(
        description="What the client said it is (`User-Agent`), at most 200 characters; null like `address`."
    )
    request: str | None = strawberry.field(
        description="The `x-request-id` of the request, which error reports and logs name; null if there was none."
    )
    is_sealed: bool = strawberry.field(
        description="Whether a seal protects it from being changed unnoticed: within about a second."
    )

    @classmethod
    def of(cls, row: EventRow) -> "AuditEntry":
        """From its row."""
        kind, _, id = row.actor.partition(":")
        kind_of_object = KINDS.get(row.aggregate_type, _title(row.aggregate_type))
        changes: dict[str, Any] = row.changes or {}
        return cls(
            occurred_at=row.occurred_at,
            type=row.type,
            object_type=row.aggregate_type,
            object_id=strawberry.ID(encode(kind_of_object, row.tenant_id, row.aggregate_id)),
            revision=row.revision,
            actor=AuditActor(tenant_key=row.tenant_id, key=UUID(id) if id else None, kind=actors.ActorKind(kind)),
            changes=[
                AuditChange(field=name, before=each["before"], after=each["after"])
                for name, each in sorted(changes.items())
            ],
            data=JSON(shown_data(row.data, row.tenant_id)),
            address=row.address,
            agent=row.agent,
            request=row.request_id,
            is_sealed=row.published_at is not None,
        )


@strawberry.type(description="An entry and its cursor.")
class AuditEntryEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the audit log, newest first.")
class AuditEntryConnection:
    edges: list[AuditEntryEdge] = strawberry.field(description="The entries.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(
    description=(
        "The newest seal of the log. Whoever notes it elsewhere can have the log held against it later: "
        "`vq audit verify --tenant <slug> --head <number>:<seal>`."
    )
)
class AuditSeal:
    number: int = strawberry.field(description="How many seals there are; each stands on the one before.")
    seal: str = strawberry.field(description="64 hexadecimal digits (HMAC-SHA256 with the installation's secret).")
    sealed_at: datetime = strawberry.field(description="When it was made.")

    @classmethod
    def of(cls, head: SealHead) -> "AuditSeal":
        """From what is stored."""
        return cls(number=head.number, seal=head.seal.hex(), sealed_at=head.sealed_at)


def _title(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
