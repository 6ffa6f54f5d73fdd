"""What is deprecated, and whether anybody still uses it."""

import strawberry

from app.context import Info
from app.core.graphql.deprecation import dates_of, deprecations
from app.core.graphql.permissions import Requires
from app.deprecations import repository
from app.deprecations.graphql.types import DeprecatedPart
from app.identity.permissions import Permission


@strawberry.type
class DeprecationQuery:
    @strawberry.field(
        description=(
            "Everything in this schema that is deprecated, by coordinate, and how often it is used: when nobody does, "
            "it can go. Counts are up to 10 s old."
        ),
        extensions=[Requires(Permission.PLATFORM_TENANTS)],
    )
    async def deprecated_parts(self, info: Info) -> list[DeprecatedPart]:
        async with info.context.platform_read() as tx:
            uses = await repository.uses(tx, info.context.runtime.clock.now().date())
        return [
            DeprecatedPart(
                coordinate=coordinate,
                reason=reason,
                stays_until=None if (dates := dates_of(reason)) is None else dates.until,
                operations=uses[coordinate].operations if coordinate in uses else 0,
                last_used_on=uses[coordinate].last_used_on if coordinate in uses else None,
            )
            for coordinate, reason in sorted(deprecations(info.schema._schema))
        ]
