"""Pure rules: what a person is found by, and what of a row is the person's to read."""

import re
from dataclasses import dataclass
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Table
from sqlmodel import SQLModel

from app.core.errors import InvalidInput
from app.core.personal.keys import PersonalDataClosed
from app.core.personal.sealed import Sealed, SealedRow
from app.core.texts import ensure_text

MAX_DAYS = 3_650
# Of secrets not even a hash leaves the house; blind indexes and sealed bytes say nothing.
_KEPT = re.compile(r"hash|secret|_index$|^sealed_|_sealed$|token|(^|_)codes?$|password")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a person is found by: all rows that have one of these are theirs."""

    email: str | None = None
    phone: str | None = None
    user_identifier: str | None = None

    def as_json(self) -> dict[str, Any]:
        """To be kept, sealed."""
        return {"email": self.email, "phone": self.phone, "userIdentifier": self.user_identifier}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Subject":
        """From what was kept."""
        return cls(kept["email"], kept["phone"], kept["userIdentifier"])


def ensure_usable(subject: Subject) -> None:
    """`InvalidInput` unless it names somebody, by values that can be looked for."""
    if subject == Subject():
        raise InvalidInput("email", "Give at least one of `email`, `phone` and `userIdentifier`.")
    if subject.email is not None:
        try:
            validate_email(subject.email, check_deliverability=False)
        except EmailNotValidError as error:
            raise InvalidInput("email", f"Not an e-mail address: {error}") from None
    if subject.phone is not None:
        ensure_text("phone", subject.phone, 4, 32)
        if sum(each.isdigit() for each in subject.phone) < 4:
            raise InvalidInput("phone", "A phone number has at least 4 digits.")
    if subject.user_identifier is not None:
        ensure_text("userIdentifier", subject.user_identifier, 1, 200)


def ensure_days(field: str, days: int | None) -> None:
    """`InvalidInput` unless it is a number of days, or null."""
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidInput(field, f"`{field}` is from 1 to {MAX_DAYS:,} days, or null for ever.")


def readable(row: SealedRow, name: str, unreadable: set[str]) -> Any:
    """A sealed value; None if no key opens it, which keeps nobody from their right to the rest. Noted is whose."""
    try:
        return getattr(row, name)
    except PersonalDataClosed:
        unreadable.add(f"{row.__tablename__} {row.id}")
        return None


def as_exported(row: SQLModel, unreadable: set[str]) -> dict[str, Any]:
    """A row as its person may read it: every column in plain text, but for secrets."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    names = [column.name for column in table.columns if not _KEPT.search(column.name)]
    found: dict[str, Any] = {name: getattr(row, name) for name in names}
    sealed = {name for kind in type(row).__mro__ for name, each in vars(kind).items() if isinstance(each, Sealed)}
    return found | ({name: readable(row, name, unreadable) for name in sealed} if isinstance(row, SealedRow) else {})
