"""The same database as for jobs."""

from tests.jobs.conftest import clock, dbs, settings

__all__ = ["clock", "dbs", "settings"]
