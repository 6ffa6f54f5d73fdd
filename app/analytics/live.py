"""The topic of the bus on which a tenant's figures are said to have changed. It says no more: who is told looks."""

from uuid import UUID


def figures_topic(tenant_id: UUID) -> str:
    """Events of the tenant have been counted: rung by the fold, once it has committed."""
    return f"analytics:{tenant_id}"
