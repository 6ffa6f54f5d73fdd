"""The event log, which is the outbox as well: facts recorded with the change, relayed afterwards."""

from app.core.events.changes import Changes, differences, made
from app.core.events.log import Event, read_log, read_recorded, record
from app.core.events.models import EventRow

__all__ = ["Changes", "Event", "EventRow", "differences", "made", "read_log", "read_recorded", "record"]
