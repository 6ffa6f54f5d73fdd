"""The shape all tables share: tenant first in every key, UTC times, closed sets as checked text."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Enum
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.ids import new_id

SQLModel.metadata.naming_convention = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


class TenantRow(SQLModel):
    """A row owned by a tenant. The tenant leads every key, so a foreign key cannot point into another tenant."""

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    id: UUID = Field(default_factory=new_id, primary_key=True)


def time_column(*, default: Any = ..., index: bool = False) -> Any:
    """A `timestamptz`; naive times are refused by the driver."""
    return Field(default=default, sa_type=DateTime(timezone=True), index=index)


def optional_time() -> Any:
    """A `timestamptz` that is null until it happens."""
    return time_column(default=None)


def enum_column(kind: type[StrEnum], name: str, default: StrEnum | None = None) -> Any:
    """A closed set, stored by value as text with a CHECK (a native enum could not be changed in a transaction)."""
    return Field(
        default=... if default is None else default,
        sa_type=Enum(
            kind,
            native_enum=False,
            create_constraint=True,
            length=24,
            name=name,
            values_callable=lambda members: [member.value for member in members],
        ),
    )


def json_column(default_factory: Any = dict) -> Any:
    """A `jsonb`."""
    return Field(default_factory=default_factory, sa_type=JSONB)


__all__ = ["TenantRow", "enum_column", "json_column", "optional_time", "time_column"]
