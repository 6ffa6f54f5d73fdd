"""How often somebody may do something: counted in Valkey, for all processes together. Nothing of GraphQL or HTTP."""

from app.core.limits.buckets import RULES, Bucket, Rule
from app.core.limits.budgets import WINDOW_SECONDS, Balance, Spending
from app.core.limits.limiter import CLIENT_REQUESTS, TENANT_REQUESTS, Limiter

__all__ = [
    "CLIENT_REQUESTS",
    "RULES",
    "TENANT_REQUESTS",
    "WINDOW_SECONDS",
    "Balance",
    "Bucket",
    "Limiter",
    "Rule",
    "Spending",
]
