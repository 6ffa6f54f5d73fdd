"""The house of the tests of identity, for the tests of second factors."""

from tests.identity.conftest import house

__all__ = ["house"]
