"""What a payment system tells us by itself: read, believed if it is signed, and applied in a block of its own.

Whose it is the address says; whether to believe it, the adapter. Nobody else is told whether there is such an address.
"""

from uuid import UUID

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NotFound
from app.integrations import paying, repository
from app.integrations.adapters.interface import AdapterFailed, BadCallback, CallbackRequest, Payments
from app.integrations.breaker import Asking
from app.integrations.models import Integration
from app.settings import Settings


class CallbackRefused(Exception):
    """It is not accepted; the text is for the log, and has nothing personal in it."""


async def take(db: Database, clock: Clock, settings: Settings, key: str, request: CallbackRequest) -> None:
    """Take what has come to an address. Raises `CallbackRefused`. Coming twice, or late, does no harm."""
    tenant_id, integration_id = _ids(key)
    asking = Asking(db, clock, settings, tenant_id)
    try:
        async with db.read(tenant_id) as tx:
            integration: Integration = await repository.get(tx, integration_id)
            # While it is open: sealed values are opened under the tenant's keys.
            adapter = asking.adapter_of(integration)
    except NotFound:
        raise CallbackRefused("there is no such integration") from None
    except AdapterFailed as failure:
        raise CallbackRefused(failure.reason) from None
    if not isinstance(adapter, Payments):
        raise CallbackRefused("it has nothing to tell us")
    try:
        news = adapter.read_callback(request, clock.now())
    except (BadCallback, AdapterFailed) as problem:
        raise CallbackRefused(str(problem)) from None
    if news is not None:
        # Off or on: what was asked for while it was on is paid when it is off.
        await paying.take(asking, integration_id, news)


def _ids(key: str) -> tuple[UUID, UUID]:
    if len(key) != 64 or not key.isascii():
        raise CallbackRefused("that is no address of ours")
    try:
        return UUID(hex=key[:32]), UUID(hex=key[32:])
    except ValueError:
        raise CallbackRefused("that is no address of ours") from None
