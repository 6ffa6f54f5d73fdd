"""The topic of the bus that says a tenant's alerts have changed. It says no more: who listens looks."""

from contextlib import suppress
from uuid import UUID

from app.core.live.bus import Bus, BusUnavailable


def topic(tenant_id: UUID) -> str:
    """An alert of the tenant was raised, acknowledged or resolved."""
    return f"alerts:{tenant_id}"


async def ring(bus: Bus, tenant_id: UUID) -> None:
    """Say after the commit that a tenant's alerts may have changed. It may get lost: who listens looks anyway."""
    with suppress(BusUnavailable):
        await bus.publish(topic(tenant_id), b"")
