"""A queue with a counter, for the tests of what is done with sessions."""

from collections.abc import AsyncIterator

import pytest

from app.core.db.urls import APP_ROLE, role_url
from tests.support.api import Api, Business
from tests.support.desk import Desk, open_desk
from tests.support.doors import Doors


@pytest.fixture
async def desk(business: Business) -> Desk:
    """A desk."""
    return await open_desk(business)


@pytest.fixture
async def other(api: Api) -> Business:
    """Another tenant."""
    return await api.new_business()


@pytest.fixture
async def doors(api: Api) -> AsyncIterator[Doors]:
    """Doors of processes of their own."""
    opened = Doors(role_url(api.runtime.settings, APP_ROLE), [])
    yield opened
    for door in opened.open:
        await door.db.dispose()
