"""Reads behind second factors, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.identity.factors import repository, rules
from app.identity.graphql.factors.types import SecondFactorStatus
from app.identity.models import Role
from app.tenants import service as tenants


def status_by_user(context: Context, tenant_id: UUID) -> DataLoader[tuple[UUID, Role], SecondFactorStatus]:
    """How users are protected, by id and role. Who may see it is decided where it is asked."""

    async def load(users: list[tuple[UUID, Role]]) -> Sequence[SecondFactorStatus]:
        ids = [id for id, _ in users]
        async with context.read(tenant_id) as tx:
            rows = await repository.factors_of(tx, ids)
            left = await repository.recovery_codes_left(tx, ids)
            asked = (await tenants.settings_of(tx)).second_factor_roles
        return [
            SecondFactorStatus.of(
                [row for row in rows if row.user_id == id],
                left.get(id, 0),
                required=rules.is_required(role, asked),
            )
            for id, role in users
        ]

    return DataLoader(load, cache=False)
