"""Columns that hold personal data: `user.email` reads and writes plain text, the table holds it sealed. No SQL.

A sealed value is bound to its table, column, tenant and row. Where rows have to be found by it, a second column holds
its blind index. Values are sealed where they are set and opened where they are read: what nobody asks for stays closed.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Self, TypeVar, overload
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, LargeBinary
from sqlmodel import Field, col

from app.core.db.tables import TenantRow
from app.core.personal.keys import keys_of, keys_to_look_up

T = TypeVar("T")


def sealed_column(*, optional: bool = False) -> Any:
    """The `bytea` behind a `Sealed`, called like it with `_sealed` behind."""
    return Field(default=None, sa_type=LargeBinary, nullable=optional, repr=False)


def index_column(*, optional: bool = False) -> Any:
    """The `bytea` a `Sealed` is found by, called like it with `_index` behind; 16 bytes."""
    return Field(default=None, sa_type=LargeBinary, nullable=optional, repr=False)


class Sealed(property, Generic[T]):
    """One value of a `SealedRow`: reading opens, setting seals, and indexes if rows are found by it.

    A property, because that is what Pydantic and SQLAlchemy leave alone. Of the class it is itself:
    `User.email.matches` asks for rows; `seal`, `open` and `index` are for statements that do not go through the ORM.
    """

    def __init__(
        self, encode: Callable[[T], bytes], decode: Callable[[bytes], T], found_by: Callable[[T], str] | None
    ) -> None:
        super().__init__()
        self._encode, self._decode, self._found_by = encode, decode, found_by

    def __set_name__(self, owner: type, name: str) -> None:
        self.row, self.name = owner, name
        self.column, self.index_column = f"{name}_sealed", f"{name}_index" if self._found_by is not None else None
        self._place = f"{owner.__tablename__}.{name}".encode()  # type: ignore[attr-defined]

    @overload
    def __get__(self, row: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, row: "SealedRow", owner: type | None = None, /) -> T: ...
    def __get__(self, row: "SealedRow | None", owner: type | None = None, /) -> Self | T:
        """The plain value."""
        if row is None:
            return self
        return self.open(row.tenant_id, row.id, getattr(row, self.column))

    def __set__(self, row: "SealedRow", value: T, /) -> None:
        setattr(row, self.column, self.seal(row.tenant_id, row.id, value))
        if self.index_column is not None:
            setattr(row, self.index_column, self.index(row.tenant_id, value))

    def __eq__(self, other: object) -> bool:
        """Never what somebody means who writes `User.email == …` in a statement."""
        if isinstance(other, Sealed):
            return self is other
        raise TypeError(f"{self.name} is sealed: ask with `.matches(tenant_id, value)`")

    __hash__ = object.__hash__

    def seal(self, tenant_id: UUID, row_id: UUID, value: T) -> bytes | None:
        """What the table holds of a value; None of None."""
        if value is None:
            return None
        return keys_of(tenant_id).seal(self._encode(value), self._bound_to(tenant_id, row_id))

    def open(self, tenant_id: UUID, row_id: UUID, sealed: bytes | None) -> T:
        """The value from what the table holds. `PersonalDataClosed` if it is another row's, or was tampered with."""
        if sealed is None:
            return None  # type: ignore[return-value]  # only where T says so
        return self._decode(keys_of(tenant_id).open(sealed, self._bound_to(tenant_id, row_id)))

    def index(self, tenant_id: UUID, value: T) -> bytes | None:
        """What rows of a tenant with this value are found by; None of None."""
        if value is None:
            return None
        assert self._found_by is not None, f"nothing is found by {self.name}"
        return keys_to_look_up(tenant_id).index(self._place, self._found_by(value).encode())

    def indexes(self, tenant_id: UUID, values: Iterable[T]) -> dict[bytes, T]:
        """Several values by what they are found by."""
        return {index: value for value in values if (index := self.index(tenant_id, value)) is not None}

    def matches(self, tenant_id: UUID, value: T) -> ColumnElement[bool]:
        """The condition that a row's value is this one."""
        assert self.index_column is not None, f"nothing is found by {self.name}"
        return col(getattr(self.row, self.index_column)) == self.index(tenant_id, value)

    def resealed(self, tenant_id: UUID, row_id: UUID, sealed: bytes) -> bytes:
        """The same value under the version that seals now."""
        keys, bound_to = keys_of(tenant_id), self._bound_to(tenant_id, row_id)
        return keys.seal(keys.open(sealed, bound_to), bound_to)

    def _bound_to(self, tenant_id: UUID, row_id: UUID) -> bytes:
        return self._place + tenant_id.bytes + row_id.bytes


def sealed_text(*, found_by: Callable[[str], str] | None = None) -> Sealed[str]:
    """A text. `found_by` makes the same of all spellings that are to be found as one."""
    return Sealed(str.encode, bytes.decode, found_by)


def optional_sealed_text(*, found_by: Callable[[str], str] | None = None) -> Sealed[str | None]:
    """A text or None."""
    return Sealed(str.encode, bytes.decode, found_by)  # type: ignore[arg-type]  # None is never encoded


def optional_sealed_json() -> Sealed[dict[str, Any] | None]:
    """A JSON object or None."""
    return Sealed(orjson.dumps, orjson.loads, None)


class SealedRow(TenantRow):
    """A tenant's row with sealed values, which its constructor takes as they are."""

    def __init__(self, **values: Any) -> None:
        sealed = {name: values.pop(name) for name in list(values) if isinstance(_of(self, name), Sealed)}
        super().__init__(**values)
        for name, value in sealed.items():
            setattr(self, name, value)


def sealed_values() -> Iterator[Sealed[Any]]:
    """Every sealed value of every table."""
    for row in SealedRow.__subclasses__():
        if hasattr(row, "__table__"):
            yield from (each for each in vars(row).values() if isinstance(each, Sealed))


def as_it_is(text: str) -> str:
    """Found by exactly this spelling."""
    return text


def any_case(text: str) -> str:
    """Found however it is capitalised: e-mail addresses, names people sign in with."""
    return text.strip().lower()


def digits(text: str) -> str:
    """Found however it is written: a phone number's digits, with the plus of an international one."""
    return ("+" if text.lstrip().startswith("+") else "") + "".join(filter(str.isdigit, text))


def _of(row: SealedRow, name: str) -> object:
    return getattr(type(row), name, None)
