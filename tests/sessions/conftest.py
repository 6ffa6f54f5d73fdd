"""A queue with a counter, for the tests of what is done with sessions."""

import pytest

from tests.support.api import Api, Business
from tests.support.desk import Desk, open_desk


@pytest.fixture
async def desk(business: Business) -> Desk:
    """A desk."""
    return await open_desk(business)


@pytest.fixture
async def other(api: Api) -> Business:
    """Another tenant."""
    return await api.new_business()
