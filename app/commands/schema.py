"""`vq schema`: the committed `schema.graphql`, written or compared."""

import argparse
import difflib
import itertools
from pathlib import Path

from app.api.schema import schema_text

_DIFFERENCES_SHOWN = 40


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--output", type=Path, default=Path("schema.graphql"), help="the file to write or compare")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is out of date")


def run(arguments: argparse.Namespace) -> int:
    """Write the file, or with `--check` say how it differs."""
    path: Path = arguments.output
    generated = schema_text()
    if not arguments.check:
        path.write_text(generated)
        print(f"Wrote {path}.")
        return 0
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
