"""The same databases as for jobs."""

from tests.jobs.conftest import clock, dbs

__all__ = ["clock", "dbs"]
