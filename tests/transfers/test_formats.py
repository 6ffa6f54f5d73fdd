"""Files of every format, read back by somebody else's library: the same rows, and no more held than a portion."""

import csv
import io
import re
import string
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import openpyxl
import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transfers.formats import FileFormat, Layout, open_writer, parquet
from app.transfers.formats.texts import as_given, harmless
from app.transfers.formats.xlsx import CELL_LETTERS, xlsx_writer
from app.transfers.values import Column, ColumnType, Row

COLUMNS = (
    Column("text"),
    Column("count", ColumnType.INTEGER),
    Column("seconds", ColumnType.NUMBER),
    Column("is_it", ColumnType.BOOLEAN),
    Column("at", ColumnType.TIME),
    Column("data", ColumnType.JSON),
)
AT = datetime(2026, 3, 29, 1, 30, 15, 123456, tzinfo=UTC)
ROWS: list[Row] = [
    ('Zoë, "née" O\'Neil\nof Łódź', 7, 1.5, True, AT, '{"wish": ["a", 1]}'),
    (None, None, None, None, None, None),
    ("=1+1", -3, -0.25, False, AT.astimezone(timezone(timedelta(hours=5))), "null"),
]


def written(
    file_format: FileFormat, folder: Path, portions: Iterable[Sequence[Row]], columns: Sequence[Column] = COLUMNS
) -> bytes:
    with open_writer(file_format, Layout("a: title?", columns), folder) as writer:
        pieces = [writer.write(portion) for portion in portions]
        return b"".join([*pieces, *writer.close()])


@pytest.mark.parametrize("portions", [[ROWS], [[row] for row in ROWS], [[], ROWS[:2], [], ROWS[2:]]])
def test_the_same_rows_come_out(tmp_path: Path, portions: list[list[Row]]) -> None:
    objects = [
        {
            "text": row[0],
            "count": row[1],
            "seconds": row[2],
            "is_it": row[3],
            "at": None if row[4] is None else "2026-03-29T01:30:15.123456Z",
            "data": None if row[5] is None else orjson.loads(str(row[5])),
        }
        for row in ROWS
    ]
    array = orjson.loads(written(FileFormat.JSON, tmp_path, portions))
    lines = [orjson.loads(line) for line in written(FileFormat.JSON_LINES, tmp_path, portions).splitlines()]
    for found in (array, lines):
        assert [
            each | {"at": each["at"] and str(datetime.fromisoformat(each["at"]).astimezone(UTC))} for each in found
        ] == [each | {"at": each["at"] and str(AT)} for each in objects]
    read = list(csv.reader(io.StringIO(written(FileFormat.CSV, tmp_path, portions).decode(), newline="")))
    assert read == [
        ["text", "count", "seconds", "is_it", "at", "data"],
        [ROWS[0][0], "7", "1.5", "true", "2026-03-29T01:30:15.123456Z", '{"wish": ["a", 1]}'],
        ["", "", "", "", "", ""],
        ["'=1+1", "-3", "-0.25", "false", "2026-03-29T01:30:15.123456Z", "null"],
    ]
    table = pq.read_table(io.BytesIO(written(FileFormat.PARQUET, tmp_path, portions)))
    assert [str(field.type) for field in table.schema] == [
        "string",
        "int64",
        "double",
        "bool",
        "timestamp[us, tz=UTC]",
        "string",
    ]
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS
    book = openpyxl.load_workbook(io.BytesIO(written(FileFormat.XLSX, tmp_path, portions)))
    (sheet,) = book.worksheets
    assert sheet.title == "a title"
    naive = AT.replace(tzinfo=None, microsecond=123_000)
    assert list(sheet.iter_rows(values_only=True)) == [
        ("text", "count", "seconds", "is_it", "at", "data"),
        (ROWS[0][0], 7, 1.5, True, naive, '{"wish": ["a", 1]}'),
        (None, None, None, None, None, None),
        ("=1+1", -3, -0.25, False, naive, "null"),
    ]
    # A text, and no formula.
    assert sheet.cell(4, 1).data_type == "s"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file_format", "nothing"),
    [
        (FileFormat.CSV, b"text,count,seconds,is_it,at,data\r\n"),
        (FileFormat.JSON, b"[]\n"),
        (FileFormat.JSON_LINES, b""),
    ],
)
def test_nothing_is_a_file_as_well(tmp_path: Path, file_format: FileFormat, nothing: bytes) -> None:
    assert written(file_format, tmp_path, []) == nothing
    assert pq.read_table(io.BytesIO(written(FileFormat.PARQUET, tmp_path, []))).num_rows == 0
    (sheet,) = openpyxl.load_workbook(io.BytesIO(written(FileFormat.XLSX, tmp_path, []))).worksheets
    assert sheet.max_row == 1


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        (" =1+1", "' =1+1"),
        ("＝1", "'＝1"),
        # Where lines are cut at semicolons, or at a line end within quotes.
        ("Jane;=cmd|' /C calc'!A0", "Jane;'=cmd|' /C calc'!A0"),
        ("Jane\n @SUM(1);+49 30;-1+1", "Jane\n' @SUM(1);+49 30;'-1+1"),
        # What looks like ours.
        ("'=1", "''=1"),
        ("a;'=1", "a;''=1"),
        # Nothing that could run: a number, a telephone number, a name.
        ("+49 (30) 901-820", "+49 (30) 901-820"),
        ("-12.5", "-12.5"),
        ("Jane = John", "Jane = John"),
        ("it's", "it's"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_run_is_written_as_text(text: str, cell: str) -> None:
    assert harmless(text) == cell
    assert as_given(cell) == text


@given(st.text(string.printable + "＝é", max_size=12))
def test_no_text_becomes_another(text: str) -> None:
    assert as_given(harmless(text)) == text
    assert harmless(text)[:1] not in set("=@＝＋－＠\t\r\n")
    # Cut at semicolons and line ends, as some spreadsheets do.
    assert not [part for part in re.split("[;\t\r\n]", harmless(text)) if re.match(r"\s*[=@＝＋－＠]", part)]


def test_a_sheet_that_is_full_goes_on_in_the_next(tmp_path: Path) -> None:
    columns = (Column("number", ColumnType.INTEGER),)
    title = "a title of more than thirty-one letters"
    with xlsx_writer(Layout(title, columns), tmp_path, sheet_rows=4) as writer:
        writer.write([(number,) for number in range(7)])
        content = b"".join(writer.close())
    sheets = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    assert [sheet.title for sheet in sheets] == [title[:31], f"{title[:29]} 2", f"{title[:29]} 3"]
    assert [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in sheets] == [
        ["number", 0, 1, 2],
        ["number", 3, 4, 5],
        ["number", 6],
    ]


def test_excel_has_no_room_for_everything(tmp_path: Path) -> None:
    columns = (Column("text"), Column("at", ColumnType.TIME))
    long_ago = datetime(1850, 1, 1, tzinfo=UTC)
    content = written(FileFormat.XLSX, tmp_path, [[("é" * 40_000, long_ago), ("\x01_x0041_", None)]], columns)
    (sheet,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    assert sheet.cell(2, 1).value == "é" * (CELL_LETTERS - 1) + "…"
    assert sheet.cell(2, 2).value == long_ago.isoformat()
    # Letters that XML has none for are written as Excel does.
    assert "_x0041_" in str(sheet.cell(3, 1).value)


def test_parquet_holds_back_no_more_than_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    columns = (Column("number", ColumnType.INTEGER),)
    content = written(
        FileFormat.PARQUET,
        tmp_path,
        [[(number,) for number in range(start, start + 7)] for start in (0, 7, 14)],
        columns,
    )
    file = pq.ParquetFile(io.BytesIO(content))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [10, 10, 1]
    assert file.read().column("number").to_pylist() == list(range(21))
