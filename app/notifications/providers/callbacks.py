"""What providers tell us on their own: read by the provider itself, then handed to those it concerns. No HTTP here.

Nobody is told whether there is a provider of this id: an unknown one and a bad signature are refused alike.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.actor import SYSTEM
from app.core.db import Database
from app.core.errors import CodedError
from app.core.ids import Ref, decode
from app.notifications import reports
from app.notifications.channels.interface import BadCallback, CallbackReading, CallbackRequest, Provider
from app.notifications.providers import repository, service
from app.notifications.providers.errors import CallbackRefused, ProviderNotInstalled
from app.notifications.replies import service as replies
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import TenantStatus

_READ_SECONDS = 8.0
"""Providers give up after ten to fifteen seconds, and send it again."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What came in: the last part of its path, its query as it was sent (without the question mark), and the rest."""

    key: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str | None = None


async def take(db: Database, settings: Settings, callback: Callback) -> CallbackReading:
    """Believe a callback, and do what it says; what to answer. Raises `CallbackRefused`.

    It may come twice, late and out of order: those it is handed to settle that.
    """
    try:
        ref = decode("MessageProvider", callback.key)
    except CodedError:
        raise CallbackRefused("there is no such provider") from None
    provider, url = await _provider(db, settings, ref)
    request = CallbackRequest(f"{url}?{callback.query}" if callback.query else url, callback.headers, callback.body)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            reading = await provider.read_callback(request)
    except BadCallback as problem:
        raise CallbackRefused(str(problem)) from None
    except TimeoutError:
        raise CallbackRefused("whether to believe it could not be found out in time") from None
    if reading.reports or reading.inbound:
        async with db.write(ref.tenant_id, SYSTEM, callback.request_id) as tx:
            await reports.apply(tx, ref.id, reading.reports)
            for inbound in reading.inbound:
                await replies.take(tx, ref.id, inbound)
    return reading


async def _provider(db: Database, settings: Settings, ref: Ref) -> tuple[Provider[Any, Any], str]:
    """The provider, switched off or not (what it took before is still reported), and the address it reports to."""
    async with db.read(ref.tenant_id) as tx:
        row = await repository.find(tx, ref.id)
        tenant = None if row is None else await tenants.find(tx, ref.tenant_id)
    if row is None:
        raise CallbackRefused("there is no such provider")
    if tenant is None or tenant.status is not TenantStatus.ACTIVE:
        raise CallbackRefused("its tenant is not served at present")
    try:
        return service.built(row, settings), service.address_of_callbacks(row, settings)
    except ProviderNotInstalled:
        raise CallbackRefused("its plug-in is not installed") from None
