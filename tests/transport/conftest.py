"""A toy application that starts each test in the same state."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.support import ws_client
from tests.support.served import Served
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


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Served]:
    async with Served().running() as served:
        yield served


@pytest.fixture(params=["asgi", "frames"])
def every_outlet(request: pytest.FixtureRequest, served: Served) -> Iterator[str]:
    """Each test twice: sockets through ASGI, and frames over TCP."""
    if request.param == "frames":
        ws_client.opener.append(served.open)
    yield request.param
    ws_client.opener.clear()
