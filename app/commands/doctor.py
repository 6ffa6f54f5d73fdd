"""`vq doctor`: says of each part whether it is well and, if not, what to do. Exit code 1 if anything is not."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from rich.console import Console

from app.commands import checks
from app.commands.errors import CommandError
from app.commands.servers import settings_of_running_servers
from app.settings import Settings, SettingsError

Check = Callable[[Settings], Awaitable[str]]

# A part, its check, and the parts without which the check would only repeat their failure.
_CHECKS: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
    ("database", checks.database, ()),
    ("roles", checks.roles, ("database",)),
    ("migrations", checks.migrations, ("database", "roles")),
    ("bus", checks.bus, ()),
    ("relay", checks.relay, ("database", "roles", "migrations", "bus")),
    ("worker", checks.worker, ("database", "roles", "migrations", "bus")),
    ("api", checks.api, ()),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parts = ", ".join(part for part, _, _ in _CHECKS)
    parser.add_argument("part", nargs="*", help=f"look at these only (of {parts}), and at what they need")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything."""
    console = Console()
    try:
        settings = settings_of_running_servers()
        _ = settings.secret
    except (SettingsError, CommandError) as problem:
        _report(console, "failed", "settings", str(problem))
        return 1
    _report(console, "ok", "settings", f"data in {settings.data_dir.resolve()}")
    known = {part: needs for part, _, needs in _CHECKS}
    if unknown := [part for part in arguments.part if part not in known]:
        raise CommandError(f"There is no part {unknown[0]!r}: name one of {', '.join(known)}.")
    wanted = {needed for part in arguments.part for needed in (part, *known[part])} or set(known)
    return asyncio.run(_look(console, settings, wanted))


async def _look(console: Console, settings: Settings, wanted: set[str]) -> int:
    well: set[str] = set()
    for part, check, needs in _CHECKS:
        if part not in wanted:
            continue
        if missing := [need for need in needs if need not in well]:
            _report(console, "skipped", part, f"needs {', '.join(missing)}")
            continue
        try:
            detail = await check(settings)
        except (CommandError, SettingsError) as problem:
            _report(console, "failed", part, str(problem))
        else:
            well.add(part)
            _report(console, "ok", part, detail)
    return 0 if well == wanted else 1


def _report(console: Console, verdict: str, part: str, detail: str) -> None:
    colour = {"ok": "green", "failed": "red", "skipped": "yellow"}[verdict]
    console.print(f"[{colour}]{verdict:8}[/]{part:11}", end="")
    console.print(detail, soft_wrap=True, markup=False, highlight=False)
