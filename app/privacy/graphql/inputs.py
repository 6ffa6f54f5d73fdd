"""Inputs of the mutations about people's data."""

import strawberry

from app.privacy.rules import Subject
from app.privacy.service import RetentionDays

_EMAIL = "Their e-mail address, in upper or lower case: of accounts, sessions, messages, invitations."
_PHONE = "Their phone number, however it is written: of accounts, sessions, messages."
_IDENTIFIER = "The identifier they joined with, or their user name; exactly: of sessions, lists, accounts."


@strawberry.input(description="Export what is held about a person. At least one of the three is given.")
class PersonExportInput:
    email: str | None = strawberry.field(default=None, description=_EMAIL)
    phone: str | None = strawberry.field(default=None, description=_PHONE)
    user_identifier: str | None = strawberry.field(default=None, description=_IDENTIFIER)

    def subject(self) -> Subject:
        """As the verb understands it."""
        return Subject(self.email, self.phone, self.user_identifier)


@strawberry.input(description="Erase a person. At least one of the three is given.")
class PersonEraseInput:
    email: str | None = strawberry.field(default=None, description=_EMAIL)
    phone: str | None = strawberry.field(default=None, description=_PHONE)
    user_identifier: str | None = strawberry.field(default=None, description=_IDENTIFIER)

    def subject(self) -> Subject:
        """As the verb understands it."""
        return Subject(self.email, self.phone, self.user_identifier)


@strawberry.input(description="For how many days what is kept, from 1 to 3,650; what is left out or null, for ever.")
class RetentionSetInput:
    session_days: int | None = strawberry.field(
        default=None, description="After the end of a session: contact, identifier, metadata and notes."
    )
    login_days: int | None = strawberry.field(default=None, description="After the end of a sign-in.")
    notification_days: int | None = strawberry.field(default=None, description="After a message was made.")
    origin_days: int | None = strawberry.field(
        default=None, description="After a change: the address and agent it came from, in the audit log."
    )

    def days(self) -> RetentionDays:
        """As the verb understands it."""
        return RetentionDays(self.session_days, self.login_days, self.notification_days, self.origin_days)
