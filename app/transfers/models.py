"""Files made for people or received from them: what they are. Their bytes lie in sealed portions until they expire."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.core.db import optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, sealed_text


class File(SealedRow, table=True):
    """A file, of which whoever has its link may read everything.

    1. created, empty; portions are appended, each in the transaction of whoever makes it
    2. finished (`finished_at`): nothing is appended any more, and only now it can be fetched
    3. destroyed with its portions when `expires_at` has passed; those with personal data also when somebody whose data
       may be in it is erased

    - every portion is encrypted under the file's own key, which is sealed with the tenant's: destroying the row is
      destroying the file, and changing the tenant's key does not touch the portions
    - `size` is what lies in the table, and counts against the tenant's `storageMegabytes`
    """

    __tablename__ = "files"
    __table_args__ = (
        Index("files_expires_idx", "expires_at"),
        {"info": NOT_AUDITED},
    )

    key: str = sealed_text()
    name: str = Field(max_length=200)
    media_type: str = Field(max_length=100)
    # Whether it may say who somebody is.
    personal: bool
    size: int = Field(default=0, sa_type=BigInteger)
    # What whoever fetches it receives.
    length: int = Field(default=0, sa_type=BigInteger)
    portions: int = 0
    revision: int = 0
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    finished_at: datetime | None = optional_time()
    expires_at: datetime = time_column()


class FilePortion(SQLModel, table=True):
    """A piece of a file, from 1 on. Written once, with the file's row held."""

    __tablename__ = "file_portions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"], ondelete="CASCADE"),
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    file_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary, repr=False)
