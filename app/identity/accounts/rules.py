"""What people may ask for, as functions of plain values. Reads and writes nothing."""

import re

from app.core.errors import InvalidInput

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def language(tag: str | None) -> str | None:
    """The language of a message as it was asked for, or None. `InvalidInput` for what is no language tag."""
    if tag is not None and not _LANGUAGE_TAG.fullmatch(tag):
        raise InvalidInput("locale", "`locale` is a language tag such as `en` or `pt-BR`.")
    return tag
