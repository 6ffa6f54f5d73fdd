"""Keyset pages: a cursor is the sort key of the last row seen, so a page never shifts while the table grows."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, ColumnElement, DateTime, Integer, Uuid, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.expression import SelectOfScalar

from app.core.db.engine import ReadTx
from app.core.errors import BadInput

Row = TypeVar("Row")
MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, each with its cursor, and whether more follow."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a connection was asked for: `first` from 1 to 100, `after` a cursor of the same connection."""

    first: int
    after: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.first <= MAX_PAGE:
            raise BadInput(f"`first` must be from 1 to {MAX_PAGE}, not {self.first}.")


async def fetch_page(
    tx: ReadTx,
    statement: SelectOfScalar[Row],
    keys: Sequence[InstrumentedAttribute[Any]],
    request: PageRequest,
    *,
    newest_first: bool = False,
) -> Page[Row]:
    """One page of a statement ordered by `keys`, which must be unique together and not null.

    Ascending, or with `newest_first` descending.
    """
    if request.after is not None:
        last, place = tuple_(*_decode(request.after, keys)), tuple_(*keys)
        statement = statement.where(place < last if newest_first else place > last)
    order = [key.desc() for key in keys] if newest_first else keys
    found = (await tx.exec(statement.order_by(*order).limit(request.first + 1))).all()
    rows = found[: request.first]
    cursors = [encode_cursor([getattr(row, key.key) for key in keys]) for row in rows]
    return Page(rows, cursors, len(found) > request.first)


def encode_cursor(values: Sequence[object]) -> str:
    """The opaque form of a sort key."""
    return urlsafe_b64encode(orjson.dumps([str(value) for value in values])).rstrip(b"=").decode()


def decode_cursor(cursor: str, types: Sequence[TypeEngine[Any]]) -> list[datetime | UUID | int | str]:
    """The sort key that `encode_cursor` was given, of columns of these types. `BadInput` if it is of no such."""
    try:
        texts = orjson.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        if not isinstance(texts, list) or len(texts) != len(types):
            raise ValueError
        return [_key(text, type_) for type_, text in zip(types, texts, strict=True)]
    except (ValueError, OverflowError, Base64Error):
        raise BadInput(
            "`after` is not a cursor of this connection; pass `pageInfo.endCursor` of the page before."
        ) from None


def _decode(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[ColumnElement[Any]]:
    values = decode_cursor(cursor, [key.type for key in keys])
    return [literal(value, key.type) for value, key in zip(values, keys, strict=True)]


def _key(text: object, type_: TypeEngine[Any]) -> datetime | UUID | int | str:
    """A key from its text, if the database can compare it with its column; `ValueError` or `OverflowError` if not."""
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError
    match type_:
        case DateTime():
            instant = datetime.fromisoformat(text)
            if instant.tzinfo is None:
                raise ValueError
            return instant.astimezone(UTC)
        case Uuid():
            return UUID(text)
        case Integer():
            number, bits = int(text), 63 if isinstance(type_, BigInteger) else 31
            if not -(2**bits) <= number < 2**bits:
                raise ValueError
            return number
    return text
