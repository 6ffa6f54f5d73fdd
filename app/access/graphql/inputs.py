"""Inputs of the mutations of lists and codes."""

from datetime import datetime

import strawberry

from app.access.graphql.enums import AccessCodeKind, AccessList
from app.access.service import CodeConfig
from app.queues.graphql.inputs import KEY


@strawberry.input(description="Who comes onto which list of a queue.")
class AccessEntryAddInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    kind: AccessList = strawberry.field(description="The list; it has at most 100,000 people.")  # type: ignore[valid-type]
    user_identifiers: list[str] = strawberry.field(
        description=(
            "1 to 1,000 people, as joins name them, each at most 200 characters, and all in a request of at most "
            "100,000 bytes. Who is on it already stays."
        )
    )


@strawberry.input(description="Who comes off which list of a queue.")
class AccessEntryRemoveInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    kind: AccessList = strawberry.field(description="The list.")  # type: ignore[valid-type]
    user_identifiers: list[str] = strawberry.field(
        description="1 to 1,000 people. Whoever waits already keeps the place."
    )


@strawberry.input(description="New codes of a queue, alike but for their text.")
class AccessCodeCreateInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue; at most 100,000 codes, old ones included.")
    kind: AccessCodeKind = strawberry.field(description="What they do.")  # type: ignore[valid-type]
    count: int = strawberry.field(default=1, description="How many, 1 to 1,000. Default 1.")
    priority: int | None = strawberry.field(
        default=None, description="The priority they give, 0 to 9; for the kind `PRIORITY`, which needs one."
    )
    max_uses: int | None = strawberry.field(
        default=1,
        description="How often each may be used, 1 to 1,000,000; null for as often as people like. Default 1.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="From when on they are good for nothing, at most 3,650 days to come. Default: never."
    )
    label: str | None = strawberry.field(default=None, description="What to call them, at most 80 characters.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def config(self) -> CodeConfig:
        """What the service takes."""
        return CodeConfig(self.kind, self.count, self.priority, self.max_uses, self.expires_at, self.label)


@strawberry.input(description="Which codes to revoke.")
class AccessCodeRevokeInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue they are of.")
    code_ids: list[strawberry.ID] = strawberry.field(description="1 to 500 codes of the queue.")
