"""Metered queues under a clock that the test moves; their site is asked, or reports."""

from tests.metered.conftest import opened

__all__ = ["opened"]
