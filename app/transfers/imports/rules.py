"""Pure rules of imports: what they take, and what the columns of a file may be called."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from app.core.errors import InvalidInput
from app.identity.permissions import Permission
from app.transfers.imports.errors import UnreadableFile
from app.transfers.imports.models import ImportKind

WRITING: Final[Mapping[ImportKind, Permission]] = MappingProxyType(
    {
        ImportKind.QUEUES: Permission.QUEUE_WRITE,
        ImportKind.USERS: Permission.USER_WRITE,
        ImportKind.SESSIONS: Permission.SESSION_WRITE,
    }
)
"""Whoever imports something must be allowed to make it."""
MOST_PROBLEMS: Final = 1_000
_MOST_NAME = 80


def permissions(kind: ImportKind) -> tuple[Permission, ...]:
    """What whoever asks for an import has to have, when asking and for as long as it runs."""
    return Permission.IMPORT_WRITE, WRITING[kind]


def ensure_columns(given: Collection[str], required: Collection[str], allowed: Collection[str]) -> None:
    """`UnreadableFile` unless a row has these columns and no others."""
    for name in required:
        if name not in given:
            raise UnreadableFile(f"There is no column `{name}`.")
    for name in given:
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            # As far as it can be written down: JSON can name U+0000 and halves of characters.
            shown = name[:_MOST_NAME].encode(errors="replace").decode().replace("\x00", "?")
            raise UnreadableFile(f"There is a column `{shown}`, which means nothing here. Known are {known}.")


def ensure_written(values: Mapping[str, str]) -> None:
    """`InvalidInput` where a value is no text that can be kept: JSON can spell half of a character."""
    for name, text in values.items():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(name, f"`{name}` holds half of a character (a surrogate without its other).") from None
