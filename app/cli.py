"""The `vq` command: finds the subcommand and turns expected failures into one line and an exit code.

What a subcommand does stands in `app/commands/<name>.py`, which is imported only when it is asked for.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from app.commands.errors import CommandError
from app.core.embedded.errors import EmbeddedError
from app.settings import SettingsError

COMMANDS = {
    "up": "start everything here: embedded servers, migrations, demo tenant, API, relay and worker",
    "serve": "run the API",
    "relay": "run the relay, which carries events from the log to the bus and to jobs",
    "worker": "run the worker, which does jobs, and what only time causes: releases, ends, opening hours",
    "migrate": "create the database roles and bring the schema to the newest revision",
    "seed": "create the demo tenant and the platform's super-admin",
    "users": "import people from another system, with the password hashes it has kept",
    "keys": "rotate the keys that sign access and admission tokens",
    "audit": "hold the event log against its seals; print the newest seals",
    "analytics": "count the figures of queues anew from the log",
    "schema": "write the GraphQL schema to schema.graphql",
    "settings": "print every setting with its meaning and default",
    "plugins": "list the plug-ins that are installed, what they add, and what is wrong with them",
    "replay": "play a recorded day through a running server",
    "mail": "show the mail and SMS that `vq up` kept, instead of sending them",
    "mailbox": "keep mail in the data directory; `vq up` runs it where VQ_SMTP_URL is not set",
    "demo-site": "run the demo's protected site behind its waiting room",
    "visitors": "send fifty simulated visitors through the demo's waiting room",
    "story": "play one visitor's story in the demo, to see every message it brings",
    "doctor": "check settings, database, bus, worker and relay, and say what to do",
}

OK, FAILED, WRONG_SETTINGS, INTERRUPTED = 0, 1, 2, 130


class _Command(Protocol):
    """A module in `app.commands`."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except SettingsError as problem:
        return _refuse(str(problem), WRONG_SETTINGS)
    except (EmbeddedError, CommandError) as problem:
        return _refuse(str(problem), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["replay"]:
        # It has a parser of its own, with `--help` and all.
        return cast(int, import_module("app.replay.cli").main(arguments[1:]))
    parser = argparse.ArgumentParser(
        prog="vq",
        description="A self-hosted, multi-tenant virtual queue platform. Settings are environment variables, VQ_….",
        epilog="`vq <command> --help` tells more about one command.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="<command>", required=True)
    name = next((argument for argument in arguments if argument in COMMANDS), None)
    command: _Command | None = None
    for known, help_text in COMMANDS.items():
        subparser = subparsers.add_parser(
            known,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        if known == name:
            command = cast(_Command, import_module(f"app.commands.{known.replace('-', '_')}"))
            command.configure(subparser)
    options = parser.parse_args(arguments)
    assert command is not None, "argparse lets no unknown command through"
    return command.run(options)


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"vq: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
