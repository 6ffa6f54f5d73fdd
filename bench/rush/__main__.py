"""The rush from the command line: exit code 0 if everything holds."""

import argparse
import asyncio
import sys
import time
from dataclasses import asdict
from pathlib import Path

import orjson

from bench.figures import percentile
from bench.rush.run import Outcome, Plan, rush
from bench.stage import forget_environment, open_stage


def main() -> int:
    """Run."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m bench.rush", description=__doc__)
    parser.add_argument("--visitors", type=int, default=plan.visitors, help=f"default: {plan.visitors}")
    parser.add_argument("--parts", type=int, default=plan.parts, help=f"processes of visitors; default: {plan.parts}")
    parser.add_argument("--connections", type=int, default=plan.connections, help="of all parts together")
    parser.add_argument("--watchers", type=int, default=plan.watchers, help="visitors that watch their position")
    parser.add_argument("--rate", type=int, default=plan.rate_per_minute, help="releases a minute")
    parser.add_argument("--cap", type=int, default=plan.max_concurrent_users, help="most released at once")
    parser.add_argument("--claim", type=int, default=plan.claim_seconds, help="seconds until a place is free again")
    parser.add_argument("--releases", type=int, default=plan.releases, help="how many to wait for")
    parser.add_argument("--results", type=Path, help="a file for the outcome, as JSON")
    given = parser.parse_args()
    plan = Plan(
        visitors=given.visitors,
        parts=given.parts,
        connections=given.connections,
        watchers=given.watchers,
        rate_per_minute=given.rate,
        max_concurrent_users=given.cap,
        claim_seconds=given.claim,
        releases=given.releases,
    )
    forget_environment()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    with open_stage() as stage, stage.relay():
        outcome = asyncio.run(rush(stage, plan, say))
    for line in _told(plan, outcome):
        say(line)
    if given.results is not None:
        given.results.write_bytes(orjson.dumps({"plan": asdict(plan)} | asdict(outcome), option=orjson.OPT_INDENT_2))
    return 1 if outcome.verdict.broken else 0


def _told(plan: Plan, outcome: Outcome) -> list[str]:
    verdict = outcome.verdict
    refills = sorted(verdict.refills)
    lines = [
        f"{verdict.joined} joins acknowledged and in the log, {verdict.joined / outcome.join_seconds:.0f} a second",
        f"{verdict.entered} entered, each with a token of its own",
        f"{verdict.released} releases; most in 60 s: {verdict.most_in_a_minute} of {plan.rate_per_minute}",
        f"most inside at once: {verdict.most_inside} of {plan.max_concurrent_users}",
        f"{verdict.places_checked} places that visitors were told are those of the log",
    ]
    if refills:
        lines.append(
            f"freed places are taken again after {1000 * percentile(refills, 0.5):.0f} ms in the median,"
            f" {1000 * percentile(refills, 0.99):.0f} ms in 99 of 100"
        )
    return [*lines, *(f"BROKEN: {what}" for what in verdict.broken), *([] if verdict.broken else ["Everything holds."])]


if __name__ == "__main__":
    sys.exit(main())
