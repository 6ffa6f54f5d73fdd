"""`vq plugins`: which packages add something to this installation, what, and which of them are no good."""

import argparse

import app.reactions  # noqa: F401  (every type of event has to be known)
from app.commands.errors import CommandError
from app.plugins.loading import look
from app.settings import load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """List them; fails if one cannot be used."""
    found = look(load_settings())
    if not found:
        print("No plug-ins are installed. docs/plug-ins.md says how to write one.")
    for plugin in found:
        state = "off (VQ_PLUGINS_OFF)" if plugin.is_off else "cannot be used" if plugin.problem else "used"
        print(f"{plugin.name}  {plugin.package}  {state}")
        for line in [plugin.problem] if plugin.problem else plugin.adds:
            print(f"  {line}")
    if broken := [plugin.name for plugin in found if plugin.problem]:
        raise CommandError(f"{', '.join(broken)}: no process starts until this is put right or is off.")
    return 0
