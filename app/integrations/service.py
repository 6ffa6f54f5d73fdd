"""What can be done with integrations: create, update, delete, try. What they are asked for stands elsewhere.

Credentials are sealed as they come, and shown to nobody again. Of each kind at most one is on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import InvalidInput
from app.core.events import Event, record
from app.core.ids import new_id
from app.core.texts import ensure_json, ensure_text
from app.integrations import events, repository
from app.integrations.adapters.interface import AdapterFailed, Settings
from app.integrations.adapters.registry import ADAPTERS, AnyAdapter
from app.integrations.breaker import Asking, Write
from app.integrations.errors import IntegrationFailed, IntegrationInUse, IntegrationKindTaken
from app.integrations.models import Integration, IntegrationKind
from app.notifications.providers.errors import CredentialsRequired
from app.tenants import repository as tenants
from app.tenants.errors import LimitReached

MAX_INTEGRATIONS = 20
MAX_BYTES = 8192


@dataclass(frozen=True, slots=True)
class NewIntegration:
    """An integration as it is asked for. Not to be logged."""

    adapter: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)
    enabled: bool = True


class IntegrationChanges(TypedDict, total=False):
    """What is to be different. The adapter stays: to another system goes another integration."""

    name: str
    options: Mapping[str, Any]
    credentials: Mapping[str, Any]
    enabled: bool


async def create(tx: WriteTx, new: NewIntegration) -> Integration:
    """Let the tenant use another system. Raises `InvalidInput`, `IntegrationKindTaken`, `LimitReached`."""
    adapter = ADAPTERS.get(new.adapter)
    if adapter is None:
        raise InvalidInput("adapter", f"There is no adapter of this name: {', '.join(sorted(ADAPTERS))}.")
    ensure_text("name", new.name, 1, 80)
    options, credentials = _fitting("options", adapter, new.options), _fitting("credentials", adapter, new.credentials)
    # So that two at once do not go over the limit together.
    await tenants.lock(tx, tx.tenant)
    if await repository.count(tx) >= MAX_INTEGRATIONS:
        raise LimitReached("integrations", MAX_INTEGRATIONS)
    now = tx.now()
    integration = Integration(
        tenant_id=tx.tenant,
        id=new_id(),
        kind=adapter.kind,
        adapter=adapter.name,
        name=new.name.strip(),
        options=options,
        credentials=credentials,
        enabled=new.enabled,
        created_at=now,
        created_by=tx.actor.label,
        updated_at=now,
        updated_by=tx.actor.label,
    )
    tx.add(integration)
    _record(tx, integration, events.IntegrationCreated(adapter.kind, adapter.name))
    await _flush(tx, adapter.kind)
    return integration


async def update(tx: WriteTx, integration_id: UUID, changes: IntegrationChanges) -> Integration:
    """Change how a system is used. Options and credentials are given whole.

    Credentials are needed where the options change: else whoever may configure could have those that are kept sent to
    themselves. Raises what `create` does, `CredentialsRequired` and `NotFound`.
    """
    integration = await repository.lock(tx, integration_id)
    adapter = ADAPTERS.get(integration.adapter)
    wanted: dict[str, Any] = {}
    if "name" in changes:
        ensure_text("name", changes["name"], 1, 80)
        wanted["name"] = changes["name"].strip()
    if "options" in changes or "credentials" in changes:
        if adapter is None:
            raise InvalidInput("integrationId", "Its adapter was a plug-in's, which is not installed any more.")
        if "options" in changes:
            wanted["options"] = _fitting("options", adapter, changes["options"])
        if "credentials" in changes:
            wanted["credentials"] = _fitting("credentials", adapter, changes["credentials"])
    if "enabled" in changes:
        wanted["enabled"] = changes["enabled"]
    changed = sorted(name for name, value in wanted.items() if getattr(integration, name) != value)
    if "options" in changed and integration.credentials and "credentials" not in changes:
        raise CredentialsRequired
    if changed:
        # Whoever has put something right need not wait for the rest to be over.
        health = await repository.hold_health(tx, integration_id)
        health.failure_count, health.open_until = 0, None
        for name in changed:
            setattr(integration, name, wanted[name])
        integration.updated_at, integration.updated_by = tx.now(), tx.actor.label
        integration.revision += 1
        kind = integration.kind
        _record(tx, integration, events.IntegrationUpdated(changed))
        await _flush(tx, kind)
    return integration


async def delete(tx: WriteTx, integration_id: UUID) -> None:
    """Forget a system, with its credentials. Raises `IntegrationInUse`, `NotFound`."""
    integration = await repository.lock(tx, integration_id)
    if await repository.has_payments(tx, integration_id):
        raise IntegrationInUse
    integration.revision += 1
    _record(tx, integration, events.IntegrationDeleted(integration.kind, integration.adapter))
    await tx.delete(integration)
    await tx.flush()


async def try_out(asking: Asking, write: Write, integration_id: UUID) -> str:
    """Ask the system something harmless, as it is configured, on or off; what came. Raises `IntegrationFailed`.

    Who has tried it stands in the log, whatever came of it.
    """
    try:
        answer = await _try(asking, integration_id)
    except IntegrationFailed:
        await _note_test(write, integration_id, succeeded=False)
        raise
    await _note_test(write, integration_id, succeeded=True)
    return answer


async def _note_test(write: Write, integration_id: UUID, *, succeeded: bool) -> None:
    async with write() as tx:
        integration = await repository.lock(tx, integration_id)
        integration.revision += 1
        _record(tx, integration, events.IntegrationTested(succeeded))


async def _try(asking: Asking, integration_id: UUID) -> str:
    async with asking.db.read(asking.tenant_id) as tx:
        integration = await repository.get(tx, integration_id)
        try:
            adapter = asking.adapter_of(integration)
        except AdapterFailed as failure:
            raise IntegrationFailed(failure.reason) from None
    try:
        return await asking.ask(integration_id, adapter, adapter.check)
    except AdapterFailed as failure:
        after = None if failure.after is None else max(1, round(failure.after.total_seconds()))
        raise IntegrationFailed(failure.reason, after) from None


def _fitting(what: str, adapter: type[AnyAdapter], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of options or credentials; `InvalidInput` that names the first that cannot be."""
    ensure_json(what, dict(given), MAX_BYTES)
    model: type[Settings] = adapter.Options if what == "options" else adapter.Credentials
    try:
        model.model_validate(dict(given))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join([what, *(str(part) for part in first["loc"])])
        raise InvalidInput(place, f"`{place}`: {first['msg']}.") from None
    # As it was given: defaults stay the product's.
    return dict(given)


def _record(tx: WriteTx, integration: Integration, event: Event) -> None:
    record(tx, events.INTEGRATION, integration.id, integration.revision, event, tx.now())


async def _flush(tx: WriteTx, kind: IntegrationKind) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "integrations_enabled_key":
            raise IntegrationKindTaken(kind.value) from None
        raise
