"""The business of the notification tests, with its mail server."""

from tests.notifications.conftest import clock, dbs, settings, sink, world

__all__ = ["clock", "dbs", "settings", "sink", "world"]
