"""Inputs of signing in and out, and of the user mutations."""

import strawberry
from strawberry import UNSET

from app.context import Context
from app.identity.graphql.types import Role
from app.identity.passwords import hash_new
from app.identity.proofs import Credentials
from app.identity.service import NewUser, UserChanges

_PASSWORD = "8 to 128 characters, and none of those that are tried first."


@strawberry.input(description="What a user signs in with.")
class UserLoginInput:
    tenant_slug: str | None = strawberry.field(
        default=None,
        description="The slug of the user's business. Default: the business whose own domain the request came to.",
    )
    email: str = strawberry.field(description="The user's e-mail address; upper and lower case are the same.")
    password: str = strawberry.field(description="The user's password.")

    def credentials(self, context: Context) -> Credentials:
        """What the password's check takes."""
        return Credentials(self.tenant_slug, self.email, self.password, context.host)


@strawberry.input(description="What a new access token is given for.")
class LoginRefreshInput:
    refresh_token: str = strawberry.field(description="The newest refresh token of the sign-in.")


@strawberry.input(description="Which sign-in to end.")
class LogoutInput:
    refresh_token: str = strawberry.field(description="Any refresh token of the sign-in.")


@strawberry.input(description="A new user of one's own tenant.")
class UserCreateInput:
    email: str = strawberry.field(description="What they sign in with; unique in the tenant.")
    password: str = strawberry.field(description=_PASSWORD)
    role: Role = strawberry.field(  # type: ignore[valid-type]
        default=Role.STAFF,
        description="One that allows no more than one's own. Default `STAFF`.",
    )
    custom_role_id: strawberry.ID | None = strawberry.field(
        default=None, description="A role of the tenant's own, instead of `role`. Default: none."
    )
    username: str | None = strawberry.field(
        default=None, description="1 to 64 letters, digits and . _ -; unique in the tenant."
    )
    first_name: str | None = strawberry.field(default=None, description="At most 100 characters.")
    last_name: str | None = strawberry.field(default=None, description="At most 100 characters.")
    phone: str | None = strawberry.field(default=None, description="A telephone number, at most 32 characters.")

    async def user(self, context: Context) -> NewUser:
        """What the service takes, with the password hashed: not to be done in a block."""
        custom_role_id = None if self.custom_role_id is None else context.ref("CustomRole", self.custom_role_id).id
        return NewUser(
            email=self.email,
            password=await hash_new(self.password, self.email),
            role=self.role,
            custom_role_id=custom_role_id,
            username=self.username,
            first_name=self.first_name,
            last_name=self.last_name,
            phone=self.phone,
        )


@strawberry.input(description="What to change of a user; what is left out stays.")
class UserUpdateInput:
    user_id: strawberry.ID = strawberry.field(description="The user.")
    email: str | None = strawberry.field(default=UNSET, description="What they sign in with; unique in the tenant.")
    password: str | None = strawberry.field(default=UNSET, description=f"{_PASSWORD} Ends all their sign-ins.")
    role: Role | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET,
        description="One that allows no more than one's own. Effective at once: access tokens have to be refreshed.",
    )
    custom_role_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="A role of the tenant's own, instead of `role`; null takes it away and leaves its base.",
    )
    username: str | None = strawberry.field(default=UNSET, description="Unique in the tenant; null for none.")
    first_name: str | None = strawberry.field(default=UNSET, description="At most 100 characters; null for none.")
    last_name: str | None = strawberry.field(default=UNSET, description="At most 100 characters; null for none.")
    phone: str | None = strawberry.field(default=UNSET, description="A telephone number; null for none.")

    async def changes(self, context: Context) -> UserChanges:
        """What was given, with the password hashed. Null stands for "as it is" where there must be a value."""
        changes: UserChanges = {}
        if self.email is not UNSET and self.email is not None:
            changes["email"] = self.email
        if self.role is not UNSET and self.role is not None:
            changes["role"] = self.role
        if self.custom_role_id is not UNSET:
            custom = self.custom_role_id
            changes["custom_role_id"] = None if custom is None else context.ref("CustomRole", custom).id
        if self.username is not UNSET:
            changes["username"] = self.username
        if self.first_name is not UNSET:
            changes["first_name"] = self.first_name
        if self.last_name is not UNSET:
            changes["last_name"] = self.last_name
        if self.phone is not UNSET:
            changes["phone"] = self.phone
        if self.password is not UNSET and self.password is not None:
            changes["password"] = await hash_new(self.password, self.email or "")
        return changes


@strawberry.input(description="Whom to deactivate.")
class UserDeactivateInput:
    user_id: strawberry.ID = strawberry.field(description="The user.")


@strawberry.input(description="Whom to reactivate.")
class UserReactivateInput:
    user_id: strawberry.ID = strawberry.field(description="The user.")
