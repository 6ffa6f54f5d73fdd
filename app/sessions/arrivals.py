"""First looks at sessions by those who begin to watch them: a crowd that comes at once costs a query per few hundred.

Positions are not here: they are the live line's.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.core.db import Database
from app.core.errors import NotFound
from app.core.gather import Gather
from app.core.ids import Ref
from app.sessions import repository
from app.sessions.models import Session


class Arrivals:
    """Rows of sessions and the revisions of their queues, as of one instant after the question."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tenants: dict[UUID, Gather[UUID, tuple[Session, int]]] = {}

    async def row(self, ref: Ref) -> tuple[Session, int]:
        """A session and its queue's revision. `NotFound` if there is none. The row may be shared: do not change it."""
        tenant_id = ref.tenant_id
        gather = self._tenants.get(tenant_id)
        if gather is None:

            async def read(ids: Sequence[UUID]) -> Mapping[UUID, tuple[Session, int]]:
                async with self._db.read(tenant_id) as tx:
                    return await repository.with_revisions(tx, ids)

            gather = self._tenants[tenant_id] = Gather(read)
        try:
            found = await gather.get(ref.id)
        finally:
            # A tenant's name in an id proves nothing: forged ones must not stay here.
            if gather.is_idle and self._tenants.get(tenant_id) is gather:
                del self._tenants[tenant_id]
        if found is None:
            raise NotFound("Session")
        return found
