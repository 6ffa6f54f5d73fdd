"""Lists and codes as staff see them."""

from datetime import datetime

import strawberry

from app.access import models
from app.access.codes import CodeSigner
from app.access.graphql.enums import AccessCodeKind
from app.context import Info
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode


@strawberry.type(description="A person on a list of a queue.")
class AccessEntry:
    user_identifier: str = strawberry.field(description="Who, as joins name them.")
    created_at: datetime = strawberry.field(description="Since when.")
    created_by: str = strawberry.field(description="By whom: `USER:<uuid>`.")

    @classmethod
    def of(cls, row: models.AccessEntry) -> "AccessEntry":
        """From its row."""
        return cls(user_identifier=row.user_identifier, created_at=row.created_at, created_by=row.created_by)


@strawberry.type(description="A person on a list and their cursor.")
class AccessEntryEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: AccessEntry = strawberry.field(description="The person.")


@strawberry.type(description="A page of a list, in the order of coming onto it.")
class AccessEntryConnection:
    edges: list[AccessEntryEdge] = strawberry.field(description="The people.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="A code that a tenant hands out, good for one queue.")
class AccessCode(Node):
    row: strawberry.Private[models.AccessCode]
    kind: AccessCodeKind = strawberry.field(description="What it does.")  # type: ignore[valid-type]
    priority: int | None = strawberry.field(description="The priority it gives, 0 to 9; null unless `PRIORITY`.")
    max_uses: int | None = strawberry.field(description="How often it may be used; null for as often as people like.")
    use_count: int = strawberry.field(
        description="How often it was used: once per join with it, and per place it moved. A place given up counts on."
    )
    label: str | None = strawberry.field(description="What staff called it, at most 80 characters.")
    expires_at: datetime | None = strawberry.field(description="From when on it is good for nothing; null for never.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null if it was not.")
    created_at: datetime = strawberry.field(description="When it was made.")
    created_by: str = strawberry.field(description="By whom: `USER:<uuid>`.")

    @classmethod
    def of(cls, row: models.AccessCode) -> "AccessCode":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            priority=row.priority,
            max_uses=row.max_uses,
            use_count=row.use_count,
            label=row.label,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            created_at=row.created_at,
            created_by=row.created_by,
        )

    @strawberry.field(
        description=(
            "What is handed out: 20 letters and digits in groups of five, signed. Typed in small letters, without "
            "dashes, or with O for 0 and I or L for 1 it is the same code."
        )
    )
    def code(self, info: Info) -> str:
        """Signed anew; it is stored nowhere."""
        signer = CodeSigner(info.context.runtime.settings.secret)
        return signer.text(self.tenant_key, self.row.queue_id, self.row.serial)

    @strawberry.field(description="Id of the queue it is for.")
    def queue_id(self) -> strawberry.ID:
        """From the row."""
        return strawberry.ID(encode("Queue", self.tenant_key, self.row.queue_id))


@strawberry.type(description="A code and its cursor.")
class AccessCodeEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: AccessCode = strawberry.field(description="The code.")


@strawberry.type(description="A page of a queue's codes, in order of creation.")
class AccessCodeConnection:
    edges: list[AccessCodeEdge] = strawberry.field(description="The codes.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
