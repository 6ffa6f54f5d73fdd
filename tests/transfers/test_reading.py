"""Rows of files that come in pieces: the same ones wherever it is cut, and words for what is no such file."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transfers.imports.errors import UnreadableFile
from app.transfers.imports.models import ImportFormat
from app.transfers.imports.reading import MOST_ROW_CHARACTERS, Line, reader

CSV, JSON, JSON_LINES = ImportFormat.CSV, ImportFormat.JSON, ImportFormat.JSON_LINES


def lines(file_format: ImportFormat, content: bytes, at: int = 7) -> list[Line]:
    read = reader(file_format)
    found = [line for start in range(0, len(content), at) for line in read.feed(content[start : start + at])]
    return [*found, *read.close()]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8).map(str.strip)
ROWS = st.lists(st.tuples(TEXTS, TEXTS.filter(bool)), max_size=6)


@given(ROWS, st.integers(1, 40))
def test_whatever_was_written_is_read(rows: list[tuple[str, str]], at: int) -> None:
    objects = [{"a": first, "é": second} for first, second in rows]
    table = io.StringIO(newline="")
    csv.writer(table).writerows([("a", "é"), *rows])
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
    for file_format, content in (
        (CSV, table.getvalue()),
        (JSON_LINES, text.replace("\x85", "\\u0085")),
        (JSON, json.dumps(objects, indent=1, ensure_ascii=False)),
    ):
        if file_format is CSV and any("'" in value for row in rows for value in row):
            continue
        found = lines(file_format, content.encode(), at)
        assert [line.values for line in found] == objects, file_format
        assert lines(file_format, content.encode("utf-8-sig"), at) == found


def test_rows_know_their_line() -> None:
    table = b'name,note\r\nA,"two\nlines"\r\n\r\n,\r\nB,"it ""is"""\r\n\'=C,end'
    assert lines(CSV, table) == [
        Line(2, {"name": "A", "note": "two\nlines"}),
        Line(6, {"name": "B", "note": 'it "is"'}),
        Line(7, {"name": "=C", "note": "end"}),
    ]
    assert lines(CSV, b"name;note\nA;1,5\n") == [Line(2, {"name": "A", "note": "1,5"})]
    assert lines(JSON_LINES, b'\n{"a": null}\n\n{"a": true, "b": 1.5}') == [
        Line(2, {"a": ""}),
        Line(4, {"a": "true", "b": "1.5"}),
    ]
    assert lines(JSON, b' [ {"a": {"b": [1]}} , {"a": "x"} ] \n') == [
        Line(1, {"a": '{"b": [1]}'}),
        Line(2, {"a": "x"}),
    ]
    assert lines(JSON, b"[]") == []


@pytest.mark.parametrize(
    ("file_format", "content", "said"),
    [
        (CSV, b"", "The file is empty"),
        (CSV, b"a,a\n", "each once"),
        (CSV, b"a,\n", "each once"),
        (CSV, b"a,b\n1\n", "Line 2: 1 values"),
        (CSV, b'a,b\n1,"2\n', "Line 2:"),
        (CSV, b'a,b\n1,"2"x\n', "Line 2:"),
        (CSV, "a,b\né,1\n".encode("latin-1"), "not in UTF-8"),
        (CSV, b"PK\x03\x04\xff\xfe", "not in UTF-8"),
        (JSON_LINES, b'{"a": 1}\n{"a": secret}\n', "Line 2 is no JSON"),
        (JSON_LINES, b"[1]\n", "Line 1 is no object"),
        (JSON_LINES, b"[" * 100_000, "Line 1 is no JSON"),
        (JSON, b"", "no end"),
        (JSON, b'{"a": 1}', "no `[` at its beginning"),
        (JSON, b'[{"a": 1} {"a": 2}]', "no `,` behind object 1"),
        (JSON, b'[{"a": 1},', "no end"),
        (JSON, b'[{"a": 1}, 2]', "Object 2 is no object"),
        (JSON, b'[{"a": 1}] more', "behind the end"),
        (JSON, b'[{"a": secret}]', "no end"),
        (JSON, b"[" + b'{"a":' * 100_000, "nested too deeply"),
        (CSV, b'a\n"' + b"x" * MOST_ROW_CHARACTERS, "at most 1,000,000 characters"),
        (JSON, b'[{"a": "' + b"x" * MOST_ROW_CHARACTERS, "Object 1 is no JSON"),
    ],
    ids=lambda each: repr(each)[:30],
)
def test_what_is_no_such_file_is_said(file_format: ImportFormat, content: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        lines(file_format, content, 100_000)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_of_a_row_nothing_is_held_that_was_read() -> None:
    read: Any = reader(JSON)
    content = b"[" + b",".join(b'{"a": "%d"}' % number for number in range(1000))
    for start in range(0, len(content), 10):
        list(read.feed(content[start : start + 10]))
        assert len(read._rest) < 40
