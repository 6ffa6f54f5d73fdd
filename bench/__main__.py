"""`python -m bench`: start servers, measure, write the report, stop everything."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from bench import machine, report
from bench.audience import Audience
from bench.business import Business
from bench.calls import calls
from bench.capture import recorder
from bench.fanout import calls_needed, fanout
from bench.figures import Findings
from bench.http import Connection
from bench.joins import joins
from bench.memory import memory
from bench.scale import FULL, SCALES, Scale
from bench.stage import Stage, forget_environment, open_stage

# A run that hangs must not hang for ever; a full one takes about five minutes on two cores.
_MOST_SECONDS = 900
_NAMES = ("joins", "calls", "fanout", "memory")


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_const", dest="scale", const="quick", help="under a minute, rougher")
    parser.add_argument("--scale", choices=SCALES, help="how much to measure; default: full")
    parser.add_argument("--only", choices=_NAMES, action="append", help="one benchmark; may be given several times")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="where to write; default: bench/results")
    parser.add_argument("--write-docs", action="store_true", help="also write docs/benchmarks.md")
    arguments = parser.parse_args()
    scale = SCALES[arguments.scale or FULL.name]
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, _interrupt)
    signal.alarm(_MOST_SECONDS)
    forget_environment()
    console = Console()
    began_at, began = datetime.now(UTC), time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {text}", markup=False, highlight=False)

    load = machine.Load()
    with open_stage() as stage, stage.relay(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        findings = runner.run(_measure(stage, scale, set(arguments.only or _NAMES), say))
        facts = runner.run(machine.facts(stage))
    run = report.Run(
        command=" ".join(["python -m bench", *sys.argv[1:]]),
        scale=scale.name,
        began_at=began_at.isoformat(sep=" ", timespec="minutes"),
        seconds=time.monotonic() - began,
        machine=[*facts, *load.facts()],
        findings=findings,
    )
    report.show(console, run)
    written = report.write(run, arguments.results)
    if arguments.write_docs:
        report.write_document(run, report.DOCUMENT)
        written.append(report.DOCUMENT)
    say(f"Written: {', '.join(map(str, written))}")
    return 0


async def _measure(stage: Stage, scale: Scale, names: set[str], say: Callable[[str], None]) -> Findings:
    findings = Findings()
    database = await stage.connect()
    with stage.api() as server:
        say("The servers run.")
        connection = Connection("127.0.0.1", server.port)
        business = await Business.found(connection, database, stage.settings.demo_password)
        if names & {"joins", "calls"}:
            async with recorder(stage.settings) as listening:
                for name, measure in (("joins", joins), ("calls", calls)):
                    if name in names:
                        findings.add(await measure(stage, server, business, listening, scale))
                        say(f"{name}: done")
        if names & {"fanout", "memory"}:
            audience = await Audience.gather(server, business, calls_needed(scale), scale.sockets)
            say(f"{scale.sockets} visitors have joined")
            for name, watch in (("fanout", fanout), ("memory", memory)):
                if name in names:
                    findings.add(await watch(stage, business, audience, scale))
                    say(f"{name}: done")
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
