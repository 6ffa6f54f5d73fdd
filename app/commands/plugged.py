"""Plug-ins for a process that stays: loaded before anything else, or one line that says which is no good."""

from app.commands.errors import CommandError
from app.plugins.loading import PluginBroken, Plugins, load
from app.settings import Settings


def plugged(settings: Settings) -> Plugins:
    """Those that are used. Raises `CommandError`."""
    try:
        return load(settings)
    except PluginBroken as problem:
        raise CommandError(str(problem)) from None
