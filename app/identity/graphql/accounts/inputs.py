"""Inputs of what people do with their own accounts, and of invitations."""

from uuid import UUID

import strawberry
from strawberry import UNSET

from app.context import Context
from app.core.db import Database
from app.identity.accounts.invitations import NewInvitation
from app.identity.accounts.service import NewAccount, ProfileChanges, prove_present_password
from app.identity.graphql.types import Role
from app.identity.passwords import HashedPassword, hash_new

_PASSWORD = "8 to 128 characters, and none of those that are tried first."
_TENANT = "The slug of the business. Default: the business whose own domain is asked."
_CODE_TOKEN = "The `codeToken` that was answered when the code was asked for."
_CODE = "The 6 digits of the message; spaces do not matter."
_LOCALE = "Language of the message, as a BCP 47 tag. Default: the tenant's; English where there is no such text."
_NAME = "At most 100 characters. Default: none."
_USERNAME = "1 to 64 letters, digits and . _ -; unique in the tenant. Default: none."


@strawberry.input(description="Who wants to have an account.")
class UserRegisterInput:
    email: str = strawberry.field(description="The address the code is sent to.")
    tenant_slug: str | None = strawberry.field(default=None, description=_TENANT)
    locale: str | None = strawberry.field(default=None, description=_LOCALE)


@strawberry.input(description="The code, and what the new account is to be like.")
class UserConfirmInput:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    code: str = strawberry.field(description=_CODE)
    password: str = strawberry.field(description=_PASSWORD)
    username: str | None = strawberry.field(default=None, description=_USERNAME)
    first_name: str | None = strawberry.field(default=None, description=_NAME)
    last_name: str | None = strawberry.field(default=None, description=_NAME)

    async def account(self) -> NewAccount:
        """What the service takes, with the password hashed: not to be done in a block."""
        hashed = await hash_new(self.password)
        return NewAccount(self.password, hashed, self.username, self.first_name, self.last_name)


@strawberry.input(description="Whose password was forgotten.")
class PasswordRequestResetInput:
    email: str = strawberry.field(description="The address of the account.")
    tenant_slug: str | None = strawberry.field(default=None, description=_TENANT)
    locale: str | None = strawberry.field(default=None, description=_LOCALE)


@strawberry.input(description="The code, and the new password.")
class PasswordResetInput:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    code: str = strawberry.field(description=_CODE)
    password: str = strawberry.field(description=_PASSWORD)


@strawberry.input(description="The present password, and the new one.")
class PasswordChangeInput:
    password: str = strawberry.field(description=_PASSWORD)
    current_password: str | None = strawberry.field(
        default=None, description="The present one. Default: none, for who came by a provider and has none."
    )

    async def hashes(self, database: Database, tenant_id: UUID, user_id: UUID) -> tuple[HashedPassword, HashedPassword]:
        """The present one's, once it has been shown, and the new one's: not to be done in a block."""
        present = await prove_present_password(database, tenant_id, user_id, self.current_password)
        return present, await hash_new(self.password)


@strawberry.input(description="What to change of one's own names; what is left out stays.")
class ProfileUpdateInput:
    username: str | None = strawberry.field(default=UNSET, description="Unique in the tenant; null for none.")
    first_name: str | None = strawberry.field(default=UNSET, description="At most 100 characters; null for none.")
    last_name: str | None = strawberry.field(default=UNSET, description="At most 100 characters; null for none.")

    def changes(self) -> ProfileChanges:
        """What was given."""
        changes: ProfileChanges = {}
        if self.username is not UNSET:
            changes["username"] = self.username
        if self.first_name is not UNSET:
            changes["first_name"] = self.first_name
        if self.last_name is not UNSET:
            changes["last_name"] = self.last_name
        return changes


@strawberry.input(description="The e-mail address one wants to sign in with.")
class EmailChangeInput:
    email: str = strawberry.field(description="The new address; or the present one, to confirm it.")
    locale: str | None = strawberry.field(default=None, description=_LOCALE)


@strawberry.input(description="The code that was sent to the address.")
class EmailConfirmInput:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    code: str = strawberry.field(description=_CODE)


@strawberry.input(description="The telephone number one wants to have.")
class PhoneChangeInput:
    phone: str = strawberry.field(description="With its country, e.g. `+49 30 901820`; the present one, to confirm it.")
    locale: str | None = strawberry.field(default=None, description=_LOCALE)


@strawberry.input(description="The code that was sent to the number.")
class PhoneConfirmInput:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    code: str = strawberry.field(description=_CODE)


@strawberry.input(description="One's own telephone number is to be forgotten; there is nothing to choose.")
class PhoneRemoveInput:
    phone: str = strawberry.field(description="The present number, repeated, however it is written.")


@strawberry.input(description="Which of one's own sign-ins to end.")
class LoginRevokeInput:
    login_id: strawberry.ID | None = strawberry.field(
        default=None, description="The sign-in. Default: all but the one this request is made with."
    )


@strawberry.input(description="Whom to invite, and to what.")
class UserInviteInput:
    email: str = strawberry.field(description="Whom the invitation is sent to; what they will sign in with.")
    role: Role | None = strawberry.field(  # type: ignore[valid-type]
        default=None,
        description="One that allows no more than one's own. Default `STAFF`; not together with `customRoleId`.",
    )
    custom_role_id: strawberry.ID | None = strawberry.field(
        default=None, description="A role of the tenant's own, instead of `role`. Default: none."
    )
    locale: str | None = strawberry.field(default=None, description=_LOCALE)

    def invitation(self, context: Context) -> NewInvitation:
        """What the service takes."""
        custom_role_id = None if self.custom_role_id is None else context.ref("CustomRole", self.custom_role_id).id
        return NewInvitation(self.email, self.role, custom_role_id, self.locale)


@strawberry.input(description="The invitation, and what the new account is to be like.")
class InvitationAcceptInput:
    invitation: str = strawberry.field(description="What was sent by e-mail, or stands in the link behind `#`.")
    password: str = strawberry.field(description=_PASSWORD)
    username: str | None = strawberry.field(default=None, description=_USERNAME)
    first_name: str | None = strawberry.field(default=None, description=_NAME)
    last_name: str | None = strawberry.field(default=None, description=_NAME)

    async def account(self) -> NewAccount:
        """What the service takes, with the password hashed: not to be done in a block."""
        hashed = await hash_new(self.password)
        return NewAccount(self.password, hashed, self.username, self.first_name, self.last_name)


@strawberry.input(description="Which invitation to take back.")
class InvitationRevokeInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")
