"""The ApiKey type: what may be known of a key once its secret has been shown."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Info
from app.core.actor import ActorKind
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.identity.api_keys import models, service
from app.identity.permissions import Permission

LazyUser = Annotated["User", strawberry.lazy("app.identity.graphql.types")]  # type: ignore[name-defined]  # noqa: F821


ApiKeyStatus = explained_enum(
    models.ApiKeyStatus,
    "Whether an API key can be used.",
    ACTIVE="It can.",
    EXPIRED="No: its time is over.",
    REVOKED="No: it was revoked.",
)


@strawberry.type(description="One secret of an API key, without the secret itself.")
class ApiKeySecret:
    prefix: str = strawberry.field(description="How its text begins, e.g. `vqk_Jx0aD5vT2sQ`: enough to recognise it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    ends_at: datetime | None = strawberry.field(
        description="Until when it is good, after a rotation; null for the newest, which is good as long as the key."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When it was last shown to us, at most a minute old; null if never. Open sockets do not count."
    )

    @classmethod
    def of(cls, row: models.ApiKeySecret) -> "ApiKeySecret":
        """From its row."""
        return cls(prefix=row.prefix, created_at=row.created_at, ends_at=row.ends_at, last_used_at=row.last_used_at)


@strawberry.type(
    description=(
        "A program's access to a business: sent as `Authorization: Bearer vqk_…`, over HTTP and in a socket's "
        "`connection_init`. It belongs to the business, and goes on when whoever created it leaves."
    )
)
class ApiKey(Node):
    row: strawberry.Private[models.ApiKey]
    name: str = strawberry.field(description="What it is for, at most 80 characters.")
    scopes: list[str] = strawberry.field(description="The permissions it has, e.g. `health:report`, sorted.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself; null for never.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null if it was not.")
    revoke_reason: str | None = strawberry.field(description="Why, if whoever revoked it said so.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.ApiKey) -> "ApiKey":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            name=row.name,
            scopes=row.scopes,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            revoke_reason=row.revoke_reason,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="Whether it can be used.")
    def status(self, info: Info) -> ApiKeyStatus:  # type: ignore[valid-type]
        """As of now."""
        return models.status_of(self.row, info.context.runtime.clock.now())

    @strawberry.field(description=f"Its newest secrets, newest first, at most {service.MAX_GOOD_SECRETS + 1}.")
    async def secrets(self, info: Info) -> list[ApiKeySecret]:
        """Loaded for all keys of the answer at once."""
        return await info.context.loader(loaders.secrets_of_keys, self.tenant_key).load(self.key)

    @strawberry.field(description="Who created it; null if that was another API key. Null without `user:read`.")
    async def created_by(self, info: Info) -> LazyUser | None:
        """Loaded for all keys of the answer at once."""
        from app.identity.graphql.loaders import users_by_id

        kind, _, id = self.row.created_by.partition(":")
        if kind != ActorKind.USER or not info.context.actor.may_in(self.tenant_key, Permission.USER_READ):
            return None
        return await info.context.loader(users_by_id, self.tenant_key).load(UUID(id))


@strawberry.type(description="An API key and its cursor.")
class ApiKeyEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: ApiKey = strawberry.field(description="The key.")


@strawberry.type(description="A page of API keys, in order of creation.")
class ApiKeyConnection:
    edges: list[ApiKeyEdge] = strawberry.field(description="The keys.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.identity.graphql.api_keys import loaders  # noqa: E402  (loaders build these types)
