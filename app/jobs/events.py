"""Facts about jobs. That one was done or has failed is no event: it follows from one."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

JOB = "job"


@dataclass(frozen=True, slots=True)
class JobRetried(Event):
    """An operator has given a job that had failed for good another chance."""

    type: ClassVar[str] = "JOB_RETRIED"
    name: str
