"""The languages a report is written in, and which of them somebody gets. No report in here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from app.reports.languages.ar import ARABIC
from app.reports.languages.de import GERMAN
from app.reports.languages.en import ENGLISH
from app.reports.languages.es import SPANISH
from app.reports.languages.fr import FRENCH
from app.reports.languages.wording import Language

LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {each.tag: each for each in (ARABIC, ENGLISH, FRENCH, GERMAN, SPANISH)}
)


def language_for(*wanted: str | None) -> Language:
    """The first of these locales (`de`, `de-AT`) there is a language for; else English."""
    for each in wanted:
        found = None if each is None else LANGUAGES.get(each.partition("-")[0].lower())
        if found is not None:
            return found
    return ENGLISH


__all__ = ["LANGUAGES", "Language", "language_for"]
