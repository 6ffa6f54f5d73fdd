"""Topics of the bus that say messages have changed. They say no more than that: who is told looks into the table."""

from uuid import UUID


def status_topic(tenant_id: UUID) -> str:
    """Some message of the tenant has changed: for staff who watch deliveries."""
    return f"notifications:{tenant_id}"


def inbox_topic(tenant_id: UUID, recipient: str) -> str:
    """There is something new in the app for `session:<uuid>` or `user:<uuid>`."""
    return f"inbox:{tenant_id}:{recipient}"
