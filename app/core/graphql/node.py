"""The Node interface: opaque ids for objects that can be fetched again."""

from typing import Annotated
from uuid import UUID

import strawberry

from app.core.ids import encode


@strawberry.interface(description="An object with a stable, opaque id; `node(id:)` fetches it again.")
class Node:
    """Base of all types with an id. A subclass is built from a row that has `tenant_id` and `id`."""

    tenant_key: strawberry.Private[UUID]
    key: strawberry.Private[UUID]

    @strawberry.field(description="Opaque and stable. Do not take it apart.")
    def id(self) -> strawberry.ID:
        """The opaque id, of the concrete type's kind."""
        return strawberry.ID(encode(type(self).__name__, self.tenant_key, self.key))


IdArgument = Annotated[strawberry.ID, strawberry.argument(description="An opaque id, as another field gave it.")]
