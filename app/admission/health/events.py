"""What is decided of a protected site's health, as facts in its queue's log."""

from dataclasses import dataclass
from typing import ClassVar

from app.admission.health.models import HealthReason
from app.queues.events import LineEvent, QueueEventType
from app.queues.models import OriginHealth


@dataclass(frozen=True, slots=True)
class OriginHealthChanged(LineEvent):
    """`health` counts from now on, `before` did; `reason` and `detail` say why.

    `factor` is what part of the rate was in force until now: a ramp begins there, and less counts at once.
    """

    type: ClassVar[str] = QueueEventType.ORIGIN_HEALTH_CHANGED
    health: OriginHealth
    before: OriginHealth
    reason: HealthReason
    detail: str | None
    factor: float
