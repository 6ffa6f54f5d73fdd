"""The User type, and who is asking: a user or a visitor."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.actor import ActorKind
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import Ref
from app.identity import models
from app.identity.graphql.api_keys.types import ApiKey
from app.identity.permissions import Permission
from app.identity.roles.grants import permissions_of
from app.identity.roles.models import CustomRole as CustomRoleRow

LazySession = Annotated["Session", strawberry.lazy("app.sessions.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazyCustomRole = Annotated["CustomRole", strawberry.lazy("app.identity.graphql.roles.types")]  # type: ignore[name-defined]  # noqa: F821
LazyUserIdentity = Annotated[
    "UserIdentity",  # type: ignore[name-defined]  # noqa: F821
    strawberry.lazy("app.identity.graphql.providers.types"),
]
LazySecondFactorStatus = Annotated[
    "SecondFactorStatus",  # type: ignore[name-defined]  # noqa: F821
    strawberry.lazy("app.identity.graphql.factors.types"),
]
LazyTenant = Annotated["Tenant", strawberry.lazy("app.tenants.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

Role = explained_enum(
    models.Role,
    "What a user is; `permissionMatrix` says what that allows.",
    SUPER_ADMIN="Operates this installation.",
    ADMIN="Runs a tenant.",
    MANAGER="Runs its queues.",
    STAFF="Serves at a counter.",
    CUSTOMER="A visitor with an account.",
)
UserStatus = explained_enum(
    models.UserStatus,
    "Whether a user can sign in.",
    PENDING="Not yet.",
    ACTIVE="Yes; nobody else can.",
    INACTIVE="No: deactivated.",
    SUSPENDED="No: locked out for the time being.",
)


@strawberry.type(
    description=(
        "Somebody with an account. Names, role and status are null except for users of the same tenant; contact data "
        "and sign-ins also need the permission `user:read`, unless it is oneself. API keys need it for all of them."
    )
)
class User(Node):
    row: strawberry.Private[models.User]
    # Set where the answer goes to the very person, who was a stranger when the request began.
    is_self: strawberry.Private[bool] = False

    @classmethod
    def of(cls, row: models.User, *, is_self: bool = False) -> "User":
        """From its row."""
        return cls(tenant_key=row.tenant_id, key=row.id, row=row, is_self=is_self)

    @strawberry.field(description="Null for people of other businesses and strangers.")
    def first_name(self, info: Info) -> str | None:
        """For colleagues."""
        return self.row.first_name if self._is_known_to(info.context) else None

    @strawberry.field(description="Null for people of other businesses and strangers.")
    def last_name(self, info: Info) -> str | None:
        """For colleagues."""
        return self.row.last_name if self._is_known_to(info.context) else None

    @strawberry.field(description="Null for people of other businesses and strangers.")
    def role(self, info: Info) -> Role | None:  # type: ignore[valid-type]
        """For colleagues."""
        return self.row.role if self._is_known_to(info.context) else None

    @strawberry.field(
        description=(
            "The role of the tenant's own they have; `role` then is its base. Null for none. Null without `role:read`, "
            "unless it is oneself."
        )
    )
    async def custom_role(self, info: Info) -> LazyCustomRole | None:
        """Loaded for all users of the answer at once."""
        from app.identity.graphql.roles.loaders import may_see_roles
        from app.identity.graphql.roles.types import CustomRole

        if not (self._is_me(info.context) or may_see_roles(info.context, self.tenant_key)):
            return None
        custom = await self._custom_role(info.context)
        return None if custom is None else CustomRole.of(custom)

    @strawberry.field(description="Null for people of other businesses and strangers.")
    def status(self, info: Info) -> UserStatus | None:  # type: ignore[valid-type]
        """For colleagues."""
        return self.row.status if self._is_known_to(info.context) else None

    @strawberry.field(description="What they sign in with; unique in the tenant. Null without `user:read`.")
    def email(self, info: Info) -> str | None:
        """Personal."""
        return self.row.email if self._is_open_to(info.context) else None

    @strawberry.field(description="A short name, unique in the tenant. Null without `user:read`.")
    def username(self, info: Info) -> str | None:
        """Personal."""
        return self.row.username if self._is_open_to(info.context) else None

    @strawberry.field(description="Whether they have shown that the address is theirs. Null without `user:read`.")
    def email_verified(self, info: Info) -> bool | None:
        """Personal."""
        return self.row.email_verified if self._is_open_to(info.context) else None

    @strawberry.field(description="Whether they have shown that the number is theirs. Null without `user:read`.")
    def phone_verified(self, info: Info) -> bool | None:
        """Personal."""
        return self.row.phone_verified if self._is_open_to(info.context) else None

    @strawberry.field(description="As it was written. Null without `user:read`.")
    def phone(self, info: Info) -> str | None:
        """Personal."""
        return self.row.phone if self._is_open_to(info.context) else None

    @strawberry.field(description="The last time they gave their password. Null without `user:read`, and before that.")
    def last_login_at(self, info: Info) -> datetime | None:
        """Personal."""
        return self.row.last_login_at if self._is_open_to(info.context) else None

    @strawberry.field(description="When the account was created. Null without `user:read`.")
    def created_at(self, info: Info) -> datetime | None:
        """Personal."""
        return self.row.created_at if self._is_open_to(info.context) else None

    @strawberry.field(description="What they may do, e.g. `session:call`, sorted. Null without `user:read`.")
    async def permissions(self, info: Info) -> list[str] | None:
        """What the role grants."""
        if not self._is_open_to(info.context):
            return None
        custom = await self._custom_role(info.context)
        return sorted(permissions_of(self.row.role, None if custom is None else custom.permissions))

    @strawberry.field(
        description="By which providers they are known, oldest first, once by each. Null without `user:read`."
    )
    async def identities(self, info: Info) -> list[LazyUserIdentity] | None:
        """Loaded once for all users of the answer."""
        from app.identity.graphql.providers.loaders import identities_of_users

        if not self._is_open_to(info.context):
            return None
        return await info.context.loader(identities_of_users, self.tenant_key).load(self.key)

    @strawberry.field(description="How they are protected besides the first proof. Null without `user:read`.")
    async def second_factor(self, info: Info) -> LazySecondFactorStatus | None:
        """Loaded once for all users of the answer."""
        from app.identity.graphql.factors.loaders import status_by_user

        if not self._is_open_to(info.context):
            return None
        return await info.context.loader(status_by_user, self.tenant_key).load((self.key, self.row.role))

    @strawberry.field(description="The business they belong to.")
    async def tenant(self, info: Info) -> LazyTenant:
        """Loaded once for all users of the answer."""
        from app.tenants.graphql.loaders import load_tenant

        return await load_tenant(info.context, self.tenant_key)

    def _is_known_to(self, context: Context) -> bool:
        actor = context.actor
        is_colleague = actor.kind is ActorKind.USER and actor.tenant_id == self.tenant_key
        return is_colleague or self._is_open_to(context)

    def _is_open_to(self, context: Context) -> bool:
        return self._is_me(context) or context.actor.may_in(self.tenant_key, Permission.USER_READ)

    def _is_me(self, context: Context) -> bool:
        actor = context.actor
        return self.is_self or (actor.kind is ActorKind.USER and actor.id == self.key)

    async def _custom_role(self, context: Context) -> CustomRoleRow | None:
        from app.identity.graphql.roles.loaders import roles_by_id

        if self.row.custom_role_id is None:
            return None
        return await context.loader(roles_by_id, self.tenant_key).load(self.row.custom_role_id)


@strawberry.type(description="Whoever holds the session token that was sent: the person waiting.")
class Visitor:
    ref: strawberry.Private[Ref]

    @strawberry.field(description="The one session the token is good for.")
    async def session(self, info: Info) -> LazySession:
        """Loaded when it is asked for."""
        from app.sessions.graphql.loaders import load_session

        return await load_session(info.context, self.ref)


Viewer = Annotated[
    User | Visitor | ApiKey, strawberry.union("Viewer", description="Who is asking, by the token that was sent.")
]


@strawberry.type(description="What a role may do.")
class RolePermissions:
    role: Role = strawberry.field(description="The role.")  # type: ignore[valid-type]
    permissions: list[str] = strawberry.field(description="The permissions, e.g. `session:call`, sorted.")


@strawberry.type(description="A user and their cursor.")
class UserEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind them.")
    node: User = strawberry.field(description="The user.")


@strawberry.type(description="A page of users, in order of creation.")
class UserConnection:
    edges: list[UserEdge] = strawberry.field(description="The users.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
