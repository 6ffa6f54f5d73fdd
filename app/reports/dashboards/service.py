"""What can be done with dashboards: keep, change, share, delete. What they show is asked of analytics by whoever draws.

A dashboard that is somebody's own is found by nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import Event, record
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.queues import repository as queues
from app.reports.dashboards import repository, rules
from app.reports.dashboards.errors import DashboardChanged
from app.reports.dashboards.events import (
    SAVED_DASHBOARD,
    SavedDashboardCreated,
    SavedDashboardDeleted,
    SavedDashboardUpdated,
)
from app.reports.dashboards.models import SavedDashboard
from app.reports.dashboards.rules import Widget
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

MAX_DASHBOARDS: Final = 500


@dataclass(frozen=True, slots=True)
class NewDashboard:
    """A dashboard as it is asked for."""

    name: str
    widgets: Sequence[Widget] = ()
    shared: bool = False


class DashboardChanges(TypedDict, total=False):
    """What is to be different."""

    name: str
    widgets: Sequence[Widget]
    shared: bool


def user_of(actor: Actor) -> UUID | None:
    """Whose own dashboards somebody has: a user's; programs have none."""
    return actor.id if actor.kind is ActorKind.USER else None


async def create(tx: WriteTx, new: NewDashboard) -> SavedDashboard:
    """Keep a dashboard. Raises `InvalidInput`, `LimitReached`, `NotFound` (of a queue)."""
    ensure_text("name", new.name, 1, 120)
    widgets = await _kept(tx, new.widgets)
    owner_id = user_of(tx.actor)
    _ensure_owned(owner_id, shared=new.shared)
    # Held, so that of several who create at once nobody goes past the limit.
    await tenants.hold_limits(tx)
    if await repository.count(tx) >= MAX_DASHBOARDS:
        raise LimitReached("savedDashboards", MAX_DASHBOARDS)
    now, who = tx.now(), tx.actor.label
    dashboard = SavedDashboard(
        tenant_id=tx.tenant,
        id=new_id(),
        name=new.name.strip(),
        owner_id=owner_id,
        shared=new.shared,
        widgets=widgets,
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    tx.add(dashboard)
    await tx.flush()
    created = SavedDashboardCreated(dashboard.name, dashboard.shared)
    record(tx, SAVED_DASHBOARD, dashboard.id, dashboard.revision, created, now)
    return dashboard


async def update(
    tx: WriteTx, dashboard_id: UUID, changes: DashboardChanges, *, from_revision: int | None = None
) -> SavedDashboard:
    """Change some of a dashboard; nothing is recorded if everything is so already.

    Raises what `create` does, `DashboardChanged` and `NotFound`.
    """
    dashboard = await repository.lock(tx, user_of(tx.actor), dashboard_id)
    _ensure_unchanged(dashboard, from_revision)
    wanted: dict[str, Any] = {}
    if "name" in changes:
        ensure_text("name", changes["name"], 1, 120)
        wanted["name"] = changes["name"].strip()
    if "widgets" in changes:
        wanted["widgets"] = await _kept(tx, changes["widgets"])
    if "shared" in changes:
        _ensure_owned(dashboard.owner_id, shared=changes["shared"])
        if not changes["shared"] and dashboard.owner_id != user_of(tx.actor):
            raise InvalidInput("isShared", "Only its owner takes a dashboard back.")
        wanted["shared"] = changes["shared"]
    changed = sorted(name for name, value in wanted.items() if getattr(dashboard, name) != value)
    if changed:
        for name in changed:
            setattr(dashboard, name, wanted[name])
        _note(tx, dashboard, SavedDashboardUpdated(changed))
        await tx.flush()
    return dashboard


async def delete(tx: WriteTx, dashboard_id: UUID, *, from_revision: int | None = None) -> None:
    """Forget a dashboard. Raises `DashboardChanged`, `NotFound`."""
    dashboard = await repository.lock(tx, user_of(tx.actor), dashboard_id)
    _ensure_unchanged(dashboard, from_revision)
    _note(tx, dashboard, SavedDashboardDeleted(dashboard.name))
    await tx.delete(dashboard)


async def _kept(tx: WriteTx, widgets: Sequence[Widget]) -> list[dict[str, Any]]:
    wanted = sorted({each for widget in widgets for each in widget.queue_ids})
    if len(await queues.with_lines(tx, wanted)) != len(wanted):
        raise NotFound("Queue")
    rules.ensure_widgets(widgets)
    return [widget.as_json() for widget in widgets]


def _ensure_owned(owner_id: UUID | None, *, shared: bool) -> None:
    if owner_id is None and not shared:
        raise InvalidInput("isShared", "An API key has no dashboards of its own: share it.")


def _ensure_unchanged(dashboard: SavedDashboard, from_revision: int | None) -> None:
    if from_revision is not None and from_revision != dashboard.revision:
        raise DashboardChanged(dashboard.revision)


def _note(tx: WriteTx, dashboard: SavedDashboard, event: Event) -> None:
    dashboard.revision += 1
    dashboard.updated_at, dashboard.updated_by = tx.now(), tx.actor.label
    record(tx, SAVED_DASHBOARD, dashboard.id, dashboard.revision, event, dashboard.updated_at)
