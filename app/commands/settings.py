"""`vq settings`: every variable with its meaning and default, as a table. `docs/settings.md` is this output."""

import argparse

from pydantic_core import PydanticUndefined

from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    print(markdown(), end="")
    return 0


def markdown() -> str:
    """The page `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Written by `vq settings`. Read from the environment by every process; a wrong value ends the command with one",
        "line that names the variable and the remedy. `vq doctor` checks what they lead to.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default in (None, (), PydanticUndefined) else f"`{default}`"
        lines.append(f"| `VQ_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"
