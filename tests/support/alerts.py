"""An alert as if it had been raised: how it becomes one is tested elsewhere."""

from uuid import UUID, uuid4

from app.alerts.models import Alert, AlertMetric, AlertSeverity
from app.core.clock import SystemClock
from app.core.ids import encode
from tests.support.api import Api, key_of


async def raised(api: Api, tenant_id: UUID, rule_id: str, queue_id: str | None = None, name: str = "Crowd") -> str:
    """An open alert of a rule; its opaque id."""
    queue = None if queue_id is None else key_of("Queue", queue_id)
    row = Alert(
        tenant_id=tenant_id,
        id=uuid4(),
        rule_id=key_of("AlertRule", rule_id),
        rule_name=name,
        metric=AlertMetric.WAITING_COUNT,
        severity=AlertSeverity.WARNING,
        queue_id=queue,
        subject=str(queue or "INSTALLATION"),
        threshold=5,
        value=6,
        resolution=None,
        raised_at=SystemClock().now(),
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(row)
    return encode("Alert", tenant_id, row.id)
