"""What counts for a line now: its configuration, and over it what a scheduled event sets while it runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.queues.models import Queue


@dataclass(frozen=True, slots=True)
class LineSettings:
    """What can be set for a while. Fields are named and described as the columns of `queues` are."""

    capacity: int | None
    max_concurrent_users: int | None
    release_rate_per_minute: int | None
    grace_seconds: int | None
    phone_grace_seconds: int | None
    claim_seconds: int | None
    stay_seconds: int | None
    queue_all: bool
    invited_only: bool
    max_places_per_address: int | None
    refusal_message: str | None

    @classmethod
    def of(cls, queue: Queue, overrides: Mapping[str, Any] | None = None) -> "LineSettings":
        """What counts in a queue under the overrides in force, or under others."""
        set_over = queue.overrides if overrides is None else overrides
        return cls(*[set_over[name] if name in set_over else getattr(queue, name) for name in NAMES])


NAMES = tuple(field.name for field in fields(LineSettings))
"""What a scheduled event may set."""
