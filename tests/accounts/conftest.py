"""The house of the tests of identity, for the tests of accounts."""

from tests.identity.conftest import house

__all__ = ["house"]
