"""Which font draws which character in a PDF. Knows no report.

DejaVu Sans comes with the product and is put into the file. Chinese, Japanese and Korean are asked of the reader's own
fonts, as PDF has always done; what neither has is a box, never an error.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

SANS: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
_FOLDER = Path(__file__).parent.parent / "fonts"
# By what tells the three apart: kana and hangul. Han alone is taken for Chinese.
_CHINESE, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
_UNKNOWN = "\u25a1"


class Piece(NamedTuple):
    """Characters in a row that one font draws."""

    font: str
    text: str


@lru_cache(maxsize=1)
def register() -> frozenset[int]:
    """Make the fonts known to reportlab, once per process; the characters DejaVu Sans has."""
    ours = [TTFont(name, _FOLDER / f"{name}.ttf") for name in (SANS, BOLD)]
    for font in ours:
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(SANS, normal=SANS, bold=BOLD, italic=SANS, boldItalic=BOLD)
    for name in (_CHINESE, _JAPANESE, _KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    plain, bold = (frozenset(font.face.charToGlyph) for font in ours)
    return plain & bold


def pieces(text: str, font: str = SANS) -> list[Piece]:
    """A line in the order it is drawn, cut where the font changes."""
    known = register()
    far_east = _far_eastern(text)
    found: list[Piece] = []
    for each in text:
        if ord(each) in known:
            by, drawn = font, each
        elif _is_far_eastern(each):
            by, drawn = far_east, each
        else:
            by, drawn = font, _UNKNOWN
        if found and found[-1].font == by:
            found[-1] = Piece(by, found[-1].text + drawn)
        else:
            found.append(Piece(by, drawn))
    return found


def width(text: str, size: float, font: str = SANS) -> float:
    """How wide a line is, in points."""
    return sum(float(pdfmetrics.stringWidth(each.text, each.font, size)) for each in pieces(text, font))


def shortened(text: str, most: float, size: float, font: str = SANS) -> str:
    """A line that is at most so wide, with … for what was left out."""
    if width(text, size, font) <= most:
        return text
    kept = text
    while kept and width(f"{kept}…", size, font) > most:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def _far_eastern(text: str) -> str:
    if any("\u3040" <= each <= "\u30ff" for each in text):
        return _JAPANESE
    return _KOREAN if any("\uac00" <= each <= "\ud7a3" for each in text) else _CHINESE


def _is_far_eastern(each: str) -> bool:
    # Of the planes beyond the first these fonts have nothing.
    return "\u2e80" <= each <= "\u9fff" or "\uac00" <= each <= "\ud7a3" or "\uf900" <= each <= "\ufaff"
