"""Columns that hold personal data: `user.email` reads and writes plain text, the table holds it sealed. No SQL.

A sealed value is bound to its table, column, tenant and row. Where rows have to be found by it, a second column holds
its blind index. Values are sealed where they are set and opened where they are read: what nobody asks for stays closed.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar, overload
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, LargeBinary
from sqlmodel import Field, col
from sqlmodel.main import SQLModelMetaclass

from app.core.db.tables import TenantRow
from app.core.personal.keys import keys_of, keys_to_look_up

T = TypeVar("T")


class Sealed(property, Generic[T]):
    """One value of a `SealedRow`: reading opens, setting seals, and indexes if rows are found by it.

    A property, because that is what Pydantic and SQLAlchemy leave alone. Its columns are called like it, with `_sealed`
    and `_index` (16 bytes) behind.
    """

    def __init__(
        self,
        encode: Callable[[T], bytes],
        decode: Callable[[bytes], T],
        found_by: Callable[[T], str] | None,
        *,
        optional: bool,
    ) -> None:
        super().__init__()
        self._encode, self._decode, self._found_by, self.optional = encode, decode, found_by, optional

    def columns(self, name: str) -> Iterator[str]:
        """Their names in a table that calls it so."""
        yield f"{name}_sealed"
        if self._found_by is not None:
            yield f"{name}_index"

    def __set_name__(self, owner: type, name: str) -> None:
        self.row, self.name = owner, name
        self.column, self.index_column = f"{name}_sealed", f"{name}_index" if self._found_by is not None else None
        self.table = str(owner.__tablename__)  # type: ignore[attr-defined]
        self._place = f"{self.table}.{name}".encode()

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
        raise TypeError(f"{self.name} is sealed: ask with `sealed(…).matches(tenant_id, value)`")

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


def sealed_text(*, found_by: Callable[[str], str] | None = None) -> Any:
    """A text. `found_by` makes the same of all spellings that are to be found as one."""
    return Sealed(str.encode, bytes.decode, found_by, optional=False)


def optional_sealed_text(*, found_by: Callable[[str], str] | None = None) -> Any:
    """A text or None."""
    return Sealed(str.encode, bytes.decode, found_by, optional=True)


def optional_sealed_json() -> Any:
    """A JSON object or None."""
    return Sealed(orjson.dumps, orjson.loads, None, optional=True)


def sealed_bytes() -> Any:
    """Bytes, as they are."""
    return Sealed(bytes, bytes, None, optional=False)


def sealed(value: T) -> Sealed[T]:
    """What is declared, as `col` gives the column: `sealed(User.email).matches(…)`.

    `matches` asks for rows; `seal`, `open` and `index` are for statements that do not go through the ORM.
    """
    assert isinstance(value, Sealed), "not a sealed value of a class"
    return value


class _SealedTable(SQLModelMetaclass):
    """Gives a class the columns of its sealed values, which are declared like fields and are none."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any) -> Any:
        """Before Pydantic and SQLAlchemy look."""
        annotations = body.get("__annotations__", {})
        for value, declared in [(key, each) for key, each in body.items() if isinstance(each, Sealed)]:
            del annotations[value]
            for column in declared.columns(value):
                annotations[column] = bytes | None
                body[column] = Field(default=None, sa_type=LargeBinary, nullable=declared.optional, repr=False)
        return super().__new__(cls, name, bases, body, **options)


class SealedRow(TenantRow, metaclass=_SealedTable):
    """A tenant's row with sealed values (`email: str = sealed_text()`), which its constructor takes as they are."""

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
