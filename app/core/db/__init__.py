"""PostgreSQL: engines, transactions bound to one tenant, table bases, pages. No feature's statements."""

from app.core.db.engine import Database, Databases, ReadTx, WriteTx
from app.core.db.recorded import Aggregate, Recorded
from app.core.db.tables import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.together import Statement

__all__ = [
    "Aggregate",
    "Database",
    "Databases",
    "ReadTx",
    "Recorded",
    "Statement",
    "TenantRow",
    "WriteTx",
    "enum_column",
    "json_column",
    "optional_time",
    "time_column",
]
