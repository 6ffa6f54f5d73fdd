"""The application with its limits on, and callers from addresses nobody else has."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import getrandbits

import httpx
import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.servers import private_valkey
from tests.support.api import Api, open_api


def new_address() -> str:
    """An IPv4 address of a network for tests (RFC 2544)."""
    return f"198.{18 + getrandbits(1)}.{getrandbits(8)}.{getrandbits(8)}"


@pytest.fixture(scope="session")
def limited_settings(migrated_settings: Settings) -> Settings:
    """As an installation has them: nobody is exempt."""
    return migrated_settings.model_copy(update={"rate_limit_exempt": ()})


@pytest.fixture(scope="session")
async def limited(limited_settings: Settings) -> AsyncIterator[Api]:
    """The application as it is on the internet."""
    async with open_api(limited_settings, SystemClock()) as opened:
        yield opened


@pytest.fixture
def away(limited_settings: Settings) -> Iterator[tuple[Settings, object]]:
    """Settings with a Valkey of the test's own, which it may stop."""
    with private_valkey() as valkey:
        yield limited_settings.model_copy(update={"redis_url": valkey.url}), valkey


@asynccontextmanager
async def seen_from(api: Api, address: str) -> AsyncIterator[Api]:
    """The same application, asked from another address."""
    transport = httpx.ASGITransport(api.app, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
        yield Api(api.app, http)
