"""How long a text message is, as networks count: letters of seven bits, or of sixteen, in segments. Sends nothing.

One letter that is not in the GSM alphabet makes the whole message one of 16-bit letters, of which less than half as
many fit. Segments are what is paid for.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each of these takes the room of two.
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")

MOST_SEGMENTS = 4
"""Of a template, filled in with example values: 612 letters of the GSM alphabet, 268 of others."""

_MOST_SENT = 10
"""What is sent at most, whatever the values hold: more, no provider takes."""


class SmsEncoding(StrEnum):
    """Which letters a text message is made of."""

    GSM = "GSM"
    UNICODE = "UNICODE"


# What one message holds, and what each of several does.
_ROOM: Final = {SmsEncoding.GSM: (160, 153), SmsEncoding.UNICODE: (70, 67)}


@dataclass(frozen=True, slots=True)
class SmsLength:
    """What a text message takes: `units` are 7-bit letters in GSM, 16-bit ones in UNICODE."""

    encoding: SmsEncoding
    units: int
    segments: int


def measure(text: str) -> SmsLength:
    """What a text takes. No letter is cut in two: one that does not fit begins the next segment."""
    is_gsm = all(letter in _BASIC or letter in _EXTENDED for letter in text)
    encoding = SmsEncoding.GSM if is_gsm else SmsEncoding.UNICODE
    alone, each = _ROOM[encoding]
    sizes = [_size(letter, encoding) for letter in text]
    units = sum(sizes)
    if units <= alone:
        return SmsLength(encoding, units, 1)
    segments, used = 1, 0
    for size in sizes:
        if used + size > each:
            segments, used = segments + 1, 0
        used += size
    return SmsLength(encoding, units, segments)


def shortened(text: str, most: int = _MOST_SENT) -> str:
    """A text that takes at most so many segments: cut, with an ellipsis, where values made it longer."""
    if measure(text).segments <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle].rstrip() + "...").segments <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..."


def _size(letter: str, encoding: SmsEncoding) -> int:
    if encoding is SmsEncoding.GSM:
        return 2 if letter in _EXTENDED else 1
    return 2 if ord(letter) > 0xFFFF else 1
