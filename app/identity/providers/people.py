"""Which user somebody is that a provider vouches for: known, recognised by address, or new. Talks to no provider.

An address recognises somebody only if it is verified on both sides: the provider must vouch for it, and the account
must not be one that a stranger has opened with somebody else's address. Where that cannot be said, the user signs in
another way first and links the two.
"""

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.ids import new_id
from app.identity import repository as users
from app.identity import service
from app.identity.errors import EmailTaken, LastAdmin
from app.identity.models import Role, User, UserStatus
from app.identity.passwords import NOBODYS_HASH
from app.identity.providers import repository
from app.identity.providers.claims import Person, RoleRule, role_rule_for
from app.identity.providers.errors import NotLetIn, Reason
from app.identity.providers.events import UserIdentityLinked
from app.identity.providers.models import IdentityProvider, UserIdentity
from app.identity.providers.values import role_rules_in
from app.identity.service import NewUser, UserChanges, note
from app.tenants import repository as tenants
from app.tenants.errors import LimitReached


async def recognise(tx: WriteTx, provider: IdentityProvider, person: Person) -> User:
    """The user, known to the provider from now on, and with the role its rules give. `NotLetIn` if there is none.

    The tenant's lock is taken where somebody may become a user, or another role be given: two browsers of one new
    person make one user.
    """
    identity = await repository.known_by(tx, provider.id, person.subject)
    if identity is None or provider.roles_follow:
        await tenants.lock(tx, tx.tenant)
        identity = await repository.known_by(tx, provider.id, person.subject)
    if identity is None:
        user, identity = await _introduced(tx, provider, person)
    else:
        user = await users.lock(tx, identity.user_id)
    if user.status is not UserStatus.ACTIVE:
        raise NotLetIn(Reason.NOT_ACTIVE)
    identity.last_used_at, identity.email = tx.now(), person.email
    if provider.roles_follow:
        await _follow(tx, user, _role_of(provider, person))
    return user


async def may_be_linked(tx: ReadTx, user: User, provider: IdentityProvider, subject: str) -> bool:
    """Whether neither the user nor the provider's account is linked at this provider."""
    of_user = (await repository.identities_of(tx, [user.id]))[user.id]
    if any(identity.provider_id == provider.id for identity in of_user):
        return False
    return await repository.known_by(tx, provider.id, subject) is None


async def link(
    tx: WriteTx, user: User, provider: IdentityProvider, subject: str, email: str | None, *, by_email: bool
) -> UserIdentity:
    """Write down that a provider knows a user whose lock is held, and who may be linked."""
    identity = UserIdentity(
        tenant_id=tx.tenant,
        id=new_id(),
        user_id=user.id,
        provider_id=provider.id,
        subject=subject,
        email=email,
        linked_at=tx.now(),
    )
    tx.add(identity)
    note(tx, user, UserIdentityLinked(provider.id, by_email))
    await tx.flush()
    return identity


async def _introduced(tx: WriteTx, provider: IdentityProvider, person: Person) -> tuple[User, UserIdentity]:
    """Somebody the provider names for the first time: the user who has their address, or a new one."""
    if person.email is None:
        raise NotLetIn(Reason.EMAIL_MISSING)
    if not person.email_verified:
        raise NotLetIn(Reason.EMAIL_UNVERIFIED)
    known = await users.by_email(tx, person.email)
    if known is None:
        user = await _created(tx, provider, person, person.email)
    else:
        user = await users.lock(tx, known.id)
        _ensure_recognisable(user)
        if not await may_be_linked(tx, user, provider, person.subject):
            raise NotLetIn(Reason.IDENTITY_TAKEN)
    user.email_verified = True
    return user, await link(tx, user, provider, person.subject, person.email, by_email=known is not None)


def _ensure_recognisable(user: User) -> None:
    """`NotLetIn` unless an address is enough to recognise this user."""
    # Whom staff have made a user has the address that staff have typed. Who runs the installation says so themselves.
    made_by_staff = user.role is not Role.CUSTOMER
    if user.role is Role.SUPER_ADMIN or not (user.email_verified or made_by_staff):
        raise NotLetIn(Reason.ACCOUNT_EXISTS)


async def _created(tx: WriteTx, provider: IdentityProvider, person: Person, email: str) -> User:
    given = _role_of(provider, person)
    if given is None:
        raise NotLetIn(Reason.NO_ROLE if provider.role_rules else Reason.NO_ACCOUNT)
    new = NewUser(
        email=email,
        # Nobody's: they can have one by way of "forgotten password".
        password=NOBODYS_HASH,
        role=given.role or Role.CUSTOMER,
        custom_role_id=given.custom_role_id,
        first_name=person.first_name,
        last_name=person.last_name,
    )
    try:
        return await service.create(tx, new)
    except LimitReached:
        raise NotLetIn(Reason.LIMIT_REACHED) from None
    except EmailTaken:
        raise NotLetIn(Reason.ACCOUNT_EXISTS) from None
    except NotFound:
        raise NotLetIn(Reason.NO_ROLE, "a rule gives a role that was deleted") from None


async def _follow(tx: WriteTx, user: User, given: RoleRule | None) -> None:
    """Give a user the role their provider's rules say, if it is another one."""
    if user.role is Role.SUPER_ADMIN:
        return
    if given is None:
        raise NotLetIn(Reason.NO_ROLE)
    changes: UserChanges = {"role": given.role} if given.role is not None else {"custom_role_id": given.custom_role_id}
    try:
        await service.update(tx, user.id, changes)
    except LastAdmin:
        # Somebody has to be able to put the rules right.
        return
    except LimitReached:
        raise NotLetIn(Reason.LIMIT_REACHED) from None
    except NotFound:
        raise NotLetIn(Reason.NO_ROLE, "a rule gives a role that was deleted") from None


def _role_of(provider: IdentityProvider, person: Person) -> RoleRule | None:
    """What the first rule that fits gives, or the default; None for nothing."""
    found = role_rule_for(role_rules_in(provider), person.claims)
    if found is None and provider.default_role is not None:
        return RoleRule("", "", provider.default_role)
    return found
