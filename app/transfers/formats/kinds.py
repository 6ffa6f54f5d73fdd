"""The formats there are, and what a file of each is called. Writes none."""

from enum import StrEnum
from typing import Final


class FileFormat(StrEnum):
    """What a file is written as."""

    CSV = "CSV"
    JSON = "JSON"
    JSON_LINES = "JSON_LINES"
    XLSX = "XLSX"
    PARQUET = "PARQUET"


MEDIA_TYPES: Final = {
    FileFormat.CSV: "text/csv; charset=utf-8; header=present",
    FileFormat.JSON: "application/json",
    FileFormat.JSON_LINES: "application/jsonl",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}
SUFFIXES: Final = {
    FileFormat.CSV: "csv",
    FileFormat.JSON: "json",
    FileFormat.JSON_LINES: "jsonl",
    FileFormat.XLSX: "xlsx",
    FileFormat.PARQUET: "parquet",
}
