"""Somebody who looks at a business on a clock that stands still, as the worker does by its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from app.alerts import service
from app.alerts.looking import Looked, look
from app.alerts.models import Alert, AlertMetric, AlertResolution, AlertStatus
from app.alerts.service import NewRule, RuleChanges
from app.core.actor import SYSTEM, Actor, ActorKind
from app.core.clock import ManualClock
from app.core.events.models import EventRow
from app.identity.models import Role, User
from app.identity.permissions import Permission
from app.notifications.models import NotificationChannel
from tests.notifications.world import World

EMAIL = NotificationChannel.EMAIL
OPERATOR = Actor(ActorKind.USER, permissions=frozenset({Permission.PLATFORM_ALERTS}))


@dataclass
class Watch:
    """The world, and somebody who looks at it."""

    world: World
    clock: ManualClock

    async def rule(self, metric: AlertMetric, threshold: float, *, by: Actor = SYSTEM, **values: Any) -> UUID:
        new = NewRule(values.pop("name", "Too many"), metric, threshold, **values)
        async with self.world.dbs.app.write(self.world.tenant_id, by) as tx:
            return (await service.create(tx, new)).id

    async def change(self, rule_id: UUID, **changes: Any) -> None:
        async with self.world.dbs.app.write(self.world.tenant_id, SYSTEM) as tx:
            await service.update(tx, rule_id, RuleChanges(**changes))  # type: ignore[typeddict-item]

    async def look(self, seconds: float = 0, probes: Mapping[str, bool] | None = None) -> Looked:
        """Time passes; somebody looks once."""
        self.clock.advance(seconds=seconds)
        dbs = self.world.dbs
        return await look(dbs.system, dbs.app, self.world.settings, set(AlertMetric), probes)

    async def alerts(self) -> list[Alert]:
        async with self.world.dbs.app.read(self.world.tenant_id) as tx:
            found = await tx.exec(select(Alert).order_by(col(Alert.raised_at), col(Alert.subject)))
            return list(found)

    async def states(self) -> list[tuple[AlertStatus, AlertResolution | None]]:
        return [(alert.status, alert.resolution) for alert in await self.alerts()]

    async def events(self) -> list[tuple[str, int]]:
        async with self.world.dbs.app.read(self.world.tenant_id) as tx:
            found = await tx.exec(
                select(EventRow.type, EventRow.revision)
                .where(EventRow.aggregate_type == "alert")
                .order_by(col(EventRow.occurred_at), col(EventRow.revision))
            )
            return [(type_, revision) for type_, revision in found]

    async def send(self, looked: Looked) -> None:
        """Run what a look wants to be done at once, as the worker does."""
        for job in looked.jobs:
            await self.world.runner.run(job)

    async def colleague(self, name: str = "boss") -> UUID:
        async with self.world.dbs.app.write(self.world.tenant_id, SYSTEM) as tx:
            now = tx.now()
            user = User(
                tenant_id=self.world.tenant_id,
                email=f"{name}@example.com",
                password_hash="unused",
                role=Role.STAFF,
                created_at=now,
                created_by="test",
                updated_at=now,
                updated_by="test",
            )
            tx.add(user)
            await tx.flush()
            return user.id

    async def crowd(self, size: int) -> None:
        for at in range(size):
            await self.world.join(f"v{at}", email=None)
