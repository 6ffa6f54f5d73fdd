"""What somebody means who answers a message: words, tickets and numbers. Pure; does nothing about it.

Whatever would take somebody's place away is understood only where nothing else can be meant: a word for it, alone or
with a ticket number of theirs. Opting out is the other way round: a word for it counts whatever stands behind it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import phonenumbers

from app.notifications.replies.models import Command

_WORD = re.compile(r"\w+")
_WORDS: Final = {
    Command.MORE_TIME: "m more mehr plus más later später مزيد",
    Command.LEAVE: "l leave verlassen gehen quitter partir salir مغادرة",
    Command.JOIN: "j join rejoin beitreten anstellen rejoindre unirse انضمام",
    # What carriers and regulators demand, and the same in the languages we write.
    Command.STOP: "stop stopall unsubscribe optout revoke stopp abmelden arret arrêt désabonner alto baja إيقاف توقف",
    Command.START: "start unstop subscribe anmelden reprendre alta empezar ابدأ",
    Command.HELP: "help info hilfe aide ayuda مساعدة",
}
# Words for opting out that are everyday words as well: only alone.
_STOP_ALONE: Final = "cancel end quit ende fin"
_MOST_ARGUMENTS: Final = 3
_MOST_LETTERS: Final = 24
MOST_SHOWN: Final = 5


def words(text: str) -> list[str]:
    """A text's words without capitals, accents and signs."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return _WORD.findall(plain.casefold())


_COMMANDS: Final = {word: command for command, text in _WORDS.items() for word in words(text)}
_ALONE: Final = frozenset(words(_STOP_ALONE))


@dataclass(frozen=True, slots=True)
class Understood:
    """A command, and the words behind it."""

    command: Command
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meant:
    """Which of somebody's places is meant; None if that cannot be told. `places`: how many to let go first."""

    number: int | None
    places: int | None = None


def understand(text: str) -> Understood:
    """What somebody asks for."""
    first, *rest = words(text) or [""]
    if first in _ALONE and not rest:
        return Understood(Command.STOP)
    command = _COMMANDS.get(first, Command.UNKNOWN)
    if command in (Command.STOP, Command.UNKNOWN):
        return Understood(command)
    if command in (Command.START, Command.HELP):
        return Understood(Command.UNKNOWN if rest else command)
    together = "".join(rest)
    is_plain = len(rest) <= _MOST_ARGUMENTS and len(together) <= _MOST_LETTERS
    if rest and not (is_plain and any(each.isdecimal() for each in together)):
        # `L'heure?` asks for the time.
        return Understood(Command.UNKNOWN)
    return Understood(command, tuple(rest))


def meant(understood: Understood, tickets: Sequence[str], most_places: int) -> Meant:
    """Which of somebody's places, given by their ticket numbers, is meant. What cannot be told is not guessed."""
    arguments = list(understood.arguments)
    plain = ["".join(words(ticket)) for ticket in tickets]
    number: int | None = 0 if len(tickets) == 1 else None
    if (found := _ticket(arguments, plain)) is not None:
        start, end, ticket = found
        del arguments[start:end]
        number = plain.index(ticket) if plain.count(ticket) == 1 else None
    if not arguments:
        return Meant(number)
    if understood.command is Command.MORE_TIME and len(arguments) == 1 and arguments[0].isdecimal():
        places = int(arguments[0])
        if 1 <= places <= most_places:
            return Meant(number, places)
    return Meant(None)


def _ticket(arguments: Sequence[str], tickets: Sequence[str]) -> tuple[int, int, str] | None:
    """Where a ticket number stands, perhaps with a space in it: `A 042`."""
    for length in range(len(arguments), 0, -1):
        for start in range(len(arguments) - length + 1):
            together = "".join(arguments[start : start + length])
            if together in tickets:
                return start, start + length, together
    return None


def spellings(number: str) -> list[str]:
    """An international number as people leave it at the join: with the zero of the country in it as well."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return [number]
    national = phonenumbers.national_significant_number(parsed)
    return [f"+{parsed.country_code}{national}", f"+{parsed.country_code}0{national}"]
