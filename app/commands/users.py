"""`vq users import`: bring people over from another system, with the password hashes it has kept. Safe to run again."""

import argparse
import asyncio
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from app.commands.errors import CommandError
from app.commands.servers import settings_with_servers
from app.core.actor import SYSTEM
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.errors import InvalidInput, UserFacingError
from app.identity.accounts import imports
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants import rules as tenant_rules

Line = tuple[int, dict[str, str]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("action", choices=["import"], help="make an account for every line of the file")
    parser.add_argument("file", type=Path, help=f"CSV in UTF-8, with any of the columns {', '.join(imports.COLUMNS)}")
    parser.add_argument("--tenant", metavar="SLUG", required=True, help="the business they belong to")


def run(arguments: argparse.Namespace) -> int:
    """Import; 1 if some line could not be."""
    lines = _lines(arguments.file)
    with settings_with_servers("vq users") as settings:
        made, known, problems = asyncio.run(_bring(settings, arguments.tenant, lines))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{made} accounts made, {known} were there, {len(problems)} lines refused.")
    return 1 if problems else 0


def _lines(path: Path) -> Sequence[Line]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            unknown = set(reader.fieldnames or ()) - set(imports.COLUMNS)
            if "email" not in (reader.fieldnames or ()) or unknown:
                raise CommandError(
                    f"{path}: the first line names the columns: `email`, and any of {', '.join(imports.COLUMNS[1:])}."
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise CommandError(f"{path} cannot be read: {problem}.") from None


async def _bring(settings: Settings, slug: str, lines: Sequence[Line]) -> tuple[int, int, list[str]]:
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, name="vq users")
    made = known = 0
    problems: list[str] = []
    try:
        async with system.read(None) as tx:
            tenant = await tenants.by_slug(tx, tenant_rules.slug_to_look_up(slug))
        if tenant is None:
            raise CommandError(f"There is no tenant with the slug `{slug}`.")
        for number, row in lines:
            try:
                new = imports.read(row)
                # A line by itself: what is wrong with one keeps no other out.
                async with system.write(tenant.id, SYSTEM) as tx:
                    user = await imports.bring(tx, new)
            except UserFacingError as refusal:
                field = f"{refusal.field}: " if isinstance(refusal, InvalidInput) else ""
                problems.append(f"line {number}: {field}{refusal.message}")
            else:
                made, known = made + (user is not None), known + (user is None)
    finally:
        await system.dispose()
    return made, known, problems
