"""The Admission type: what a released visitor may do at the protected site, with the token that proves it."""

from datetime import datetime

import strawberry

from app.admission import rules
from app.admission.graphql.enums import AdmissionEnd, AdmissionState
from app.context import Info
from app.core.ids import Ref, encode
from app.queues.graphql.loaders import load_queue
from app.sessions import models


@strawberry.type(description="What a visitor whom a `METERED` queue has released may do at the protected site.")
class Admission:
    row: strawberry.Private[models.Session | models.Joined]
    # Its visitor reads, or whoever has shown a token of it.
    is_bearers: strawberry.Private[bool]
    state: AdmissionState = strawberry.field(description="Where it stands.")  # type: ignore[valid-type]
    released_at: datetime | None = strawberry.field(description="When the visitor was released; null while waiting.")
    entered_at: datetime | None = strawberry.field(description="When the stay began; null until then.")
    renewed_at: datetime | None = strawberry.field(description="When the stay was last renewed; null until then.")
    expires_at: datetime | None = strawberry.field(
        description=(
            "When the place is the next one's: `RELEASED` until the end of the claim window, `INSIDE` until the end "
            "of the stay. Null: never, or neither."
        )
    )
    ended_at: datetime | None = strawberry.field(description="When it ended; null until then.")
    end: AdmissionEnd | None = strawberry.field(description="How it ended; null until then.")  # type: ignore[valid-type]
    revision: int = strawberry.field(
        description="Revision of the queue this shows; of two answers about one queue the greater is newer."
    )

    @classmethod
    def of(cls, row: models.Session | models.Joined, revision: int, *, is_bearers: bool) -> "Admission":
        """From its session's row, at a revision of its queue."""
        state = rules.state_of(row.status)
        is_on = state in (AdmissionState.RELEASED, AdmissionState.INSIDE)
        return cls(
            row=row,
            is_bearers=is_bearers,
            state=state,
            released_at=row.called_at,
            entered_at=row.started_at,
            renewed_at=row.renewed_at,
            expires_at=row.expires_at if is_on else None,
            ended_at=row.ended_at,
            end=rules.end_of(row),
            revision=revision,
        )

    @strawberry.field(description="The session it belongs to.")
    def session_id(self) -> strawberry.ID:
        """From the row."""
        return strawberry.ID(encode("Session", self.row.tenant_id, self.row.id))

    @strawberry.field(description="The queue that has released the visitor.")
    def queue_id(self) -> strawberry.ID:
        """From the row."""
        return strawberry.ID(encode("Queue", self.row.tenant_id, self.row.queue_id))

    @strawberry.field(
        description=(
            "The proof for the protected site, a JWT that it verifies with `/.well-known/jwks.json`; asked twice, it "
            "is the same. Null unless `RELEASED` or `INSIDE`, and null for staff."
        )
    )
    async def token(self, info: Info) -> str | None:
        """Signed from the row."""
        if not self.is_bearers:
            return None
        claims = rules.claims_of(self.row, await self._bound_to(info))
        return None if claims is None else await info.context.runtime.admissions.write(claims)

    @strawberry.field(
        description="When the token is over: whole seconds, at most 7 days after it was issued. Null without a token."
    )
    def token_expires_at(self) -> datetime | None:
        """From the row."""
        claims = rules.claims_of(self.row, None)
        return None if claims is None else claims.expires_at

    async def _bound_to(self, info: Info) -> str | None:
        if self.row.address_hash is None:
            return None
        queue = await load_queue(info.context, Ref(self.row.tenant_id, self.row.queue_id))
        return self.row.address_hash if queue.bind_address else None
