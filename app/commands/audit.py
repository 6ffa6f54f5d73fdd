"""`vq audit`: hold the event log against its seals, or print the newest seals to be kept elsewhere."""

import argparse
import asyncio
from typing import TypeVar

from app.audit import service
from app.audit.verification import Verdict
from app.commands.errors import CommandError
from app.commands.servers import settings_of_running_servers
from app.core.events.seals import Head

Each = TypeVar("Each")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "action",
        choices=["verify", "head"],
        help="verify: every event is as it was sealed, none is gone, none was slipped in (exit code 1 if not); "
        "head: print each tenant's newest seal as NUMBER:HEX, to be kept where the database's administrators cannot "
        "write",
    )
    parser.add_argument("--tenant", metavar="SLUG", help="only this tenant's log (default: all, one after the other)")
    parser.add_argument(
        "--head",
        metavar="NUMBER:HEX",
        help="a seal that was noted before; needs --tenant. The chain has to lead through it: so an end that was "
        "cut off is found as well",
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify, or print heads."""
    if arguments.head is not None and (arguments.tenant is None or arguments.action != "verify"):
        raise CommandError("--head is for `vq audit verify --tenant SLUG`: a seal belongs to one tenant's chain.")
    settings = settings_of_running_servers()
    if arguments.action == "head":
        heads = asyncio.run(service.heads(settings, arguments.tenant))
        for slug, head in _found(heads, arguments.tenant).items():
            print(f"{slug} {head.number}:{head.seal.hex()}")
        return 0
    noted = None if arguments.head is None else _noted(arguments.head)
    verdicts = _found(asyncio.run(service.verify_all(settings, arguments.tenant, noted)), arguments.tenant)
    for slug, verdict in verdicts.items():
        print(_summary(slug, verdict))
        for finding in verdict.findings:
            print(f"  {finding}")
    return 1 if any(verdict.findings for verdict in verdicts.values()) else 0


def _found(found: dict[str, Each], slug: str | None) -> dict[str, Each]:
    if not found and slug is not None:
        raise CommandError(f"There is no tenant {slug!r}.")
    return found


def _summary(slug: str, verdict: Verdict) -> str:
    what = "broken" if verdict.findings else "ok"
    erased = f", {verdict.erased_count} without their origin, which was erased" if verdict.erased_count else ""
    waiting = f", {verdict.unsealed_count} not sealed yet" if verdict.unsealed_count else ""
    head = f"; newest seal {verdict.head.number}:{verdict.head.seal.hex()}" if verdict.head.number else ""
    return f"{what:7} {slug}: {verdict.event_count} sealed events{erased}{waiting}{head}"


def _noted(text: str) -> Head:
    number, _, seal = text.partition(":")
    try:
        return Head(int(number), bytes.fromhex(seal))
    except ValueError:
        raise CommandError("--head is NUMBER:HEX, as `vq audit head` prints it.") from None
