"""The table of uses. It belongs to the installation: it says what is used, and not by whom."""

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class DeprecatedUse(SQLModel, table=True):
    """How many operations of one day used one deprecated part. Rows older than what is shown are removed by writing."""

    __tablename__ = "deprecated_uses"

    coordinate: str = Field(primary_key=True, max_length=200)
    used_on: date = Field(primary_key=True)
    operations: int = Field(sa_type=BigInteger)
