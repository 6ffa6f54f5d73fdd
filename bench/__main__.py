"""`python -m bench`: start servers, measure, write the report, stop everything."""

import argparse
import asyncio
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from bench import cores, machine, report
from bench.benchmark import Bench, Benchmark
from bench.business import Business
from bench.figures import Findings
from bench.http import Connection
from bench.live.registry import BENCHMARKS
from bench.scale import FULL, SCALES, Scale
from bench.stage import Stage, forget_environment, open_stage

# A run that hangs must not hang for ever.
_MOST_SECONDS = 2400


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_const", dest="scale", const="quick", help="under two minutes, rougher")
    parser.add_argument("--scale", choices=SCALES, help="how much to measure; default: full")
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--only", choices=names, action="append", help="one benchmark; may be given several times")
    parser.add_argument(
        "--soak",
        type=int,
        nargs="?",
        const=600,
        metavar="SECONDS",
        help="how long to soak; ten minutes without a number",
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="where to write; default: bench/results")
    parser.add_argument("--write-docs", action="store_true", help="also write docs/benchmarks.md and its plots")
    arguments = parser.parse_args()
    scale = SCALES[arguments.scale or FULL.name]
    if arguments.soak is not None:
        scale = replace(scale, fan=replace(scale.fan, soak_seconds=arguments.soak))
    chosen = [each for each in BENCHMARKS if _is_chosen(each, arguments.only)]
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, _interrupt)
    signal.alarm(_MOST_SECONDS)
    forget_environment()
    cores.pin_everything_else()
    console = Console()
    began_at, began = datetime.now(UTC), time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    load = machine.Load()
    with open_stage() as stage, stage.relay(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        findings = runner.run(_measure(stage, scale, chosen, say))
        facts = runner.run(machine.facts(stage))
    run = report.Run(
        command=_command(arguments, sys.argv[1:]),
        scale=scale.name,
        began_at=began_at.isoformat(sep=" ", timespec="minutes"),
        seconds=time.monotonic() - began,
        machine=[*facts, *load.facts()],
        findings=findings,
        about=[each.about for each in chosen],
    )
    report.show(console, run)
    written = report.write(run, arguments.results)
    if arguments.write_docs:
        written += report.write_document(run, report.DOCUMENT)
    say(f"Written: {', '.join(map(str, written))}")
    return 1 if findings.failures else 0


def _command(given: argparse.Namespace, words: list[str]) -> str:
    """As it was given, but for where the results went: that is a path of this machine."""
    left_out = {"--results", str(given.results), f"--results={given.results}"}
    return " ".join(["python -m bench", *(word for word in words if word not in left_out)])


def _is_chosen(benchmark: Benchmark, only: list[str] | None) -> bool:
    return not benchmark.only_when_asked if only is None else benchmark.name in only


async def _measure(stage: Stage, scale: Scale, benchmarks: list[Benchmark], say: Callable[[str], None]) -> Findings:
    findings = Findings()
    database = await stage.connect()
    with stage.api() as server:
        say("The servers run.")
        connection = Connection("127.0.0.1", server.port)
        business = await Business.found(connection, database, stage.settings.demo_password)
        for benchmark in benchmarks:
            try:
                findings.add(await benchmark.measure(Bench(stage, server, business, scale, say)))
            except Exception as wrong:  # noqa: BLE001 - what the others have found is not thrown away
                traceback.print_exc()
                findings.failures.append(f"{benchmark.name}: {type(wrong).__name__}: {wrong}"[:500])
            say(f"{benchmark.name}: done")
        await connection.close()
    await database.close()
    return findings


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on every platform
        return None
    return uvloop.new_event_loop


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"stopped by {signal.Signals(number).name}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt as stopped:
        sys.exit(f"bench: {str(stopped) or 'stopped'}; everything it had started is ended.")
