"""The application of an installation with a public address, that may ask this machine; and Twilio on this machine."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, open_api
from tests.support.stand_ins.frame import Asked, Reply, StandIn, standing_in

PUBLIC_URL = "https://queue.example"
SID, TOKEN = "AC0123456789abcdef0123456789abcdef", "a-token-nobody-is-shown"


class Twilio(StandIn):
    """As far as one message goes: who is signed in with what is checked, and whom it is to."""

    async def take(self, asked: Asked) -> Reply:
        wanted = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != wanted:
            return self.refuse("login", Reply.json({"code": 20003, "message": "Authenticate"}, 401))
        if asked.path != f"/2010-04-01/Accounts/{SID}/Messages.json" or not asked.form()["To"].startswith("+"):
            return self.refuse("request", Reply.json({"code": 21211, "message": "Invalid 'To'"}, 400))
        return Reply.json({"sid": f"SM{len(self.asked):032x}"}, 201)


@pytest.fixture(scope="session")
def carrying_settings(migrated_settings: Settings) -> Settings:
    """Of an installation that providers can report to."""
    return migrated_settings.model_copy(update={"public_url": PUBLIC_URL, "outbound_networks": ("127.0.0.0/8",)})


@pytest.fixture(scope="session")
async def api(carrying_settings: Settings) -> AsyncIterator[Api]:
    """The application."""
    async with open_api(carrying_settings, SystemClock()) as opened:
        yield opened


@pytest.fixture
async def business(api: Api) -> Business:
    return await api.new_business()


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with standing_in(Twilio()) as server:
        yield server


def account(at: str = "https://api.twilio.com", **values: Any) -> dict[str, Any]:
    """What creates an account with Twilio, wherever that is."""
    return {
        "kind": "TWILIO",
        "name": "Text messages",
        "options": {"accountSid": SID, "sender": "+15005550006", "baseUrl": at},
        "credentials": {"authToken": TOKEN},
    } | values


async def create(caller: Caller, **values: Any) -> dict[str, Any]:
    """The answer of `messageProviderCreate`."""
    answer: dict[str, Any] = await caller(operation("MessageProviderCreate"), input=values)
    return answer


async def created(caller: Caller, **values: Any) -> dict[str, Any]:
    """A provider that was created."""
    made: dict[str, Any] = (await create(caller, **values))["messageProvider"]
    return made


async def listed(caller: Caller) -> list[dict[str, Any]]:
    """The business's providers."""
    found: list[dict[str, Any]] = await caller(operation("MessageProviderList"))
    return found
