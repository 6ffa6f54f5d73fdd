"""`vq keys`: rotate the keys that sign tokens, and those personal data is sealed with; both while everything runs."""

import argparse
import asyncio
from uuid import UUID

from app.commands.servers import settings_of_running_servers
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.personal import repository as rotations
from app.core.personal import rotation
from app.core.personal.models import KeyRotation
from app.identity.keyring import rotate_keys
from app.identity.models import KeyPurpose
from app.settings import Settings
from app.tenants import repository as tenants

DATA = "data"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "action",
        choices=["rotate", "status"],
        help="rotate: go on with new keys, what was signed or sealed before stays good; status: how far data keys are",
    )
    parser.add_argument(
        "--purpose",
        choices=[*(purpose.value.lower() for purpose in KeyPurpose), DATA],
        help="whose keys: users' access tokens, admission tokens for protected sites (default: both), or tenants' data",
    )
    parser.add_argument("--tenant", metavar="SLUG", help="of data keys: only this tenant's (default: all)")


def run(arguments: argparse.Namespace) -> int:
    """Rotate, or say how far it is."""
    settings = settings_of_running_servers()
    if arguments.action == "status" or arguments.purpose == DATA:
        found = asyncio.run(data_keys(settings, arguments.tenant, rotate=arguments.action == "rotate"))
        for slug, each in found.items():
            print(f"{slug}: {told(each)}")
        if not found:
            print("There is no such tenant.")
        return 0 if found else 1
    chosen: str | None = arguments.purpose
    purposes = list(KeyPurpose) if chosen is None else [KeyPurpose(chosen.upper())]
    for purpose, key in asyncio.run(rotate_keys(settings, purposes)).items():
        print(
            f"{purpose.capitalize()} tokens are signed with key {key.kid} ({key.algorithm}) from now on; the retired "
            "one still verifies."
        )
    return 0


async def data_keys(settings: Settings, slug: str | None, *, rotate: bool) -> dict[str, KeyRotation | None]:
    """The last rotation of each tenant's data key, begun now if asked for; workers do it."""
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="vq keys")
    try:
        async with system.read(None) as tx:
            chosen = await tenants.ids_by_slug(tx, slug)
        return {name: await _rotation(system, id, rotate=rotate) for name, id in chosen.items()}
    finally:
        await system.dispose()


async def _rotation(system: Database, tenant_id: UUID, *, rotate: bool) -> KeyRotation | None:
    if rotate:
        async with system.write(tenant_id) as tx:
            return await rotation.start(tx)
    async with system.read(tenant_id) as tx:
        return await rotations.newest(tx)


def told(found: KeyRotation | None) -> str:
    """How far a rotation is, in words."""
    if found is None:
        return "the data key was never rotated"
    progress = f"{found.done_rows:,} of {found.total_rows:,} rows" if found.total_rows else f"{found.done_rows:,} rows"
    words = f"data key {found.to_version}: {found.status}, {progress} sealed anew"
    if not found.unopened_rows:
        return words
    named = ", ".join(found.unopened) + (", …" if found.unopened_rows > len(found.unopened) else "")
    return f"{words}; {found.unopened_rows:,} rows do not open and keep the key before it: {named}"
