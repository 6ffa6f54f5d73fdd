"""What people do with their own accounts: register, confirm addresses, set passwords, end sign-ins. Not signing in.

Nothing here tells a stranger who has an account: whoever asks for a code is answered alike, by the same steps, and
what differs is in the mailbox. Verbs that take a code answer None where it is refused, because that has to commit
(`codes.py`); `taken` turns it into `CodeRefused` behind the block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, TypeVar
from uuid import UUID

from app.core.db import Database, WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import Event
from app.core.personal.sealed import digits
from app.identity import passwords, rules
from app.identity import repository as users
from app.identity import service as user_service
from app.identity.accounts import events, repository
from app.identity.accounts.codes import Codes, Issued, Recipient
from app.identity.accounts.errors import CodeRefused, CurrentLogin, RegistrationClosed, WrongPassword
from app.identity.accounts.models import MessageChannel, MessageKind
from app.identity.accounts.rules import language
from app.identity.events import UserLoginRevoked
from app.identity.factors.rules import dialled
from app.identity.models import Role, User, UserStatus
from app.identity.passwords import HashedPassword
from app.identity.service import NewUser
from app.tenants import service as tenants

Result = TypeVar("Result")
_BY_OWNER = "ended by its owner"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What somebody chooses who opens an account. The password was hashed before the block; it is looked at again once
    the address is known, which it must not be."""

    password: str
    hashed: HashedPassword
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    def __repr__(self) -> str:
        return "NewAccount()"


class ProfileChanges(TypedDict, total=False):
    """What is to be different."""

    username: str | None
    first_name: str | None
    last_name: str | None


def taken(result: Result | None) -> Result:
    """What a code has opened; `CodeRefused` if it has opened nothing. Behind the block, never in it."""
    if result is None:
        raise CodeRefused
    return result


async def request_registration(tx: WriteTx, codes: Codes, email: str, locale: str | None) -> Issued:
    """Send a code to register with; to whom has an account, instead, that they have one.

    Raises `InvalidInput`, `RegistrationClosed`, `TooManyCodes`.
    """
    await _ensure_open(tx)
    address = rules.email(email)
    known = await users.by_email(tx, address)
    kind = MessageKind.REGISTRATION if known is None else MessageKind.ALREADY_REGISTERED
    return await codes.issue(tx, kind, _mail(address), subject_id=None, locale=language(locale))


async def register(tx: WriteTx, codes: Codes, token: str, code: str, new: NewAccount) -> User | None:
    """Open a customer's account for whoever brings the code; None if it is refused.

    Raises `RegistrationClosed`, `InvalidInput`, `WeakPassword`, `EmailTaken`, `UsernameTaken`.
    """
    await _ensure_open(tx)
    message = await codes.redeem(tx, MessageKind.REGISTRATION, token, code)
    if message is None:
        return None
    return await open_account(tx, codes.recipient_of(message).address, new, Role.CUSTOMER, None)


async def open_account(tx: WriteTx, email: str, new: NewAccount, role: Role, custom_role_id: UUID | None) -> User:
    """Create the user of somebody who has shown that the address is theirs; raises what creating a user does."""
    passwords.ensure_strong(new.password, email)
    return await user_service.create(
        tx,
        NewUser(
            email=email,
            password=new.hashed,
            role=role,
            custom_role_id=custom_role_id,
            username=new.username,
            first_name=new.first_name,
            last_name=new.last_name,
            email_verified=True,
        ),
    )


async def request_password_reset(tx: WriteTx, codes: Codes, email: str, locale: str | None) -> Issued:
    """Send a code for a new password, if an active user has this address; nobody is told whether. `TooManyCodes`."""
    address = rules.email(email)
    user = await users.by_email(tx, address)
    subject_id = user.id if user is not None and user.status is UserStatus.ACTIVE else None
    return await codes.issue(
        tx, MessageKind.RESET_PASSWORD, _mail(address), subject_id=subject_id, locale=language(locale)
    )


async def reset_password(
    tx: WriteTx, codes: Codes, token: str, code: str, password: str, hashed: HashedPassword
) -> User | None:
    """Set a new password with a code: every sign-in ends. None if the code is refused. Raises `WeakPassword`."""
    message = await codes.redeem(tx, MessageKind.RESET_PASSWORD, token, code)
    if message is None or message.subject_id is None:
        return None
    user = await users.lock(tx, message.subject_id)
    address = codes.recipient_of(message).address
    # Looked at as they are now: deactivated, or at another address, they are somebody else's to ask.
    if user.status is not UserStatus.ACTIVE or user.email != address:
        return None
    passwords.ensure_strong(password, address)
    user.password_hash, user.email_verified = hashed, True
    user.permission_version += 1
    await users.revoke_logins(tx, user.id, "password reset")
    await _note(tx, user, events.UserPasswordChanged(by_code=True))
    await codes.tell(tx, MessageKind.PASSWORD_CHANGED, _mail(address), subject_id=user.id, locale=message.locale)
    return user


async def prove_present_password(
    database: Database, tenant_id: UUID, user_id: UUID, given: str | None
) -> HashedPassword:
    """The stored hash of who has given their present password; before the block, since checking is slow.

    Who never had one (they came by a provider) need not give it. Raises `WrongPassword`.
    """
    async with database.read(tenant_id) as tx:
        stored = HashedPassword((await users.get(tx, user_id)).password_hash)
    if passwords.is_anybodys(stored):
        right, _ = await passwords.verify(given or "", stored)
        if not right:
            raise WrongPassword
    return stored


async def change_password(
    tx: WriteTx, codes: Codes, user_id: UUID, login_id: UUID, present: HashedPassword, new: HashedPassword
) -> User:
    """Set another password: every other sign-in ends. Raises `WrongPassword` if it was changed beside this."""
    user = await users.lock(tx, user_id)
    if user.password_hash != present:
        raise WrongPassword
    user.password_hash = new
    await _note(tx, user, events.UserPasswordChanged(by_code=False))
    await _end_logins(tx, user, login_id, "password changed")
    await codes.tell(tx, MessageKind.PASSWORD_CHANGED, _mail(user.email), subject_id=user.id)
    return user


async def update_profile(tx: WriteTx, user_id: UUID, changes: ProfileChanges) -> User:
    """Change one's own names; nothing is recorded if everything is so already. `InvalidInput`, `UsernameTaken`."""
    user = await users.lock(tx, user_id)
    wanted = _profile(changes)
    changed = sorted(name for name, value in wanted.items() if getattr(user, name) != value)
    if changed:
        for name in changed:
            setattr(user, name, wanted[name])
        await _note(tx, user, events.UserProfileUpdated(changed))
    return user


async def request_email(tx: WriteTx, codes: Codes, user_id: UUID, email: str, locale: str | None) -> Issued:
    """Send a code to an address that is to be one's own; the present one, to confirm it, is one of them.

    Whether somebody else has it is told to whoever reads its mail. Raises `InvalidInput`, `TooManyCodes`.
    """
    to = _mail(rules.email(email))
    return await codes.issue(tx, MessageKind.CHANGE_EMAIL, to, subject_id=user_id, locale=language(locale))


async def confirm_email(tx: WriteTx, codes: Codes, user_id: UUID, token: str, code: str) -> User | None:
    """Make the address a code was sent to one's own, confirmed; None if it is refused. Raises `EmailTaken`."""
    message = await codes.redeem(tx, MessageKind.CHANGE_EMAIL, token, code, subject_id=user_id)
    if message is None:
        return None
    user, email = await users.lock(tx, user_id), codes.recipient_of(message).address
    before = user.email
    user.email, user.email_verified = email, True
    await _note(tx, user, events.UserAddressConfirmed(MessageChannel.EMAIL, before != email))
    if before != email:
        await codes.tell(tx, MessageKind.EMAIL_CHANGED, _mail(before), subject_id=user.id, locale=message.locale)
    return user


async def request_phone(tx: WriteTx, codes: Codes, user_id: UUID, phone: str, locale: str | None) -> Issued:
    """Send a code to a number that is to be one's own. Raises `InvalidInput`, `TooManyCodes`."""
    number = dialled(rules.phone(phone))
    if number is None:
        raise InvalidInput("phone", "Give a telephone number with its country, e.g. `+49 30 901820`.")
    to = Recipient(MessageChannel.SMS, number)
    return await codes.issue(tx, MessageKind.CHANGE_PHONE, to, subject_id=user_id, locale=language(locale))


async def confirm_phone(tx: WriteTx, codes: Codes, user_id: UUID, token: str, code: str) -> User | None:
    """Make the number a code was sent to one's own, confirmed; None if it is refused."""
    message = await codes.redeem(tx, MessageKind.CHANGE_PHONE, token, code, subject_id=user_id)
    if message is None:
        return None
    user, number = await users.lock(tx, user_id), codes.recipient_of(message).address
    changed = dialled(user.phone) != number
    if changed:
        user.phone = number
    user.phone_verified = True
    await _note(tx, user, events.UserAddressConfirmed(MessageChannel.SMS, changed))
    return user


async def remove_phone(tx: WriteTx, user_id: UUID, phone: str) -> User:
    """Have this telephone number no more. `InvalidInput` if it is another one."""
    user = await users.lock(tx, user_id)
    if user.phone is None or digits(phone) != digits(user.phone):
        raise InvalidInput("phone", "This is not your telephone number: repeat the one that is to be forgotten.")
    user.phone, user.phone_verified = None, False
    await _note(tx, user, events.UserPhoneRemoved())
    return user


async def end_logins(tx: WriteTx, user_id: UUID, current_id: UUID, login_id: UUID | None) -> int:
    """End one of one's own sign-ins, or all but this one; how many there were. None is fine: they have ended.

    Raises `CurrentLogin`, `NotFound` for what is nobody's or somebody else's.
    """
    user = await users.lock(tx, user_id)
    if login_id is None:
        return await _end_logins(tx, user, current_id, _BY_OWNER)
    if login_id == current_id:
        raise CurrentLogin
    login = await users.login(tx, login_id)
    if login is None or login.user_id != user.id:
        raise NotFound("Login")
    if login.revoked_at is not None:
        return 0
    login.revoked_at, login.revoke_reason = tx.now(), _BY_OWNER
    user_service.note(tx, user, UserLoginRevoked(login.id, _BY_OWNER))
    return 1


async def _end_logins(tx: WriteTx, user: User, but: UUID, reason: str) -> int:
    ended = await repository.revoke_other_logins(tx, user.id, but, reason)
    await users.end_challenges(tx, user.id)
    for login_id in ended:
        user_service.note(tx, user, UserLoginRevoked(login_id, reason))
    await tx.flush()
    return len(ended)


async def _note(tx: WriteTx, user: User, event: Event) -> None:
    user.updated_at, user.updated_by = tx.now(), f"USER:{user.id}"
    user_service.note(tx, user, event)
    await user_service.flush(tx)


async def _ensure_open(tx: WriteTx) -> None:
    if not (await tenants.settings_of(tx)).registration_open:
        raise RegistrationClosed


def _mail(address: str) -> Recipient:
    return Recipient(MessageChannel.EMAIL, address)


def _profile(changes: ProfileChanges) -> Mapping[str, str | None]:
    wanted: dict[str, str | None] = {}
    if "username" in changes:
        wanted["username"] = rules.username(changes["username"])
    if "first_name" in changes:
        wanted["first_name"] = rules.person_name("firstName", changes["first_name"])
    if "last_name" in changes:
        wanted["last_name"] = rules.person_name("lastName", changes["last_name"])
    return wanted
