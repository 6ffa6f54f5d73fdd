"""Reads behind exports and imports, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.transfers import repository
from app.transfers.models import File


def files_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, File | None]:
    """Files, as far as they are still there."""

    async def load(ids: list[UUID]) -> Sequence[File | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.files_by_ids(tx, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)
