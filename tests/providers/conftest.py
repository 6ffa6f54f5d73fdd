"""The application with providers on this machine in place of Google, Microsoft, Facebook and a business's own."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.commands.runs import free_port
from tests.connectors.serving import Program, needed, needed_package, running
from tests.providers.journey import Traveller, forget
from tests.providers.stand_in import CLIENT, SECRET, StandIn, standing_in
from tests.support.api import Api, Business, open_api

ANNA = {
    "sub": "anna-1",
    "email": "anna@staff.example",
    "email_verified": True,
    "given_name": "Anna",
    "family_name": "Ng",
}
ACCOUNTS = {
    "anna": {"given_name": "Anna", "family_name": "Ng", "groups": ["queue-managers", "all"]},
    "ben": {"given_name": "Ben", "groups": ["all"]},
    "nobody": {"email_verified": False},
}


@pytest.fixture(scope="session")
def stand_in_server() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def stand_in(stand_in_server: StandIn) -> StandIn:
    """The stand-in, as it is when nobody has lied yet."""
    stand_in_server.reset()
    return stand_in_server


@pytest.fixture(scope="session")
def provider_settings(migrated_settings: Settings, stand_in_server: StandIn) -> Settings:
    """Of an installation that has clients of its own."""
    base = stand_in_server.base
    return migrated_settings.model_copy(
        update={
            "outbound_networks": ("127.0.0.0/8",),
            "google_issuer": f"{base}/google",
            "microsoft_authority": f"{base}/microsoft",
            "facebook_url": f"{base}/facebook",
            "facebook_graph_url": f"{base}/graph",
            **{f"{name}_client_id": CLIENT for name in ("google", "microsoft", "facebook")},
            **{f"{name}_client_secret": SECRET for name in ("google", "microsoft", "facebook")},
        }
    )


@pytest.fixture(scope="session")
async def api(provider_settings: Settings) -> AsyncIterator[Api]:
    """The application that asks them."""
    async with open_api(provider_settings, SystemClock()) as opened:
        yield opened


@pytest.fixture
def honest(stand_in: StandIn, api: Api) -> Iterator[StandIn]:
    """The stand-in, with somebody at the browser whom it knows."""
    stand_in.person = dict(ANNA)
    forget(api)
    yield stand_in
    forget(api)


@pytest.fixture
async def business(api: Api) -> Business:
    return await api.new_business()


@pytest.fixture
def traveller(api: Api) -> Traveller:
    """Somebody's browser."""
    return Traveller(api)


@pytest.fixture(scope="session")
def op(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of a real OpenID provider."""
    node, package = needed("node", "signing in with OpenID Connect"), needed_package("oidc-provider")
    port = free_port()
    values = {
        "PORT": str(port),
        "ACCOUNTS": json.dumps(ACCOUNTS),
        "OIDC_PROVIDER": str(package / "lib/index.js"),
    }
    log = tmp_path_factory.mktemp("op") / "op.log"
    script = str(Path(__file__).with_name("op.mjs"))
    with running(Program([node, script], port, values, log, "/.well-known/openid-configuration", 200)) as program:
        yield program.url
