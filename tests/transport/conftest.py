"""A toy application that starts each test in the same state."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.transport.toy import Toy, toy, toy_app


@pytest.fixture(autouse=True)
def the_toy() -> Toy:
    toy.__init__()  # type: ignore[misc] # the schema's resolvers hold this very object
    return toy


@pytest.fixture
def app() -> Starlette:
    return toy_app()


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
