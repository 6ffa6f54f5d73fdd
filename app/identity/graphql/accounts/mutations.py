"""What people do with their own accounts, and inviting others."""

import strawberry

from app.context import Info
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.limits import Bucket
from app.identity.accounts import codes, invitations, service
from app.identity.graphql.accounts import inputs, results
from app.identity.graphql.accounts.loaders import open_tenant, tenant_to_register_with
from app.identity.graphql.accounts.types import Invitation
from app.identity.graphql.step_up import StepUp
from app.identity.graphql.types import User
from app.identity.passwords import hash_new
from app.identity.permissions import Permission
from app.identity.step_up import running

_OWN = Checked("Users only, and each for themselves.")
_BY_CODE = Public("Public: the code says who asks.")


@strawberry.type
class AccountMutation:
    @strawberry.mutation(
        description=(
            "Send a code to register with: `userConfirm` makes the account. The answer is the same, and takes as "
            "long, whether the address has an account or not; what differs is in the mailbox."
        ),
        extensions=[Public(), Limited(Bucket.REGISTRATION)],
    )
    async def user_register(self, info: Info, input: inputs.UserRegisterInput) -> results.UserRegisterResult:
        tenant_id = await tenant_to_register_with(info.context, input.tenant_slug)
        async with info.context.write(tenant_id) as tx:
            issued = await service.request_registration(tx, _codes(info), input.email, input.locale)
        return results.UserRegisterSuccess(code_token=issued.token, expires_at=issued.expires_at)

    @strawberry.mutation(
        description="Make the account of a customer, with the code that was sent to the address.",
        extensions=[_BY_CODE, Limited(Bucket.SIGN_IN)],
    )
    async def user_confirm(self, info: Info, input: inputs.UserConfirmInput) -> results.UserConfirmResult:
        tenant_id, new = codes.tenant_of(input.code_token), await input.account()
        await info.context.enter(tenant_id)
        async with info.context.write(tenant_id) as tx:
            user = await service.register(tx, _codes(info), input.code_token, input.code, new)
        return results.UserConfirmSuccess(user=User.of(service.taken(user), is_self=True))

    @strawberry.mutation(
        description=(
            "Send a code for a new password. The answer is the same, and takes as long, whether the address has an "
            "account or not."
        ),
        extensions=[Public(), Limited(Bucket.CODES)],
    )
    async def password_request_reset(
        self, info: Info, input: inputs.PasswordRequestResetInput
    ) -> results.PasswordRequestResetResult:
        tenant_id = await open_tenant(info.context, input.tenant_slug)
        async with info.context.write(tenant_id) as tx:
            issued = await service.request_password_reset(tx, _codes(info), input.email, input.locale)
        return results.PasswordRequestResetSuccess(code_token=issued.token, expires_at=issued.expires_at)

    @strawberry.mutation(
        description="Set a new password with the code. Every sign-in ends, and their address is told.",
        extensions=[_BY_CODE, Limited(Bucket.SIGN_IN)],
    )
    async def password_reset(self, info: Info, input: inputs.PasswordResetInput) -> results.PasswordResetResult:
        tenant_id, hashed = codes.tenant_of(input.code_token), await hash_new(input.password)
        await info.context.enter(tenant_id)
        async with info.context.write(tenant_id) as tx:
            user = await service.reset_password(tx, _codes(info), input.code_token, input.code, input.password, hashed)
        service.taken(user)
        return results.PasswordResetSuccess(password_set=True)

    @strawberry.mutation(
        description="Set another password of one's own. Every other sign-in ends, and one's address is told.",
        extensions=[StepUp(), _OWN, Limited(Bucket.SIGN_IN)],
    )
    async def password_change(self, info: Info, input: inputs.PasswordChangeInput) -> results.PasswordChangeResult:
        tenant_id, user_id, login_id = running(info.context.actor)
        present, new = await input.hashes(info.context.runtime.dbs.app, tenant_id, user_id)
        async with info.context.write() as tx:
            user = await service.change_password(tx, _codes(info), user_id, login_id, present, new)
        return results.PasswordChangeSuccess(user=User.of(user))

    @strawberry.mutation(description="Change one's own names.", extensions=[_OWN])
    async def profile_update(self, info: Info, input: inputs.ProfileUpdateInput) -> results.ProfileUpdateResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            user = await service.update_profile(tx, user_id, input.changes())
        return results.ProfileUpdateSuccess(user=User.of(user))

    @strawberry.mutation(
        description=(
            "Send a code to an address: `emailConfirm` makes it one's own. With the present address, that one is "
            "confirmed."
        ),
        extensions=[StepUp(), _OWN, Limited(Bucket.CODES)],
    )
    async def email_change(self, info: Info, input: inputs.EmailChangeInput) -> results.EmailChangeResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            issued = await service.request_email(tx, _codes(info), user_id, input.email, input.locale)
        return results.EmailChangeSuccess(code_token=issued.token, expires_at=issued.expires_at)

    @strawberry.mutation(
        description="Make the address the code was sent to one's own; the one before is told.",
        extensions=[_OWN, Limited(Bucket.SIGN_IN)],
    )
    async def email_confirm(self, info: Info, input: inputs.EmailConfirmInput) -> results.EmailConfirmResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            user = await service.confirm_email(tx, _codes(info), user_id, input.code_token, input.code)
        return results.EmailConfirmSuccess(user=User.of(service.taken(user)))

    @strawberry.mutation(
        description=(
            "Send a code to a telephone number: `phoneConfirm` makes it one's own. With the present number, that one "
            "is confirmed."
        ),
        extensions=[StepUp(), _OWN, Limited(Bucket.CODES)],
    )
    async def phone_change(self, info: Info, input: inputs.PhoneChangeInput) -> results.PhoneChangeResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            issued = await service.request_phone(tx, _codes(info), user_id, input.phone, input.locale)
        return results.PhoneChangeSuccess(code_token=issued.token, expires_at=issued.expires_at)

    @strawberry.mutation(
        description="Make the number the code was sent to one's own.", extensions=[_OWN, Limited(Bucket.SIGN_IN)]
    )
    async def phone_confirm(self, info: Info, input: inputs.PhoneConfirmInput) -> results.PhoneConfirmResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            user = await service.confirm_phone(tx, _codes(info), user_id, input.code_token, input.code)
        return results.PhoneConfirmSuccess(user=User.of(service.taken(user)))

    @strawberry.mutation(description="Have one's telephone number forgotten.", extensions=[StepUp(), _OWN])
    async def phone_remove(self, info: Info, input: inputs.PhoneRemoveInput) -> results.PhoneRemoveResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            user = await service.remove_phone(tx, user_id, input.phone)
        return results.PhoneRemoveSuccess(user=User.of(user))

    @strawberry.mutation(
        description="End one of one's own sign-ins, or all but this one, within 2 s, sockets included.",
        extensions=[_OWN],
    )
    async def login_revoke(self, info: Info, input: inputs.LoginRevokeInput) -> results.LoginRevokeResult:
        _, user_id, current_id = running(info.context.actor)
        login_id = None if input.login_id is None else info.context.ref("Login", input.login_id).id
        async with info.context.write() as tx:
            ended = await service.end_logins(tx, user_id, current_id, login_id)
        return results.LoginRevokeSuccess(ended_count=ended)

    @strawberry.mutation(
        description=(
            "Invite somebody by e-mail to have an account with a role; good for 7 days and once. An open invitation "
            "to the same address is replaced."
        ),
        extensions=[StepUp(), Requires(Permission.USER_WRITE)],
    )
    async def user_invite(self, info: Info, input: inputs.UserInviteInput) -> results.UserInviteResult:
        new = input.invitation(info.context)
        async with info.context.write() as tx:
            invitation = await invitations.invite(tx, _codes(info), new)
        return results.UserInviteSuccess(invitation=Invitation.of(invitation))

    @strawberry.mutation(
        description="Have the account one was invited to. Whoever has invited must still be able to give its role.",
        extensions=[Public("Public: the invitation says who asks."), Limited(Bucket.SIGN_IN)],
    )
    async def invitation_accept(
        self, info: Info, input: inputs.InvitationAcceptInput
    ) -> results.InvitationAcceptResult:
        tenant_id, new = codes.tenant_of(input.invitation.partition(".")[0]), await input.account()
        await info.context.enter(tenant_id)
        async with info.context.write(tenant_id) as tx:
            user = await invitations.accept(tx, _codes(info), input.invitation, new)
        return results.InvitationAcceptSuccess(user=User.of(service.taken(user), is_self=True))

    @strawberry.mutation(
        description="Take an invitation back. Nothing happens if it was taken back or has expired.",
        extensions=[Requires(Permission.USER_WRITE)],
    )
    async def invitation_revoke(
        self, info: Info, input: inputs.InvitationRevokeInput
    ) -> results.InvitationRevokeResult:
        ref = info.context.ref("Invitation", input.invitation_id)
        async with info.context.write() as tx:
            invitation = await invitations.revoke(tx, ref.id)
        return results.InvitationRevokeSuccess(invitation=Invitation.of(invitation))


def _codes(info: Info) -> codes.Codes:
    return info.context.runtime.authenticator.codes
