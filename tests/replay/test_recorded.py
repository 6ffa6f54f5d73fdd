"""A day out of a queue's own log: what a log says of everybody, and a recorded day played again."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.replay.cli import main
from app.replay.operations import EventItem
from app.replay.plan import make_plan
from app.replay.recorded import CLASS_SECONDS, credits_of, day_of, read_file
from app.replay.source import Call, SourceError

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR = 9 * 3_600


class Log:
    """A queue's log as `queueEvents` tells it, one change after the other."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.sessions: dict[str, dict[str, Any]] = {}

    def say(self, second: float, type: str, ticket: str, **state: Any) -> None:
        at = (NINE + timedelta(seconds=second)).isoformat()
        session = self.sessions.setdefault(ticket, {"priority": 0, "joinedAt": at, "rankClass": 0, "rankTime": at})
        session.update(state)
        self.events.append(
            {
                "revision": len(self.events) + 1,
                "type": type,
                "occurredAt": at,
                "sessionId": f"id-{ticket}",
                "ticketNumber": ticket,
                "data": {"session": {**session, "rankSequence": len(self.sessions)}, "line": {}},
            }
        )

    def serve(self, ticket: str, counter: str, called: float, started: float, ended: float) -> None:
        self.say(called, "SESSION_CALLED", ticket, counterName=counter)
        self.say(started, "SESSION_STARTED", ticket)
        self.say(ended, "SESSION_COMPLETED", ticket)

    @property
    def read(self) -> Any:
        return [EventItem.model_validate(event).to_log() for event in self.events]


@pytest.fixture
def log() -> Log:
    """Two counters; somebody gives up, somebody does not come, somebody goes elsewhere, somebody is left."""
    made = Log()
    for second, ticket in ((0, "A001"), (5, "A002"), (9, "A003"), (10, "A004")):
        made.say(second, "SESSION_JOINED", ticket)
    made.serve("A001", "Schalter Ä", 10, 15, 75)
    made.say(40, "SESSION_CANCELLED", "A002")
    made.say(50, "SESSION_CALLED", "A003", counterName="B")
    made.say(80, "SESSION_NO_SHOW", "A003")
    made.serve("A004", "B", 85, 90, 200)
    made.say(95, "SESSION_JOINED", "A005")
    made.say(205, "QUEUE_PAUSED", "A004")
    made.events[-1] |= {"sessionId": None, "ticketNumber": None}
    return made


def test_what_a_log_says_of_everybody(log: Log) -> None:
    day, calls = day_of(log.read, "the log", None)
    assert day == date(2026, 5, 4)
    assert calls == [
        Call("A001", 0, HOUR, HOUR + 10, False, HOUR + 15, HOUR + 75, 60, "COUNTER-1"),
        Call("A002", 0, HOUR + 5, HOUR + 40, True, None, None, None, None),
        Call("A003", 0, HOUR + 9, HOUR + 50, True, None, None, None, None),
        Call("A004", 0, HOUR + 10, HOUR + 85, False, HOUR + 90, HOUR + 200, 110, "COUNTER-2"),
        # Who still waits when the log ends waits that long.
        Call("A005", 0, HOUR + 95, HOUR + 205, True, None, None, None, None),
    ]
    plan = make_plan(calls)
    assert [agent.name for agent in plan.agents] == ["COUNTER-1", "COUNTER-2"]
    assert [visitor.hangs_up for visitor in plan.visitors][1:3] == [HOUR + 40, HOUR + 50]


def test_days_are_chosen(log: Log) -> None:
    log.say(86_400, "SESSION_JOINED", "A006")
    with pytest.raises(SourceError, match="holds 2 days"):
        day_of(log.read, "the log", None)
    _, calls = day_of(log.read, "the log", date(2026, 5, 5))
    assert [call.call_id for call in calls] == ["A006"]
    with pytest.raises(SourceError, match="no calls on 2026-05-06"):
        day_of(log.read, "the log", date(2026, 5, 6))
    with pytest.raises(SourceError, match="no calls in it"):
        day_of([], "the log", None)


def test_what_priorities_were_worth(log: Log) -> None:
    assert credits_of(log.read) == {}
    earlier = (NINE - timedelta(seconds=70)).isoformat()
    log.say(20, "SESSION_JOINED", "A006", priority=2, rankTime=earlier)
    assert credits_of(log.read) == {2: 90.0}
    log.say(21, "SESSION_JOINED", "A007", priority=3, rankClass=-3)
    assert credits_of(log.read) == {2: 2 * CLASS_SECONDS, 3: 3 * CLASS_SECONDS}
    log.say(22, "SESSION_JOINED", "A008", priority=1, rankTime=None, rankClass=None)
    assert credits_of(log.read) == {2: 2 * CLASS_SECONDS, 3: 3 * CLASS_SECONDS}


def test_a_metered_queue_cannot_be_played(log: Log) -> None:
    log.say(300, "SESSION_RELEASED", "A005")
    with pytest.raises(SourceError, match="METERED"):
        day_of(log.read, "the log", None)


@pytest.mark.parametrize(
    ("line", "said"), [("{", "line 2"), ('{"revision": 1}', "line 2"), ("[]", "line 2"), ("\udcff", "UTF-8")]
)
def test_rubbish_is_refused_with_its_line(log: Log, tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(f"{json.dumps(log.events[0])}\n{line}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(SourceError, match=said):
        read_file(file)


@pytest.mark.parametrize("said", [{"rankTime": "noon"}, {"rankTime": "2026-05-04T09:00:00"}, {"rankClass": "first"}])
def test_a_log_that_says_no_ranks_is_refused(log: Log, said: dict[str, object]) -> None:
    log.say(20, "SESSION_JOINED", "A006", **said)
    with pytest.raises(SourceError, match="says no rank"):
        credits_of(log.read)


def test_times_of_a_file_have_zones(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps(log.events[0] | {"occurredAt": "2026-05-04T09:00:00"}))
    with pytest.raises(SourceError, match="line 1"):
        read_file(file)


def lines(log: Log) -> Iterator[str]:
    for event in log.events:
        yield json.dumps(event)
        yield ""


def test_a_file_is_the_log(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(lines(log)))
    assert read_file(file) == log.read


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from-log", "{file}", "--day", "2026-05-05"], "no calls on 2026-05-05"),
        (["--from-log", "{file}", "--url", "http://127.0.0.1:9/graphql"], "does not answer"),
        (["--from-log", "no-file-a-queue", "--url", "http://127.0.0.1:9/graphql"], "does not answer"),
    ],
)
def test_what_cannot_be_played_is_said(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(lines(log)))
    assert main([each.format(file=file) for each in arguments]) == 2
    assert said in capsys.readouterr().err


def test_one_source_at_a_time() -> None:
    with pytest.raises(SystemExit):
        main(["calls.csv", "--from-log", "some-queue"])
