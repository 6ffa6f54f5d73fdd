"""`vq schema`: the committed `schema.graphql`, written or compared, with the code and with what was released.

Beside it the types of what webhooks send, where there is a place for them.
"""

import argparse
import difflib
import itertools
from datetime import UTC, datetime
from pathlib import Path

from app.api.schema import schema_text
from app.commands.errors import CommandError
from app.commands.evolution import compared
from app.webhooks.catalogue import typescript

_DIFFERENCES_SHOWN = 40
_MESSAGES = Path("frontend-contract/generated/webhooks.ts")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--output", type=Path, default=Path("schema.graphql"), help="the file to write or compare")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is out of date")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="write nothing; exit 1 if clients of that schema, frontend-contract/released.graphql say, would break",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the file, or with `--check` say how it differs."""
    path: Path = arguments.output
    generated = schema_text()
    if arguments.against is not None:
        return _compare(arguments.against, generated)
    outputs = {path: generated}
    messages = path.parent / _MESSAGES
    if messages.parent.is_dir():
        outputs[messages] = typescript()
    if not arguments.check:
        for each, text in outputs.items():
            each.write_text(text)
            print(f"Wrote {each}.")
        return 0
    return max(_check(each, text) for each, text in outputs.items())


def _check(path: Path, generated: str) -> int:
    committed = path.read_text() if path.exists() else ""
    if committed == generated:
        print(f"{path} is up to date.")
        return 0
    difference = difflib.unified_diff(
        committed.splitlines(), generated.splitlines(), str(path), "generated", lineterm="", n=1
    )
    print("\n".join(itertools.islice(difference, _DIFFERENCES_SHOWN)))
    print(f"{path} is out of date: run `vq schema` and commit the result.")
    return 1


def _compare(path: Path, generated: str) -> int:
    if not path.is_file():
        raise CommandError(f"There is no {path} to compare with.")
    found = compared(path.read_text(), generated, datetime.now(UTC).date())
    for change in found.announced:
        print(f"as announced: {change}")
    for change in found.dangerous:
        print(f"careful:      {change}")
    for change in found.broken:
        print(f"BREAKS:       {change}")
    if found.broken:
        print(f"Clients of {path} would break. Deprecate with dates first: app/core/graphql/deprecation.py.")
        return 1
    print(f"Nobody who uses {path} breaks.")
    return 0
