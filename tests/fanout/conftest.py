"""A desk with a line, and hosts that run subscriptions as a socket does. Nothing is asserted here."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from app.core.actor import ANONYMOUS, Actor
from tests.fanout.hosts import (
    Host,
)
from tests.support.api import Api
from tests.support.desk import Desk, open_desk


@pytest.fixture
async def desk(api: Api) -> Desk:
    return await open_desk(await api.new_business())


@pytest.fixture
async def host(api: Api) -> AsyncIterator[Callable[..., Host]]:
    made: list[Host] = []

    def make(actor: Actor = ANONYMOUS, *given: Any) -> Host:
        made.append(Host(api, actor, *given))
        return made[-1]

    yield make
    for one in made:
        await one.close()
