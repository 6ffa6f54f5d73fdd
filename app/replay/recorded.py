"""A day out of a queue's own log: who joined when, who gave up, who was served by which counter for how long.

Reads the log through the API or from a file of its events; a client like the rest, it knows nothing of the server's
insides. What a log cannot say (when somebody would have given up who was served) is not made up here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from app.replay.log import LogError, LogEvent, Story, stories
from app.replay.operations import Api, EventItem, Login
from app.replay.source import Call, SourceError, choose_day

# Classes of priority are played as credits: a step is worth this much, which nobody waits, and nine of them are what
# the server takes at most.
CLASS_SECONDS = 9_600.0


async def read_queue(api: Api, admin: Login, queue: str) -> list[LogEvent]:
    """The log of a queue, given by its slug or its id, as far as it goes now."""
    await admin.sign_in(patience=0.0)
    state = await api.queue_by_slug(queue, admin) or await api.queue(queue, admin)
    return await api.read_log(state.id, state.revision, admin)


def read_file(path: Path) -> list[LogEvent]:
    """A log from a file: one event a line, as `queueEvents` tells them. `SourceError` for anything else."""
    events = []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    events.append(EventItem.model_validate(json.loads(line)).to_log())
                except ValueError as problem:
                    reason = str(problem).splitlines()[0]
                    raise SourceError(f"{path} line {number}: not an event of a queue: {reason}") from None
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise SourceError(f"{path}: not UTF-8 text at byte {problem.start}") from None
    return events


def day_of(events: Sequence[LogEvent], name: str, day: date | None) -> tuple[date, list[Call]]:
    """The calls of `day` (of UTC) in the order of joining; without `day` the log's only one. `SourceError`."""
    if any(event.type == "SESSION_RELEASED" for event in events):
        raise SourceError(f"{name}: a METERED queue has no counters that call; only STAFFED ones are played")
    days: dict[date, list[Call]] = {}
    counters: dict[str, str] = {}
    try:
        for story in stories(events).values():
            joined_on = story.joined_at.astimezone(UTC).date()
            days.setdefault(joined_on, []).append(_call(story, events[-1].occurred_at, counters))
    except LogError as problem:
        raise SourceError(f"{name}: {problem}") from None
    return choose_day(name, days, day)


def credits_of(events: Iterable[LogEvent]) -> Mapping[int, float]:
    """What each priority was worth, in seconds of waiting, as the ranks that were given say.

    Under strict priorities that is a step of `CLASS_SECONDS` for each. `SourceError` where they say nothing.
    """
    try:
        return _credits_of(events)
    except (LogError, ValueError, TypeError) as problem:
        raise SourceError(f"the log says no rank: {problem}") from None


def _credits_of(events: Iterable[LogEvent]) -> Mapping[int, float]:
    classes: dict[int, set[int]] = {}
    credits: dict[int, float] = {}
    for event in events:
        given, joined = event.session.get("rankTime"), event.session.get("joinedAt")
        # A drawn lot has no time that could be read before the opening, and says nothing about priorities.
        if event.type != "SESSION_JOINED" or not isinstance(given, str) or not isinstance(joined, str):
            continue
        priority = int(event.number("priority"))
        classes.setdefault(priority, set()).add(int(event.number("rankClass")))
        credit = (datetime.fromisoformat(joined) - datetime.fromisoformat(given)).total_seconds()
        credits[priority] = min(86_400.0, max(0.0, round(credit, 3)))
    if len({min(found) for found in classes.values()}) > 1:
        return {priority: priority * CLASS_SECONDS for priority in sorted(classes) if priority}
    return {priority: credit for priority, credit in sorted(credits.items()) if credit}


def _call(story: Story, log_ends: datetime, counters: dict[str, str]) -> Call:
    midnight = story.joined_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def second(at: datetime) -> int:
        return int((at - midnight).total_seconds())

    left = story.left_line_at or log_ends
    # Whoever did not come when called had gone by then: nobody could have served them.
    abandoned = story.started_at is None and story.status in ("CANCELLED", "EXPIRED", "NO_SHOW", "WAITING")
    starts = ends = seconds = agent = None
    if story.started_at is not None and story.ended_at is not None and story.counter_name is not None:
        starts, ends = second(story.started_at), second(story.ended_at)
        seconds = ends - starts
        # Names of counters are the tenant's, in any script; users and counters of the run need plain ones.
        agent = counters.setdefault(story.counter_name, f"COUNTER-{len(counters) + 1}")
    return Call(
        call_id=story.ticket_number or story.session_id,
        priority=story.priority,
        joins=second(story.joined_at),
        leaves_line=max(second(left), second(story.joined_at)),
        abandoned=abandoned,
        service_starts=starts,
        service_ends=ends,
        service_seconds=seconds,
        agent=agent,
    )
