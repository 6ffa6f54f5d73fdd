"""Counters and shifts as staff see them."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.counters import models
from app.identity.permissions import Permission

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazySession = Annotated["Session", strawberry.lazy("app.sessions.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyUser = Annotated["User", strawberry.lazy("app.identity.graphql.types")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="One member of staff at one counter.")
class Shift(Node):
    row: strawberry.Private[models.Shift]
    started_at: datetime = strawberry.field(description="When work began.")
    paused_at: datetime | None = strawberry.field(description="Since when there is a break; null while at work.")
    ended_at: datetime | None = strawberry.field(description="When work ended; null while it runs.")
    break_seconds: float = strawberry.field(description="Length of all breaks that are over.")
    served_count: int = strawberry.field(description="Sessions completed.")
    average_service_seconds: float | None = strawberry.field(
        description="Mean time from start to completion; null until one is completed."
    )
    notes: str | None = strawberry.field(description="What was written at the end.")

    @classmethod
    def of(cls, row: models.Shift) -> "Shift":
        """From its row."""
        average = row.service_seconds_total / row.served_count if row.served_count else None
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            started_at=row.started_at,
            paused_at=row.paused_at,
            ended_at=row.ended_at,
            break_seconds=row.break_seconds,
            served_count=row.served_count,
            average_service_seconds=average,
            notes=row.notes,
        )

    @strawberry.field(description="Where.")
    async def counter(self, info: Info) -> "Counter":
        """The counter."""
        return await loaders.load_counter(info.context, self.tenant_key, self.row.counter_id)

    @strawberry.field(description="Who. Needs the permission `counter:read`.")
    async def user(self, info: Info) -> LazyUser | None:
        """The member of staff."""
        from app.identity.graphql.loaders import users_by_id

        info.context.actor.require_in(self.tenant_key, Permission.COUNTER_READ)
        return await info.context.loader(users_by_id, self.tenant_key).load(self.row.user_id)


@strawberry.type(description="A service point: a desk, a window, a room. It holds at most one session at a time.")
class Counter(Node):
    name: str = strawberry.field(description="At most 80 characters; unique in the tenant; shown on displays.")
    is_active: bool = strawberry.field(description="Whether it can call.")

    @classmethod
    def of(cls, row: models.Counter) -> "Counter":
        """From its row."""
        return cls(tenant_key=row.tenant_id, key=row.id, name=row.name, is_active=row.is_active)

    @strawberry.field(description="The queues it serves.")
    async def queues(self, info: Info) -> list[LazyQueue]:
        """Loaded for all counters of the answer at once."""
        return await loaders.queues_of_counter(info.context, self.tenant_key, self.key)

    @strawberry.field(
        description="The session it has called or serves; null while free. Needs the permission `session:read`."
    )
    async def current_session(self, info: Info) -> LazySession | None:
        """Loaded for all counters of the answer at once."""
        from app.sessions.graphql.loaders import session_at_counter

        return await session_at_counter(info.context, self.tenant_key, self.key)

    @strawberry.field(description="The shift that is worked at it, paused or not. Needs the permission `counter:read`.")
    async def current_shift(self, info: Info) -> Shift | None:
        """Loaded for all counters of the answer at once."""
        info.context.actor.require_in(self.tenant_key, Permission.COUNTER_READ)
        row = await info.context.loader(loaders.running_shifts, self.tenant_key).load(self.key)
        return None if row is None else Shift.of(row)


@strawberry.type(description="A counter and its cursor.")
class CounterEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Counter = strawberry.field(description="The counter.")


@strawberry.type(description="A page of counters, in order of creation.")
class CounterConnection:
    edges: list[CounterEdge] = strawberry.field(description="The counters.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.counters.graphql import loaders  # noqa: E402  (loaders build these types)
