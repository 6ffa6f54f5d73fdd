"""XLSX, row by row: a finished row is on disk. What a sheet has no room for goes on in the next one.

Times are dates of the spreadsheet in UTC, which knows no zones. Texts are never formulas, links or numbers.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from app.transfers.formats.writing import Layout
from app.transfers.values import Row, Value

SHEET_ROWS: Final = 1_048_576
"""What a sheet of Excel holds, its header among them."""
CELL_LETTERS: Final = 32_767
"""What a cell holds; the rest of a longer text is cut off, and its last letter is an ellipsis."""
_PIECE_BYTES: Final = 1024 * 1024
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd hh:mm:ss",
}
_FIRST_DATE: Final = datetime(1900, 3, 1, tzinfo=UTC)


@contextmanager
def xlsx_writer(layout: Layout, folder: Path, sheet_rows: int = SHEET_ROWS) -> Iterator["XlsxWriter"]:
    """A workbook whose files lie in a folder of their own for as long as it is made."""
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield XlsxWriter(layout, own, sheet_rows)
    finally:
        shutil.rmtree(own, ignore_errors=True)


class XlsxWriter:
    """A workbook of as many sheets as it takes."""

    def __init__(self, layout: Layout, folder: Path, sheet_rows: int) -> None:
        self._layout = layout
        self._path = folder / "book.xlsx"
        self._book = xlsxwriter.Workbook(str(self._path), {**_OPTIONS, "tmpdir": str(folder)})
        # Without it a large book is refused, at its very end.
        self._book.use_zip64()
        self._bold = self._book.add_format({"bold": True})
        self._sheet_rows = sheet_rows
        self._sheets = 0
        self._sheet, self._next_row = self._new_sheet(), 1

    def write(self, rows: Sequence[Row]) -> bytes:
        """Nothing: the bytes of a book are ready when it is closed."""
        for row in rows:
            if self._next_row == self._sheet_rows:
                self._sheet, self._next_row = self._new_sheet(), 1
            for place, value in enumerate(row):
                self._put(self._next_row, place, value)
            self._next_row += 1
        return b""

    def close(self) -> Iterator[bytes]:
        """The book."""
        self._book.close()
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def _new_sheet(self) -> Worksheet:
        self._sheets += 1
        number = "" if self._sheets == 1 else f" {self._sheets}"
        # At most 31 letters, and none of these.
        title = "".join(letter for letter in self._layout.title if letter not in "[]:*?/\\'")
        sheet = self._book.add_worksheet(title[: 31 - len(number)] + number)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._layout.columns):
            sheet.write_string(0, place, column.name, self._bold)
        return sheet

    def _put(self, row: int, place: int, value: Value) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(row, place, value)
        elif isinstance(value, int | float):
            self._sheet.write_number(row, place, value)
        elif isinstance(value, datetime):
            # Excel knows no zones, and no day before its first that is right.
            if value >= _FIRST_DATE:
                self._sheet.write_datetime(row, place, value.astimezone(UTC).replace(tzinfo=None))
            else:
                self._sheet.write_string(row, place, value.isoformat())
        else:
            fits = len(value) <= CELL_LETTERS
            self._sheet.write_string(row, place, value if fits else value[: CELL_LETTERS - 1] + "…")
