"""Text as it has to be drawn letter by letter: Arabic letters joined, what runs from right to left turned round. Pure.

A PDF draws glyphs where it is told to; a browser does all of this by itself. Of Unicode's rules for both directions the
implicit ones are here, not the explicit embeddings: names and labels of one line have none.
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_LAM = "\u0644"
_RIGHT = frozenset({"R", "AL"})
_NUMBERS = frozenset({"EN", "AN"})


class _Forms(NamedTuple):
    """How a letter looks alone, behind another, before another, and between two; None: it does not join there."""

    isolated: str | None = None
    final: str | None = None
    initial: str | None = None
    medial: str | None = None


@lru_cache(maxsize=1)
def _forms() -> tuple[dict[str, _Forms], dict[str, _Forms]]:
    """Of single letters, and of lam with an alef behind it: as Unicode's own table of presentation forms says."""
    letters: dict[str, _Forms] = {}
    ligatures: dict[str, _Forms] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *of = unicodedata.decomposition(chr(code)).split() or [""]
        base = "".join(chr(int(each, 16)) for each in of)
        table = letters if len(base) == 1 else ligatures if base.startswith(_LAM) and len(base) == 2 else None
        if table is not None and kind.strip("<>") in _Forms._fields:
            table[base] = table.get(base, _Forms())._replace(**{kind.strip("<>"): chr(code)})
    return letters, ligatures


def joined(text: str) -> str:
    """Arabic letters in the form their neighbours ask for; everything else as it is."""
    letters, ligatures = _forms()
    if not any(each in letters for each in text):
        return text
    shown: list[str] = []
    # The last letter's place in `shown` and its forms, if it may join the next one.
    open_at, before = -1, _Forms()
    skip = False
    for at, each in enumerate(text):
        if skip:
            skip = False
            continue
        if unicodedata.category(each) == "Mn":
            shown.append(each)
            continue
        forms = ligatures.get(text[at : at + 2])
        if forms is not None:
            skip = True
        else:
            forms = letters.get(each)
        joins_before = forms is not None and forms.final is not None and open_at >= 0
        if joins_before:
            # What stands before was drawn as the end of a word, and is not.
            shown[open_at] = (before.medial if shown[open_at] == before.final else before.initial) or shown[open_at]
        if forms is None:
            shown.append(each)
            open_at = -1
            continue
        shown.append((forms.final if joins_before else forms.isolated) or each)
        open_at, before = (len(shown) - 1, forms) if forms.initial is not None else (-1, _Forms())
    return "".join(shown)


def is_right_to_left(text: str) -> bool:
    """Whether a text runs from right to left: its first letter with a direction says."""
    return next((found in _RIGHT for found in map(unicodedata.bidirectional, text) if found in ("L", "R", "AL")), False)


def visual(text: str, *, right_to_left: bool | None = None) -> str:
    """A line as it is drawn from left to right."""
    spaced = "".join(" " if unicodedata.category(each) == "Zs" else each for each in text)
    plain = "".join(each for each in spaced if each.isprintable())
    kinds = [unicodedata.bidirectional(each) for each in plain]
    if not any(kind in _RIGHT or kind == "AN" for kind in kinds):
        return plain
    base = int(is_right_to_left(plain) if right_to_left is None else right_to_left)
    text = joined(plain)
    levels = _levels(_whole_numbers([unicodedata.bidirectional(each) for each in text]), base)
    line = [each.translate(_MIRRORED) if level % 2 else each for each, level in zip(text, levels, strict=True)]
    for level in range(max(levels), 0, -1):
        line, levels = _turned(line, levels, level)
    return "".join(line)


def _whole_numbers(kinds: list[str]) -> list[str]:
    """What holds a number together or belongs to it is a part of it: 17:14, 1,000, 21/11/2026, 5 %."""
    found = list(kinds)
    for at in range(1, len(kinds) - 1):
        if kinds[at] in ("CS", "ES") and kinds[at - 1] == kinds[at + 1] and kinds[at - 1] in _NUMBERS:
            found[at] = kinds[at - 1]
    for at, kind in enumerate(kinds):
        if kind == "ET" and "EN" in (*found[max(0, at - 1) : at], *kinds[at + 1 : at + 2]):
            found[at] = "EN"
    return found


def _levels(kinds: list[str], base: int) -> list[int]:
    """Even: from left to right. Letters without a direction go with their neighbours, or else with the line."""
    # A number behind letters from right to left is one of their words (E), and read from left to right itself.
    sides: list[str | None] = []
    strong = "R" if base else "L"
    for kind in kinds:
        if kind == "L" or kind in _RIGHT:
            strong = "L" if kind == "L" else "R"
            sides.append(strong)
        elif kind in _NUMBERS:
            sides.append("E" if strong == "R" else "L")
        elif kind == "NSM" and sides:
            sides.append(sides[-1])
        else:
            sides.append(None)
    level_of = {"L": 2 * base, "R": 1, "E": 2}
    return [level_of[side or _between(sides, at, "R" if base else "L")] for at, side in enumerate(sides)]


def _between(sides: list[str | None], at: int, base: str) -> str:
    before = next((each for each in reversed(sides[:at]) if each is not None), base).replace("E", "R")
    after = next((each for each in sides[at:] if each is not None), base).replace("E", "R")
    return before if before == after else base


def _turned(line: list[str], levels: list[int], level: int) -> tuple[list[str], list[int]]:
    """Every stretch of at least this level, turned round."""
    at = 0
    while at < len(line):
        end = at
        while end < len(line) and levels[end] >= level:
            end += 1
        line[at:end], levels[at:end] = line[at:end][::-1], levels[at:end][::-1]
        at = max(end, at + 1)
    return line, levels
