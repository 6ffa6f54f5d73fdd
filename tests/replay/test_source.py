"""Reading a day of calls: the sample as it is, and files that are none."""

from datetime import date
from pathlib import Path

import pytest

from app.replay.source import SAMPLE, SAMPLE_DAY, SourceError, read_day

HEADER = (
    "call_id,customer_id,priority,type,joined_at,left_queue_at,wait_seconds,outcome,"
    "service_started_at,service_ended_at,service_seconds,agent"
)
SERVED = "1,0,2,PS,1999-08-02T09:00:00,1999-08-02T09:01:00,60,served,1999-08-02T09:00:59,1999-08-02T09:03:00,121,AVI"
GONE = "2,0,0,NW,1999-08-02T09:00:30,1999-08-02T09:02:00,90,abandoned,,,,"


def file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_sample_is_the_day_its_readme_describes() -> None:
    day, calls = read_day(SAMPLE, None)
    assert day == SAMPLE_DAY
    assert len(calls) == 2208
    assert sum(call.abandoned for call in calls) == 635
    assert len({call.agent for call in calls if call.agent}) == 19
    assert sum(call.wait_seconds for call in calls) == 246_290
    assert [call.joins for call in calls] == sorted(call.joins for call in calls)


def test_two_impossible_services_have_no_length_and_nobodys_calls_no_agent() -> None:
    _, calls = read_day(SAMPLE, None)
    served = [call for call in calls if not call.abandoned]
    assert sum(call.service_seconds is None for call in served) == 2
    assert sum(call.agent is None for call in served) == 2 + 11


def test_a_call_is_read_in_seconds_of_its_day(tmp_path: Path) -> None:
    day, (served, gone) = read_day(file(tmp_path, HEADER, SERVED, "", GONE), None)
    assert day == date(1999, 8, 2)
    assert (served.joins, served.leaves_line, served.service_starts, served.service_ends) == (
        32400,
        32460,
        32459,
        32580,
    )
    assert (served.priority, served.service_seconds, served.agent, served.abandoned) == (2, 121, "AVI", False)
    assert (gone.abandoned, gone.wait_seconds, gone.agent, gone.service_seconds) == (True, 90, None, None)


def test_a_service_may_end_after_midnight(tmp_path: Path) -> None:
    late = (
        SERVED.replace("T09:00", "T23:59")
        .replace("T09:01:00", "T23:59:59")
        .replace("1999-08-02T09:03", "1999-08-03T00:03")
    )
    _, (call,) = read_day(file(tmp_path, HEADER, late), None)
    assert call.service_ends == 86_400 + 180


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "the file is empty"),
        ([HEADER], "no calls in it"),
        (["a,b,c", "1,2,3"], "line 1: missing column call_id, priority"),
        ([HEADER, SERVED, "1,2,3"], "line 3: 3 cells, expected 12"),
        (
            [HEADER, SERVED.replace("1999-08-02T09:00:00", "yesterday")],
            "line 2: joined_at is 'yesterday', expected a local",
        ),
        ([HEADER, SERVED.replace(",2,PS", ",high,PS")], "line 2: priority is 'high', expected a whole number"),
        ([HEADER, SERVED.replace(",2,PS", ",-1,PS")], "line 2: priority is '-1', expected a whole number"),
        ([HEADER, SERVED.replace("served", "lost")], "line 2: outcome is 'lost', expected served or abandoned"),
        ([HEADER, SERVED.replace("AVI", "")], "line 2: agent is empty, but the call was served"),
        ([HEADER, GONE.replace("T09:02:00", "T08:02:00")], "line 2: left_queue_at 1999-08-02 08:02:00"),
        ([HEADER, GONE.replace("08-02T09:02", "08-12T09:02")], "more than a day"),
        ([HEADER, SERVED.replace("T09:03:00,121", "T09:00:00,121")], "line 2: service_ended_at is before"),
        ([HEADER, SERVED, '3,"unclosed'], "not CSV"),
    ],
)
def test_rubbish_is_refused_with_line_and_reason(tmp_path: Path, lines: list[str], problem: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError) as refused:
        read_day(path, None)
    assert problem in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "calls.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match="not UTF-8 text at byte 0"):
        read_day(binary, None)
    with pytest.raises(SourceError, match="No such file"):
        read_day(tmp_path / "missing.csv", None)
    with pytest.raises(SourceError, match="directory"):
        read_day(tmp_path, None)


def test_the_day_must_be_in_the_file_and_named_when_there_are_several(tmp_path: Path) -> None:
    path = file(tmp_path, HEADER, SERVED, GONE.replace("1999-08-02", "1999-08-03"))
    with pytest.raises(SourceError, match="holds 2 days from 1999-08-02 to 1999-08-03; choose one with --day"):
        read_day(path, None)
    with pytest.raises(SourceError, match="no calls on 1999-08-04"):
        read_day(path, date(1999, 8, 4))
    _, (call,) = read_day(path, date(1999, 8, 3))
    assert call.call_id == "2"
