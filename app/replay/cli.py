"""The command `vq replay`: options in, one run, report and exit code out.

Exit codes: 0 all well, 1 an invariant is broken, 2 it could not be played, 130 stopped by Ctrl-C.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from app.replay import recorded
from app.replay.client import ApiError, Client, ServerAwayError
from app.replay.invariants import Evidence, check_all
from app.replay.log import LogEvent, stories
from app.replay.operations import Api, Login, RefusedError
from app.replay.options import Options, parse
from app.replay.picture import draw
from app.replay.plan import CREDIT_SECONDS, Plan, PlanError, make_plan
from app.replay.player import Player
from app.replay.progress import shown, time_of_day
from app.replay.report import figures, minutes, replayed_waits, write
from app.replay.source import SOURCE_NAME, Call, SourceError, read_day
from app.replay.stage import Stage
from app.settings import SettingsError

OK, BROKEN, FAILED, INTERRUPTED = 0, 1, 2, 130

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXPECTED = (ServerAwayError, ApiError, RefusedError)

# A server that vanished in the middle is not waited for when tidying up.
TIDY_PATIENCE_SECONDS = 5.0


def main(argv: Sequence[str]) -> int:
    """Run `vq replay` with these arguments."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        options = parse(argv)
        day, calls, credits = _read(options)
        plan = make_plan(
            calls,
            credits=credits,
            begins=options.begins,
            until=options.until,
            limit=options.limit,
            seed=options.seed,
            with_breaks=options.with_breaks,
        )
        for path in (options.picture, options.json):
            if path is not None and not path.parent.is_dir():
                raise PlanError(f"{path}: there is no directory {path.parent}")
        return asyncio.run(run(options, str(day), plan))
    except (SourceError, PlanError, SettingsError, *EXPECTED) as problem:
        errors.print(f"vq replay: {problem}", markup=False)
        return FAILED
    except KeyboardInterrupt:
        # A second Ctrl-C while tidying up.
        errors.print("vq replay: stopped; the queue and its counters may be left on the server", markup=False)
        return INTERRUPTED


def _read(options: Options) -> tuple[date, list[Call], Mapping[int, float]]:
    """The day's calls, and what priorities are worth in it."""
    if options.from_log is None:
        return *read_day(options.csv, options.day), CREDIT_SECONDS
    path = Path(options.from_log)
    events = recorded.read_file(path) if path.is_file() else asyncio.run(_recorded(options, options.from_log))
    return *recorded.day_of(events, options.from_log, options.day), recorded.credits_of(events)


async def _recorded(options: Options, queue: str) -> list[LogEvent]:
    given = options.credentials
    async with Client(options.url) as client:
        api = Api(client)
        admin = Login(api, given.tenant, given.email, given.password)
        return await recorded.read_queue(api, admin, queue)


async def run(options: Options, day: str, plan: Plan) -> int:
    """Set the stage, play, tidy up, report. Whatever stops the play, what was played is reported."""
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=110)
    async with Client(options.url) as client:
        api = Api(client)
        stage = Stage(api, options.credentials, day, options.speed, plan.credits)
        if options.from_log is not None:
            stage.about = "A recorded day of another queue, played by `vq replay`."
        player = Player(api, stage, plan, options.speed, options.most_sockets)
        ending = Ending()
        try:
            ending = await _play(console, stage, player, plan)
            if not player.began:
                ending.fail("it ended before it began")
            events = await _read_log(stage, player, ending) if player.began else []
        finally:
            await _tidy(console, options, stage)
        if not events:
            raise ApiError(ending.reason)
        return _report(console, options, day, plan, player, events, ending)


@dataclass(slots=True)
class Ending:
    """How the play ended."""

    seconds: float = 0.0
    interrupted: bool = False
    reason: str = ""
    """Why it stopped before the end of the day; empty when it did not."""

    def fail(self, reason: str) -> None:
        self.reason = self.reason or reason

    @property
    def code(self) -> int:
        if self.interrupted:
            return INTERRUPTED
        return FAILED if self.reason else OK


async def _play(console: Console, stage: Stage, player: Player, plan: Plan) -> Ending:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def perform() -> None:
        nonlocal began
        console.print(
            f"{len(plan.visitors):,} callers, {len(plan.agents)} agents, from {time_of_day(plan.starts)}; "
            f"the last caller joins after {minutes((plan.last_join - plan.starts) / player.speed)} minutes"
        )
        await stage.build(plan)
        console.print(f"queue {stage.queue_slug} is open")
        began = loop.time()
        async with shown(console, player):
            await player.play()

    ending = Ending()
    playing = asyncio.create_task(perform())

    def stop() -> None:
        # The first signal ends the play and tidies up; with the handlers gone the second ends everything.
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        playing.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await playing
    except asyncio.CancelledError:
        ending.interrupted = True
        ending.fail("stopped by hand")
    except EXPECTED as problem:
        ending.fail(str(problem))
    except ExceptionGroup as group:
        known, unknown = group.split(EXPECTED)
        if unknown is not None:
            raise unknown from None
        ending.fail("; ".join(dict.fromkeys(str(problem) for problem in _leaves(known))))
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    ending.seconds = loop.time() - began
    return ending


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> Iterator[BaseException]:
    for problem in () if group is None else group.exceptions:
        if isinstance(problem, BaseExceptionGroup):
            yield from _leaves(problem)
        else:
            yield problem


async def _read_log(stage: Stage, player: Player, ending: Ending) -> list[LogEvent]:
    try:
        state = await stage.api.queue(stage.queue_id, stage.admin)
        # What was answered must be in the log, even where the queue's own summary does not know it yet.
        return await stage.api.read_log(stage.queue_id, max(state.revision, player.record.revision), stage.admin)
    except EXPECTED as problem:
        ending.fail(str(problem))
        return []


async def _tidy(console: Console, options: Options, stage: Stage) -> None:
    if options.keep:
        console.print(f"queue {stage.queue_slug} is kept")
        return
    for problem in await stage.clear(patience=TIDY_PATIENCE_SECONDS):
        console.print(f"not tidied up: {problem}", markup=False)


def _report(
    console: Console,
    options: Options,
    day: str,
    plan: Plan,
    player: Player,
    events: list[LogEvent],
    ending: Ending,
) -> int:
    record = player.record
    evidence = Evidence(
        events=events,
        updates=record.updates,
        summaries=record.summaries,
        answers=record.answers,
        credits=player.stage.credits,
        finished=not ending.reason,
    )
    found = figures(
        plan=plan,
        record=record,
        events=events,
        broken=check_all(evidence),
        traffic=player.traffic,
        day=day,
        speed=options.speed,
        finished=not ending.reason,
        real_seconds=ending.seconds,
    )
    write(console, found)
    if options.json is not None:
        options.json.write_text(json.dumps(found.to_json(), indent=2) + "\n", encoding="utf-8")
        console.print(f"figures: {options.json}", markup=False)
    if options.picture is not None:
        waits = replayed_waits(stories(events).values(), record.numbers, plan, options.speed)
        options.picture.write_text(
            draw(day, options.speed, waits, plan.source, plan.credits, options.from_log or SOURCE_NAME),
            encoding="utf-8",
        )
        console.print(f"picture: {options.picture}", markup=False)
    if ending.reason:
        console.print(f"stopped early: {ending.reason}", markup=False)
    return ending.code if found.holds else BROKEN
