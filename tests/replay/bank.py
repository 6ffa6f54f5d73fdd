"""A line played by the rules, with the log, the feeds and the answers it ought to have.

The model the checks of the replay are tried on; it knows no server.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.replay.invariants import Answer, Evidence, Summary, Update
from app.replay.log import Line, LogEvent

CREDITS = {2: 0.75}
BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def counts(line: Line) -> dict[str, int]:
    """What an event says of the line after it."""
    return {f"{name}Count": line.count(name.upper()) for name in ("waiting", "called", "serving")}


def numbered(events: Iterable[LogEvent]) -> list[LogEvent]:
    """The events with the revisions and counts they ought to have."""
    line = Line()
    result = []
    for revision, event in enumerate(events, start=1):
        line.apply(event)
        result.append(replace(event, revision=revision, line=counts(line)))
    return result


class Bank:
    """Plays a line by the rules and writes the log it ought to have; the model the checks are tried on."""

    def __init__(self, seed: int, counters: int = 3) -> None:
        self.random = random.Random(seed)
        self.now = BEGIN
        self.events: list[LogEvent] = []
        self.updates: list[Update] = []
        self.summaries: list[Summary] = []
        self.answers: list[Answer] = []
        self.line = Line()
        self.ranks: dict[str, tuple[float, int]] = {}
        self.tickets: dict[str, str] = {}
        self.at: dict[str, str | None] = {f"counter {number}": None for number in range(counters)}
        self.log("QUEUE_CREATED")

    def log(self, type_: str, session: str | None = None, counter: str | None = None, **data: object) -> None:
        ticket = None if session is None else self.tickets[session]
        event = LogEvent(len(self.events) + 1, type_, self.now, session, ticket, counter, data)
        self.line.apply(event)
        self.events.append(replace(event, line=counts(self.line)))
        self.summaries.append(Summary(event.revision, self.line.waiting_count))
        if session is not None:
            self.answers.append(Answer(session, type_, str(ticket)))
        for watcher, status in self.line.statuses.items():
            if watcher == session or (status == "WAITING" and self.random.random() < 0.5):
                position = self.line.position(watcher)
                ahead = None if position is None else position - 1
                self.updates.append(Update(watcher, event.revision, status, position, ahead))

    def join(self) -> None:
        number = len(self.tickets) + 1
        session = f"session {number}"
        priority = self.random.choice((0, 1, 2))
        rank_time = self.now - timedelta(seconds=CREDITS.get(priority, 0.0))
        self.tickets[session] = f"R{number:03d}"
        self.ranks[session] = (rank_time.timestamp(), number)
        self.log(
            "SESSION_JOINED",
            session,
            priority=priority,
            rankClass=0,
            rankTime=rank_time.isoformat(),
            rankSequence=number,
        )

    def call(self) -> None:
        free = [counter for counter, session in self.at.items() if session is None]
        if not free or not self.ranks:
            return
        session = min(self.ranks, key=self.ranks.__getitem__)
        del self.ranks[session]
        counter = self.random.choice(free)
        self.at[counter] = session
        self.log("SESSION_CALLED", session, counter)

    def advance(self) -> None:
        held = [(counter, session) for counter, session in self.at.items() if session is not None]
        if not held:
            return
        counter, session = self.random.choice(held)
        if self.line.statuses[session] == "CALLED":
            self.log("SESSION_STARTED", session, counter)
        else:
            self.at[counter] = None
            self.log("SESSION_COMPLETED", session, counter)

    def hang_up(self) -> None:
        if self.ranks:
            session = self.random.choice(sorted(self.ranks))
            del self.ranks[session]
            self.log("SESSION_CANCELLED", session)

    def run(self, steps: int) -> Evidence:
        for _ in range(steps):
            self.now += timedelta(seconds=self.random.uniform(0, 0.4))
            self.random.choices((self.join, self.call, self.advance, self.hang_up), (5, 4, 7, 1))[0]()
        while self.ranks or any(self.at.values()):
            self.call()
            self.advance()
        return self.evidence()

    def evidence(self) -> Evidence:
        return Evidence(self.events, self.updates, self.summaries, self.answers, CREDITS)
