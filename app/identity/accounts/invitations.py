"""Invitations: somebody who may give a role asks an address to have an account with it. No registration, no sign-in.

What an invitation gives is looked at twice, when it is made and when it is accepted: whoever made it must be able to
give it at both times. So nobody who was thrown out comes back by an invitation they had left behind.
"""

from dataclasses import dataclass
from uuid import UUID

from app.core.actor import SYSTEM, Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import Event, record
from app.core.ids import new_id
from app.identity import repository as users
from app.identity import rules
from app.identity import service as user_service
from app.identity.accounts import events, repository
from app.identity.accounts.codes import INVITATION_LIFETIME, Codes, Recipient
from app.identity.accounts.errors import InvitationEnded
from app.identity.accounts.events import INVITATION
from app.identity.accounts.models import Invitation, InvitationStatus, MessageChannel, MessageKind
from app.identity.accounts.models import status_of as invitation_status
from app.identity.accounts.rules import language
from app.identity.accounts.service import NewAccount, open_account
from app.identity.errors import EmailTaken, RoleNotGrantable
from app.identity.models import Role, User
from app.identity.on_behalf import present_actor
from app.identity.roles import service as roles
from app.tenants import repository as tenants


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation as it is asked for."""

    email: str
    # One of both; by default STAFF.
    role: Role | None = None
    custom_role_id: UUID | None = None
    locale: str | None = None


async def invite(tx: WriteTx, codes: Codes, new: NewInvitation) -> Invitation:
    """Invite an address; an open invitation to it is replaced.

    Raises `InvalidInput`, `RoleNotGrantable`, `LimitReached`, `EmailTaken`, `TooManyCodes`, `NotFound` (of the role).
    """
    if new.role is not None and new.custom_role_id is not None:
        raise InvalidInput("customRoleId", "Give `role` or `customRoleId`, not both: a role of your own has its base.")
    await tenants.lock(tx, tx.tenant)
    grant = await roles.grant(tx, new.role or Role.STAFF, new.custom_role_id)
    rules.ensure_may_manage(tx.actor, grant)
    email = rules.email(new.email)
    if await users.by_email(tx, email) is not None:
        raise EmailTaken
    await user_service.ensure_room(tx, grant.role)
    if (before := await repository.open_invitation(tx, email)) is not None:
        await _ensure_may_take_back(tx, before)
        before.revoked_at = tx.now()
        _note(tx, before, events.InvitationRevoked())
        await tx.flush()
    now = tx.now()
    invitation = Invitation(
        tenant_id=tx.tenant,
        id=new_id(),
        email=email,
        role=grant.role,
        custom_role_id=new.custom_role_id,
        locale=language(new.locale),
        invited_by_id=tx.actor.id if tx.actor.kind is ActorKind.USER else None,
        expires_at=now + INVITATION_LIFETIME,
        created_at=now,
        created_by=tx.actor.label,
    )
    tx.add(invitation)
    await tx.flush()
    record(tx, INVITATION, invitation.id, 1, events.InvitationCreated(grant.role, new.custom_role_id), now)
    to = Recipient(MessageChannel.EMAIL, email)
    await codes.issue(tx, MessageKind.INVITATION, to, subject_id=invitation.id, locale=language(new.locale))
    return invitation


async def accept(tx: WriteTx, codes: Codes, text: str, new: NewAccount) -> User | None:
    """Open the account for whoever has the invitation; None if it is no good (and that has to commit).

    Raises `InvitationEnded`, `InvalidInput`, `WeakPassword`, `LimitReached`, `EmailTaken`, `UsernameTaken`.
    """
    token, _, secret = text.partition(".")
    message = await codes.redeem(tx, MessageKind.INVITATION, token, secret)
    if message is None or message.subject_id is None:
        return None
    await tenants.lock(tx, tx.tenant)
    invitation = await repository.lock_invitation(tx, message.subject_id)
    if invitation_status(invitation, tx.now()) is not InvitationStatus.OPEN:
        raise InvitationEnded
    # The account is made by whoever has invited, with what they may do today: not from where it is accepted.
    origin = tx.origin
    tx.act_for(await _inviter(tx, invitation), tx.request_id)
    try:
        user = await open_account(tx, invitation.email, new, invitation.role, invitation.custom_role_id)
    except (RoleNotGrantable, NotFound):
        # Inviters may do less than they could, or the role is gone.
        raise InvitationEnded from None
    invitation.accepted_at, invitation.user_id = tx.now(), user.id
    tx.act_for(Actor(ActorKind.USER, tx.tenant, user.id), tx.request_id, origin)
    _note(tx, invitation, events.InvitationAccepted(user.id))
    return user


async def revoke(tx: WriteTx, invitation_id: UUID) -> Invitation:
    """Take an invitation back. Nothing happens if it was revoked.

    Raises `InvitationEnded` once it was accepted, `RoleNotGrantable`, `NotFound`.
    """
    invitation = await repository.lock_invitation(tx, invitation_id)
    if invitation.accepted_at is not None:
        raise InvitationEnded
    if invitation.revoked_at is None:
        await _ensure_may_take_back(tx, invitation)
        invitation.revoked_at = tx.now()
        _note(tx, invitation, events.InvitationRevoked())
    return invitation


async def _ensure_may_take_back(tx: WriteTx, invitation: Invitation) -> None:
    """`RoleNotGrantable` unless one could have given it: a role that is gone gives nothing any more."""
    try:
        grant = await roles.grant(tx, invitation.role, invitation.custom_role_id)
    except NotFound:
        return
    rules.ensure_may_manage(tx.actor, grant)


async def _inviter(tx: WriteTx, invitation: Invitation) -> Actor:
    if not invitation.created_by.startswith(ActorKind.API_KEY) and invitation.invited_by_id is None:
        return SYSTEM
    actor = await present_actor(tx, invitation.created_by)
    if actor is None:
        raise InvitationEnded
    return actor


def _note(tx: WriteTx, invitation: Invitation, event: Event) -> None:
    invitation.revision += 1
    record(tx, INVITATION, invitation.id, invitation.revision, event, tx.now())
