"""Somebody who goes to Facebook and back where time stands still: its answers hold no times of their own."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
from sqlmodel import select

from app.identity.models import Role
from app.identity.providers import service
from app.identity.providers.journeys import Departure, Journeys
from app.identity.providers.models import ProviderKind, ProviderProof
from app.identity.providers.secrets import Sealer
from app.identity.providers.service import NewProvider, Surroundings
from tests.identity.house import House
from tests.providers.stand_in import StandIn


async def facebook(house: House, stand_in: StandIn) -> tuple[UUID, str]:
    """A business that believes Facebook: its key and its slug."""
    business = await house.business()
    async with house.acting(business.admin) as tx:
        new = NewProvider(
            "facebook",
            "Facebook",
            ProviderKind.FACEBOOK,
            default_role=Role.CUSTOMER,
            email_trusted=True,
            return_origins=["https://shop.example"],
        )
        await service.create(tx, new, Surroundings(Sealer(house.settings.secret)))
    stand_in.redirect_uris.add(f"{house.settings.base_url}/auth/callback/facebook")
    stand_in.person = {"id": "123", "email": "anna@staff.example"}
    return business.id, business.tenant.slug


async def proofs(house: House, tenant_id: UUID) -> list[ProviderProof]:
    """Who has come back, and is not forgotten yet."""
    async with house.dbs.system.read(tenant_id) as tx:
        return list((await tx.exec(select(ProviderProof).where(ProviderProof.tenant_id == tenant_id))).all())


class Journeyer:
    """Goes there and back, calling the verbs themselves."""

    def __init__(self, journeys: Journeys) -> None:
        self.journeys = journeys
        self.verifier = secrets.token_urlsafe(32)

    async def there(self, slug: str) -> tuple[Departure, dict[str, str]]:
        """To Facebook; what the browser keeps, and what it is to bring back."""
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        departure = await self.journeys.set_out(slug, "facebook", "https://shop.example/", challenge)
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(departure.address)
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return departure, {name: values[0] for name, values in query.items()}

    async def back(self, journey: tuple[Departure, dict[str, str]]) -> str:
        """To us; the code."""
        departure, query = journey
        assert departure.cookie is not None
        arrival = await self.journeys.come_back("facebook", query, dict([departure.cookie]))
        (code,) = parse_qs(urlsplit(arrival.address).query)["code"]
        return code
