"""How often somebody may do something: counted in Valkey, for all processes together. Nothing of GraphQL or HTTP."""

from app.core.limits.buckets import RULES, Bucket, Rule
from app.core.limits.limiter import Limiter

__all__ = ["RULES", "Bucket", "Limiter", "Rule"]
