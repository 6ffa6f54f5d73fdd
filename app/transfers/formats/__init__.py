"""Writing rows as files of several formats, piece by piece: what is held does not grow with the number of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.transfers.formats.kinds import MEDIA_TYPES, SUFFIXES, FileFormat
from app.transfers.formats.texts import CsvWriter, JsonWriter
from app.transfers.formats.writing import Layout, Writer

__all__ = ["MEDIA_TYPES", "SUFFIXES", "FileFormat", "Layout", "Writer", "open_writer"]


@contextmanager
def open_writer(file_format: FileFormat, layout: Layout, folder: Path) -> Iterator[Writer]:
    """A writer, not yet written to. `folder` is for what a format has to put aside; the writer leaves nothing there.

    Blocks while it writes: to be used from a thread.
    """
    # The two libraries take half a second to import, and most processes write no file.
    match file_format:
        case FileFormat.CSV:
            yield CsvWriter(layout)
        case FileFormat.JSON:
            yield JsonWriter(layout, lines=False)
        case FileFormat.JSON_LINES:
            yield JsonWriter(layout, lines=True)
        case FileFormat.XLSX:
            from app.transfers.formats.xlsx import xlsx_writer

            with xlsx_writer(layout, folder) as sheet:
                yield sheet
        case FileFormat.PARQUET:
            from app.transfers.formats.parquet import ParquetWriter

            yield ParquetWriter(layout)
