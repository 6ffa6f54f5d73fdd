"""The event log, which is the outbox as well: facts recorded with the change, relayed afterwards."""

from app.core.events.log import Event, read_log, read_recorded, record
from app.core.events.models import EventRow

__all__ = ["Event", "EventRow", "read_log", "read_recorded", "record"]
