"""API keys as their tests make and try them. Checks nothing."""

from datetime import datetime, timedelta
from uuid import UUID

from app.identity.api_keys import repository, service
from app.identity.api_keys.service import Issued
from app.identity.errors import TokenRevoked
from app.identity.permissions import Permission
from tests.identity.house import Business, House

READ, REPORT = Permission.QUEUE_READ.value, Permission.HEALTH_REPORT.value
DAY = timedelta(days=1)


async def issue(
    house: House, shop: Business, *scopes: str, expires_at: datetime | None = None, name: str = "Till"
) -> Issued:
    async with house.acting(shop.admin) as tx:
        return await service.create(tx, name, scopes or (READ,), expires_at)


async def rotate(house: House, shop: Business, key_id: UUID, overlap: timedelta = DAY) -> str:
    async with house.acting(shop.admin) as tx:
        return (await service.rotate(tx, key_id, overlap)).secret


async def opens(house: House, shop: Business, secret: str) -> bool:
    """Whether a key's text opens the door now."""
    house.authenticator.forget(shop.id)
    try:
        await house.authenticator.authenticate(secret)
    except TokenRevoked:
        return False
    return True


async def prefixes(house: House, shop: Business, key_id: UUID) -> list[str]:
    async with house.dbs.app.read(shop.id) as tx:
        return [secret.prefix for secret in (await repository.secrets_of(tx, [key_id], newest=9))[key_id]]
